/** The cart in, a purchase out. */
import { address, changeQuantity } from "../card.js";
import { announce, glyph, h, show } from "../dom.js";
import { send, settled } from "../events.js";
import { money, plural, sizeOf, withoutSize } from "../format.js";
import { go } from "../router.js";
import { row } from "../row.js";
import { cart, cartCount, didJust, emptyCart, newVisit, read, write } from "../store.js";
import { drawing, tile } from "../tile.js";

const cost = (lines) => lines.reduce((sum, line) => sum + (line.price ?? 0) * line.quantity, 0);
const originOf = ({ slate_id, position }) => (slate_id ? { slate_id, position } : {});

function line(item, redraw) {
  const set = (quantity) => {
    changeQuantity(item, quantity, originOf(item));
    announce(quantity ? `${quantity} of ${item.title}` : `${item.title} taken out`);
    redraw();
  };
  return h("li", { dataset: { id: item.id } }, h("a", { href: address(item), tabindex: "-1", "aria-hidden": "true" }, tile(item)),
    h("div", {}, h("a", { href: address(item) }, withoutSize(item.title)), h("p", { class: "muted small" }, [item.brand, sizeOf(item)].filter(Boolean).join(" · ")),
      h("button", { type: "button", class: "remove", "aria-label": `Remove ${item.title}`, onclick: () => set(0) }, "Remove")),
    h("div", { class: "stepper" }, h("button", { type: "button", "aria-label": `Fewer ${item.title}`, onclick: () => set(item.quantity - 1) }, glyph("minus")), h("output", {}, String(item.quantity)),
      h("button", { type: "button", "aria-label": `More ${item.title}`, onclick: () => set(item.quantity + 1) }, glyph("plus"))),
    h("p", { class: "cost" }, money((item.price ?? 0) * item.quantity, item.currency)));
}

/* One purchase event a line, all of one basket; the visit ends with it. */
async function checkout(lines) {
  for (const item of lines) {
    const value = item.price === null || item.price === undefined ? {} : { value: Math.round(item.price * item.quantity * 1000) / 1000, currency: item.currency ?? undefined };
    send("purchase-complete", { product_id: item.id, quantity: item.quantity, ...value, ...originOf(item) });
  }
  write("order", lines, sessionStorage);
  didJust(`you bought ${plural(lines.length, "thing")}`);
  await settled(3000);
  emptyCart();
  newVisit();
  await go("/thanks");
}

/** The cart's element. */
export function cartPage() {
  const page = h("div", { class: "wrap", dataset: { title: "Cart" } });
  let more = null;
  function draw() {
    const lines = cart();
    if (!lines.length) {
      const ideas = row({ placement: "home", title: "Some ideas", key: "empty-cart" });
      ideas.load();
      return show(page, h("div", { class: "nothing" }, drawing("bag"), h("h1", { tabindex: "-1" }, "Your cart is empty"), h("p", {}, "What you add waits here, also when you come back later.")), ideas.element);
    }
    const currency = lines[0].currency;
    const buy = h("button", { type: "button", class: "button primary", id: "checkout" }, "Buy now");
    buy.addEventListener("click", () => {
      buy.disabled = true;
      checkout(lines);
    });
    more = row({ placement: "cart", title: "Goes with your cart", why: "From baskets that hold the same things", request: { cart: lines.map((item) => item.id).slice(-200) }, key: "cart" });
    more.load();
    return show(page, h("div", { class: "cartpage" }, h("div", {}, h("h1", { tabindex: "-1" }, "Cart"), h("ul", { class: "lines" }, lines.map((item) => line(item, draw)))),
      h("aside", { class: "summary", "aria-label": "Order" }, h("h2", {}, "Your order"), h("p", { class: "linesum" }, h("span", {}, plural(cartCount(), "item")), h("span", {}, money(cost(lines), currency))),
        h("p", { class: "linesum total" }, h("span", {}, "Total"), h("span", { id: "sum" }, money(cost(lines), currency))), buy, h("p", { class: "muted small" }, "A demonstration: nothing is charged, and the purchase teaches this shop."))), more.element);
  }
  const added = () => (page.isConnected ? draw() : removeEventListener("mercato:added", added));
  addEventListener("mercato:added", added);
  draw();
  return page;
}

/** The page after a purchase: what was bought, and lists that already know it. */
export function thanks() {
  const lines = read("order", [], sessionStorage);
  const rows = [row({ placement: "home", title: "For you, from now on", why: "Your purchase is already in this list" }), row({ placement: "buy-again", title: "Buy again", why: "What you just bought is known here" })];
  rows.forEach((one) => one.load());
  return h("div", { class: "wrap", dataset: { title: "Thank you" } }, h("section", { class: "thanks" }, h("h1", { tabindex: "-1" }, "Thank you"),
    h("ul", {}, lines.map((item) => h("li", {}, h("span", {}, `${item.quantity} × ${item.title}`), h("span", { class: "number" }, money((item.price ?? 0) * item.quantity, item.currency)))))), rows.map((one) => one.element));
}
