/** Score terms in, bars that visibly add up to the score out. */
import { h, show } from "./dom.js";
import { decimals, label } from "./format.js";

/** The breakdown of one item: every term with its bar, then their sum. */
export function breakdown(item) {
  const terms = Object.entries(item.terms ?? {}).filter(([, value]) => Math.abs(value) > 5e-7);
  terms.sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const widest = Math.max(...terms.map(([, value]) => Math.abs(value)), 1e-9);
  const rows = terms.map(([name, value]) => {
    const bar = h("i", { class: value < 0 ? "less" : "" });
    bar.style.width = `${(100 * Math.abs(value)) / widest}%`;
    return h("div", { class: "term" }, h("dt", {}, label(name)), h("dd", { class: "number" }, decimals(value)), h("span", { class: "bar", "aria-hidden": "true" }, bar));
  });
  return h("div", { class: "why" },
    item.reason ? h("p", {}, item.reason) : null,
    rows.length ? h("dl", {}, rows) : h("p", {}, "No score terms came with this item."),
    rows.length ? h("div", { class: "sum number" }, h("span", {}, "Score, the sum"), h("span", {}, decimals(item.score))) : null,
    item.evidence?.length ? h("details", {}, h("summary", {}, "Evidence"), h("ul", {}, item.evidence.map((proof) => h("li", {}, proof)))) : null);
}

const panel = h("div", { class: "popover", popover: "auto", role: "dialog", "aria-label": "Why this is shown" });
document.body.append(panel);

/** Open the breakdown beside ``anchor``; Escape or a click elsewhere closes it. */
export function explain(item, anchor) {
  const content = breakdown(item);
  content.prepend(h("h3", {}, "Why this?"));
  show(panel, content);
  panel.showPopover();
  const place = anchor.getBoundingClientRect();
  const left = Math.min(Math.max(12, place.left), innerWidth - panel.offsetWidth - 12);
  const below = place.bottom + 8 + panel.offsetHeight < innerHeight;
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(12, below ? place.bottom + 8 : place.top - panel.offsetHeight - 8)}px`;
  panel.addEventListener("toggle", () => anchor.focus({ preventScroll: true }), { once: true, passive: true });
}
addEventListener("scroll", () => panel.matches(":popover-open") && panel.hidePopover(), { passive: true });
