/** Who is shopping: what the shop knows of them, and a way to be somebody else. */
import * as api from "./api.js";
import { $, debounced, glyph, h, show } from "./dom.js";
import { count, day, label, leaf } from "./format.js";
import { go } from "./router.js";
import { become, newShopper, shopper } from "./store.js";

const drawer = $("#shopper-drawer");

/** A list of shelves with bars, the longest full. */
export function tastes(categories) {
  const most = Math.max(...categories.map(({ count: n }) => n), 1);
  return h("ul", { class: "tastes" }, categories.map(({ path, count: n }) => {
    const bar = h("i", {});
    bar.style.width = `${(100 * n) / most}%`;
    return h("li", {}, h("span", {}, leaf(path)), h("span", { class: "number muted" }, count(n)), h("span", { class: "bar", "aria-hidden": "true" }, bar));
  }));
}

const SAID = { "purchase-complete": "Bought", "add-to-cart": "Put in the cart", "remove-from-cart": "Took out", "detail-page-view": "Looked at", search: "Searched", "home-page-view": "Came in", "category-page-view": "Browsed" };
const said = (values) => (Array.isArray(values) ? values.join(", ") : String(values));

function knowledge(known) {
  const figures = [["purchases", known.purchases], ["events", known.events]].map(([name, n]) => h("div", {}, h("b", { class: "number" }, count(n)), h("span", {}, name)));
  return [
    h("div", { class: "stats" }, figures, h("div", {}, h("b", {}, day(known.last_at) || "–"), h("span", {}, "last seen"))),
  ];
}

function details(known) {
  const attributes = Object.entries(known.attributes ?? {});
  return [
    attributes.length ? [h("h3", {}, "About them"), h("div", { class: "chips" }, attributes.map(([name, values]) => h("span", { class: "chip" }, h("span", { class: "muted" }, label(name)), said(values))))] : null,
    known.top_categories?.length ? [h("h3", {}, "Buys most from"), tastes(known.top_categories)] : null,
    known.recent?.length ? [h("h3", {}, "Lately"), h("ul", { class: "small" }, known.recent.slice(0, 6).map((event) => h("li", {}, `${SAID[event.type] ?? label(event.type)} ${event.title || event.product_id || ""}`)))] : null,
  ];
}

function change(act) {
  act();
  drawer.close();
  go("/");
}

function picker() {
  const list = h("ul", { class: "people" });
  const field = h("input", { class: "field", type: "search", placeholder: "Find a shopper by id", "aria-label": "Find a shopper by id", autocomplete: "off" });
  const load = async () => {
    const { shoppers } = await api.shoppers(field.value.trim()).catch(() => ({ shoppers: [] }));
    const typed = field.value.trim();
    show(list, shoppers.length
      ? shoppers.map((one) => h("li", {}, h("button", { type: "button", dataset: { shopper: one.id }, "aria-current": one.id === shopper() ? "true" : null, onclick: () => change(() => become(one.id)) }, h("span", {}, one.id), h("span", { class: "muted number" }, `${count(one.purchases)} purchases`))))
      : h("li", {}, h("button", { type: "button", disabled: !typed, onclick: () => change(() => become(typed)) }, typed ? `Nobody begins with “${typed}”. Shop as ${typed} anyway` : "Nobody has shopped here yet")));
  };
  field.addEventListener("input", debounced(load, 150));
  load();
  return [field, list];
}

/** Open the drawer. */
export async function open() {
  const about = h("div", {}, h("p", { class: "muted" }, "…"));
  const more = h("div", {});
  show(drawer, h("div", { class: "inner" }, h("div", { class: "head" }, h("h2", {}, `You are ${shopper()}`), h("button", { type: "button", class: "button quiet", "aria-label": "Close", onclick: () => drawer.close() }, glyph("close"))),
    about, h("h3", {}, "Shop as someone else"), h("button", { type: "button", class: "button slim", id: "new-shopper", onclick: () => change(newShopper) }, glyph("plus"), "New shopper"), h("div", { class: "chips" }), picker(), more));
  drawer.showModal();
  try {
    const known = await api.shopper(shopper());
    show(about, knowledge(known));
    show(more, details(known));
  } catch (problem) {
    show(about, h("p", { class: "muted" }, problem.status === 404 ? "The shop knows nothing of you yet: no purchase, no click." : problem.message));
  }
}

drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
