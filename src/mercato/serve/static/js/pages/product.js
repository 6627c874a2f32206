/** One product in, its page out: facts, cart, why it was shown, what is like it and what goes with it. */
import * as api from "../api.js";
import { addToCart } from "../card.js";
import { glyph, h, show } from "../dom.js";
import { send } from "../events.js";
import { count, label, leaf, money, parts, shownAttributes, withoutSize } from "../format.js";
import { categoryAddress, likeAddress } from "../query.js";
import { row } from "../row.js";
import { cart, didJust, quantityOf } from "../store.js";
import { tile } from "../tile.js";
import { breakdown } from "../why.js";

/* Where the shopper came from, if it was a list of ours. */
function originOf(id) {
  try {
    const origin = JSON.parse(sessionStorage.getItem("mercato.origin"));
    return origin?.id === id ? origin : null;
  } catch {
    return null;
  }
}

function facts(product, summary) {
  const rows = shownAttributes(product).map(([name, values]) => [label(name), values.join(", ")]);
  if (product.brand) rows.unshift(["Brand", product.brand]);
  if (product.availability && product.availability !== "in-stock") rows.push(["Availability", product.availability]);
  if (summary?.count) rows.push(["Reviews", `${summary.average?.toFixed(1)} of 5, from ${count(summary.count)}`]);
  return rows.length ? h("dl", { class: "facts" }, rows.map(([name, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text)))) : null;
}

function crumbs(product) {
  const path = product.categories?.[0];
  if (!path) return null;
  return h("nav", { class: "wrap crumbs", "aria-label": "Shelf" }, h("ol", {}, parts(path).map((name, place, all) => h("li", {}, h("a", { href: categoryAddress(all.slice(0, place + 1).join(" > ")) }, name)))));
}

function buyer(product, origin) {
  let n = 1;
  const shown = h("output", { "aria-live": "polite", "aria-label": "Quantity" }, "1");
  const set = (next) => {
    n = Math.min(99, Math.max(1, next));
    shown.textContent = String(n);
  };
  const button = h("button", { type: "button", class: "button primary", id: "add" }, "Add to cart");
  button.addEventListener("click", () => {
    addToCart(product, origin, n);
    show(button, glyph("check"), `${quantityOf(product.id)} in cart`);
  });
  return h("div", { class: "buy" }, h("div", { class: "stepper" },
    h("button", { type: "button", "aria-label": "Fewer", onclick: () => set(n - 1) }, glyph("minus")), shown,
    h("button", { type: "button", "aria-label": "More", onclick: () => set(n + 1) }, glyph("plus"))), button);
}

/* Once something went in the cart, the row that answers to the whole cart takes the place of the one for this product. */
function cartRow(holder) {
  const added = () => {
    if (!holder.isConnected) return removeEventListener("mercato:added", added);
    const more = row({ placement: "cart", title: "Goes with your cart", why: "From baskets that hold the same things", request: { cart: cart().map((line) => line.id).slice(-200) } });
    show(holder, more.element);
    return more.load();
  };
  addEventListener("mercato:added", added);
}

/** The element; its rows still loading. */
export async function product([, encoded]) {
  const id = decodeURIComponent(encoded);
  let thing;
  try {
    thing = await api.product(id);
  } catch (problem) {
    return h("div", { class: "wrap nothing", dataset: { title: "Not here" } }, h("h1", { tabindex: "-1" }, problem.status === 404 ? "We do not carry that" : "That did not work"), h("p", {}, problem.message), h("p", {}, h("a", { class: "button", href: "/" }, "To the shop")));
  }
  const item = { ...thing, image: thing.images?.[0] };
  const came = originOf(id);
  const origin = came ? { slate_id: came.slate_id, position: came.position } : {};
  send("detail-page-view", { product_id: id, ...origin });
  didJust(`you looked at ${withoutSize(item.title)}`);
  const summary = await api.reviews(id).catch(() => null);
  const alike = item.image && (await api.pictures()).searchable;
  const [together, similar] = [
    row({ placement: "together", title: "Bought together", why: "In the same baskets as this", request: { product: id, cart: cart().map((line) => line.id).slice(-200) }, key: `together.${id}`, holds: (items) => items.some(({ terms }) => terms?.behaviour > 0) }),
    row({ placement: "similar", title: "Similar", why: "Of the same kind", request: { product: id }, key: `similar.${id}` }),
  ];
  together.load();
  similar.load();
  const holder = h("div", {}, together.element);
  cartRow(holder);
  return h("div", { dataset: { title: item.title } }, crumbs(item), h("div", { class: "wrap product" }, tile(item), h("div", {},
    h("h1", { tabindex: "-1" }, item.title),
    h("p", { class: "amount number" }, money(item.price, item.currency)),
    buyer(item, origin),
    came?.terms && Object.keys(came.terms).length ? h("details", { class: "whybox" }, h("summary", {}, "Why was this shown to you?"), breakdown(came)) : null,
    item.description ? h("p", { class: "description" }, item.description) : null,
    facts(item, summary),
    h("p", { class: "chips" },
      item.categories?.[0] ? h("a", { class: "chip", href: categoryAddress(item.categories[0]) }, `More ${leaf(item.categories[0])}`) : null,
      alike ? h("a", { class: "chip", href: likeAddress(id) }, glyph("camera"), "What looks like this") : null))),
  h("div", { class: "wrap" }, holder, similar.element));
}
