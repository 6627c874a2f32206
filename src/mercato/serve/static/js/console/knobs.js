/** The knobs of one placement in, sliders out; what was turned comes back as the body of a PATCH. */
import { h, show } from "../dom.js";
import { share } from "../format.js";

const parts = (value) => share(value) || "0 %";

export const KNOBS = {
  personal: { title: "Consistent or personal", short: "Personal", low: "the same for everybody", high: "personal", most: 100, step: 1, said: String, off: 100, hint: "Between what sells, for everybody, and the shopper's own order. What each step costs is measured below." },
  tail: { title: "Places for the tail", short: "Tail", low: "none", high: "all", most: 1, step: 0.05, said: parts, off: 0, hint: "The share of places kept for products outside those that make 80 % of sales, as far as they are good enough." },
  calibrated: { title: "Calibration", short: "Calibration", low: "as it comes", high: "the shopper's own mix", most: 1, step: 0.05, said: parts, off: 0, hint: "Towards the departments a shopper buys from, in their proportions." },
  diverse: { title: "Diversity", short: "Diversity", low: "as it comes", high: "nothing alike", most: 1, step: 0.05, said: parts, off: 0, hint: "Away from products whose descriptions say the same." },
};

export const said = (knob, value) => KNOBS[knob].said(value);

function slider(knob, { value, written, turned }, changed) {
  const { title, low, high, most, step, hint } = KNOBS[knob];
  const field = h("input", { type: "range", id: `knob-${knob}`, name: knob, min: 0, max: most, step, value, "aria-describedby": `about-${knob}` });
  const told = h("output", { for: `knob-${knob}` }, said(knob, value));
  const back = h("button", { type: "button", class: "button quiet slim", hidden: !turned }, `Back to ${said(knob, written)}, as in mercato.toml`);
  const now = { back: false, get value() { return Number(field.value); } };
  const tell = () => {
    told.textContent = said(knob, now.value);
    field.setAttribute("aria-valuetext", `${said(knob, now.value)}, from ${low} to ${high}`);
  };
  field.addEventListener("input", () => { now.back = false; tell(); changed(); });
  back.addEventListener("click", () => { field.value = written; now.back = true; tell(); changed(); });
  tell();
  const element = h("div", { class: "knob" }, h("div", { class: "head" }, h("label", { for: `knob-${knob}` }, title), told), field,
    h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, low), h("span", {}, high)), h("p", { class: "hint", id: `about-${knob}` }, hint), back);
  return { element, now };
}

/** Sliders for ``knobs`` (as GET /v1/lists says); ``changed`` is called whenever one moves. */
export function sliders(knobs, changed) {
  const made = Object.fromEntries(Object.keys(KNOBS).map((knob) => [knob, slider(knob, knobs[knob], changed)]));
  const each = (of) => Object.fromEntries(Object.entries(made).map(([knob, { now }]) => [knob, of(now, knob)]));
  return {
    element: h("div", { class: "knobs" }, Object.values(made).map(({ element }) => element)),
    /** Where every slider stands. */
    values: () => each((now) => now.value),
    /** All knobs as they would be: null goes back to mercato.toml. */
    wish: () => each((now) => (now.back ? null : now.value)),
    /** Only what differs from what is in force. */
    turned: () => Object.fromEntries(Object.entries(each((now, knob) => (now.back && knobs[knob].turned ? null : now.value))).filter(([knob, value]) => value === null || value !== knobs[knob].value)),
  };
}

/** What moved, in words as well as in colour. */
export function moved(item, place) {
  if (item.was === null) return h("span", { class: "move in" }, "new");
  if (item.was === place) return h("span", { class: "move" });
  const up = item.was > place;
  return h("span", { class: `move ${up ? "up" : "down"}` }, h("span", { "aria-hidden": "true" }, `${up ? "▲" : "▼"} ${Math.abs(item.was - place)}`), h("span", { class: "unseen" }, `${up ? "up" : "down"} ${Math.abs(item.was - place)}`));
}

/* Where it stands in the shop, and what the shop's rules did to it. */
const about = ({ category, pinned, lifted }) => h("span", { class: "hint" }, [category.split(" > ")[0], pinned ? "pinned" : "", lifted > 0 ? "boosted" : "", lifted < 0 ? "buried" : ""].filter(Boolean).join(" · "));

/** Both lists side by side, what moves marked; ``after`` is the heading of the second, ``none`` what an empty one says. */
export function sideBySide(holder, { now, turned, product }, after = "Turned", none = "Nothing for this shopper.") {
  const stays = new Set(turned.map(({ id }) => id));
  const list = (title, items, mark, kind = "") => h("section", { class: `lane ${kind}` }, h("h3", {}, title),
    items.length ? h("ol", {}, items.map((item, place) => h("li", {}, h("span", {}, item.title), mark(item, place), about(item)))) : h("p", { class: "hint" }, none));
  show(holder, product ? h("p", { class: "hint" }, `Beside ${product.title}`) : null, h("div", { class: "pair" },
    list("Now", now, (item) => (stays.has(item.id) ? h("span", { class: "move" }) : h("span", { class: "move out" }, "leaves"))),
    list(after, turned, moved, "final")));
}
