/** A placement in, a row of cards out, saying what changed since this shopper last saw it. */
import { recommend } from "./api.js";
import { banner } from "./banner.js";
import { bundle } from "./bundle.js";
import { bones, card } from "./card.js";
import { glyph, h, show } from "./dom.js";
import { settled } from "./events.js";
import { plural } from "./format.js";
import { just, read, session, shopper, write } from "./store.js";

/** Ids new since the last time this shopper saw this row, null the first time. */
function freshIds(key, items) {
  const memory = `row.${shopper()}.${key}`;
  const before = read(memory, null, sessionStorage);
  write(memory, items.map((item) => item.id), sessionStorage);
  if (!before) return null;
  const known = new Set(before);
  return new Set(items.filter((item) => !known.has(item.id)).map((item) => item.id));
}

function pager(track) {
  const step = (direction) => track.scrollBy({ left: direction * track.clientWidth * 0.92 });
  const back = h("button", { type: "button", "aria-label": "Scroll back", onclick: () => step(-1) }, glyph("left"));
  const on = h("button", { type: "button", "aria-label": "Scroll on", onclick: () => step(1) }, glyph("right"));
  const check = () => {
    back.disabled = track.scrollLeft < 8;
    on.disabled = track.scrollLeft + track.clientWidth > track.scrollWidth - 8;
  };
  track.addEventListener("scroll", check, { passive: true });
  new ResizeObserver(check).observe(track);
  return h("div", { class: "pager" }, back, on);
}

/**
 * A row for ``placement``. ``request`` is what the call takes besides shopper and session, ``why`` one line under the
 * title, ``empty`` what to say when there is nothing (no text: the row disappears), ``holds`` whether the items are what
 * the title says (else the row disappears too). ``load`` can be called again.
 */
export function row({ placement, title, why = "", empty = "", request = {}, k = 18, key = placement, holds = () => true }) {
  const track = h("ul", { class: "track", tabindex: "-1" }, bones(6));
  const note = h("p", {}, why);
  const said = h("div", {});
  const sets = h("ul", { class: "bundles", "aria-label": "Taken together" });
  const id = `row-${key}`;
  const section = h("section", { class: "row", "aria-labelledby": id, dataset: { placement } },
    h("header", {}, h("div", {}, h("h2", { id }, title), note), pager(track)), said, track, sets);

  async function load() {
    await settled();
    let slate;
    try {
      slate = await recommend(placement, { k, shopper: shopper(), session: session(), ...request });
    } catch (problem) {
      section.hidden = problem.status === 404;
      show(track, h("li", { class: "empty" }, `${problem.message}. ${problem.hint}`));
      return;
    }
    const fresh = freshIds(key, slate.items);
    const bundles = (slate.bundles ?? []).filter((one) => one.products > 1); // one alone has its card
    section.hidden = (!slate.items.length && !bundles.length && !empty) || !holds(slate.items);
    section.dataset.slate = slate.slate_id;
    show(said, (slate.banners ?? []).map(banner));
    show(sets, bundles.map((one) => bundle(one, slate)));
    show(track, slate.items.length
      ? slate.items.map((item, place) => h("li", {}, card(item, slate, place, fresh?.has(item.id))))
      : h("li", { class: "empty" }, empty));
    const did = just();
    const moved = fresh?.size && did;
    note.className = moved ? "changed" : "";
    note.textContent = moved ? `${plural(fresh.size, "new pick")} since ${did.words}` : why;
  }

  return { element: section, load };
}
