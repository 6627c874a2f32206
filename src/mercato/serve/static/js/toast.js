/** A short message at the bottom of the page, also read aloud; it goes when the page does. */
import { announce, h } from "./dom.js";

let current = null;
let timer = 0;

export function toast(text, link) {
  current?.remove();
  clearTimeout(timer);
  current = h("div", { class: "toast" }, h("span", {}, text), link ? h("a", { href: link.href }, link.text) : null);
  document.body.append(current);
  announce(text);
  timer = setTimeout(() => current.remove(), 3500);
}
addEventListener("mercato:page", () => current?.remove());
