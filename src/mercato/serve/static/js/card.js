/** One item of a list in, its card out; clicks become events that point back to the list. */
import { glyph, h, show } from "./dom.js";
import { send } from "./events.js";
import { money, plural, sizeOf, withoutSize } from "./format.js";
import { didJust, quantityOf, setQuantity } from "./store.js";
import { tile } from "./tile.js";
import { toast } from "./toast.js";
import { explain } from "./why.js";

export const address = (item) => `/product/${encodeURIComponent(item.id)}`;

/** Put one more in the cart and say so; ``origin`` is {slate_id, position} of the list it stood in. */
export const addToCart = (item, origin = {}, quantity = 1) => addAllToCart([item], origin, quantity);

/** Put each of ``items`` in the cart, an event each, and say so once. */
export function addAllToCart(items, origin = {}, quantity = 1) {
  for (const item of items) {
    setQuantity(item, quantityOf(item.id) + quantity, origin);
    send("add-to-cart", { product_id: item.id, quantity, ...origin });
  }
  const what = items.length > 1 ? plural(items.length, "thing") : withoutSize(items[0].title);
  didJust(`you added ${what}`);
  toast(`${what} ${items.length > 1 ? "are" : "is"} in your cart`, { text: "Cart", href: "/cart" });
  dispatchEvent(new CustomEvent("mercato:added"));
}

/** Set a line's quantity from the cart or a product page; every step is an event. */
export function changeQuantity(item, quantity, origin = {}) {
  const before = quantityOf(item.id);
  setQuantity(item, quantity, origin);
  const type = quantity > before ? "add-to-cart" : "remove-from-cart";
  send(type, { product_id: item.id, quantity: Math.abs(quantity - before), ...origin });
  didJust(`you ${quantity > before ? "added" : "took out"} ${withoutSize(item.title)}`);
}

/** The title without its size, the words of the query marked. */
function marked(item) {
  const title = withoutSize(item.title);
  const parts = [];
  let end = 0;
  for (const [start, stop] of item.highlights?.title?.spans ?? []) {
    if (stop > title.length) break;
    parts.push(title.slice(end, start), h("mark", {}, title.slice(start, stop)));
    end = stop;
  }
  return [...parts, title.slice(end)];
}

function adder(item, origin) {
  const button = h("button", { type: "button" });
  const draw = () => {
    const n = quantityOf(item.id);
    button.className = n ? "filled" : "";
    button.setAttribute("aria-label", n ? `${n} in cart. Add another ${item.title}` : `Add ${item.title} to cart`);
    show(button, n ? String(n) : glyph("plus"));
  };
  button.addEventListener("click", () => {
    addToCart(item, origin);
    draw();
  });
  draw();
  return h("div", { class: "adder" }, h("div", { class: "add" }, button));
}

function reason(item) {
  const button = h("button", { type: "button", class: "reason", "aria-label": `Why ${item.title}? ${item.reason}` }, glyph("spark"), h("span", {}, item.reason));
  button.addEventListener("click", () => explain(item, button));
  return button;
}

/** The card; ``list`` is {slate_id, offset?}, ``position`` the place in the list as answered, ``fresh`` marks a new pick. */
export function card(item, list, position, fresh = false) {
  const origin = { slate_id: list.slate_id, position };
  const size = sizeOf(item);
  const link = h("a", { href: address(item), title: item.title },
    tile(item, [size ? h("span", { class: "badge" }, size) : null, fresh ? h("span", { class: "fresh" }, "New pick") : null].filter(Boolean)));
  const words = h("a", { href: address(item), tabindex: "-1" },
    h("p", { class: "price" }, money(item.price, item.currency)),
    h("p", { class: "title" }, marked(item)),
    item.brand ? h("p", { class: "brandline" }, item.brand) : null);
  for (const target of [link, words]) {
    target.addEventListener("click", () => {
      history.replaceState({ ...history.state, scroll: scrollY }, "");
      sessionStorage.setItem("mercato.origin", JSON.stringify({ id: item.id, ...origin, terms: item.terms, reason: item.reason, score: item.score, evidence: item.evidence }));
    });
  }
  link.setAttribute("aria-label", [item.title, money(item.price, item.currency), item.brand].filter(Boolean).join(", "));
  return h("article", { class: "card", dataset: { id: item.id } }, link, adder(item, origin), words, item.reason ? reason(item) : null);
}

/** Grey bones while a list is on its way. */
export const bones = (n) => Array.from({ length: n }, () => h("li", {}, h("div", { class: "card" }, h("div", { class: "bone square" }), h("div", { class: "bone line" }), h("div", { class: "bone line" }))));
