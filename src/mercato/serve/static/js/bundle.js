/** Products that go together in, one line with their total and one button out. */
import { addAllToCart, address } from "./card.js";
import { h } from "./dom.js";
import { money, withoutSize } from "./format.js";
import { tile } from "./tile.js";

function part(item) {
  return h("li", {}, h("a", { href: address(item), title: item.title }, tile(item),
    h("span", { class: "title" }, withoutSize(item.title)), h("span", { class: "price" }, money(item.price, item.currency))));
}

/** ``list`` is the answer that offered the bundle; what is added points back to it. */
export function bundle({ ids, items, price, currency, reason }, list) {
  const button = h("button", { type: "button", class: "button slim" }, "Add all to cart");
  button.setAttribute("aria-label", `Add all to cart: ${items.map((item) => item.title).join(", ")}`);
  button.addEventListener("click", () => {
    button.disabled = true;
    addAllToCart(items, { slate_id: list.slate_id });
  });
  return h("li", { class: "bundle", dataset: { ids: ids.join(" ") } }, h("ul", {}, items.map(part)),
    h("div", { class: "offer" }, price === null ? null : h("p", { class: "total number" }, money(price, currency)), button, h("p", { class: "muted small" }, reason)));
}
