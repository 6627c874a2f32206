/** What the shop says above a list in, the element out. */
import { h } from "./dom.js";

/** The server keeps only addresses of its own or of web pages. */
export function banner({ text, url, image }) {
  const inside = [image ? h("img", { src: image, alt: "" }) : null, h("span", {}, text)];
  return h("div", { class: "banner" }, url ? h("a", { href: url }, inside) : inside);
}
