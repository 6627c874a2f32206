/** Figures in, bars, stacks, whiskers and tables out. */
import { h, svg } from "../dom.js";
import { count, decimals, label } from "../format.js";

/** [[name, value, colour?]] as bars, the longest full; below zero in another colour. */
export function bars(pairs, digits = 3) {
  const most = Math.max(...pairs.map(([, value]) => Math.abs(value)), 1e-9);
  return h("ul", { class: "bars" }, pairs.map(([name, value, colour = ""]) => {
    const bar = h("i", { class: value < 0 ? "less" : colour });
    bar.style.width = `${(100 * Math.abs(value)) / most}%`;
    return h("li", {}, h("span", {}, label(name)), h("span", { class: "bar", "aria-hidden": "true" }, bar), h("span", { class: "n" }, decimals(value, digits)));
  }));
}

/** A mean with its interval on an axis from 0 to ``most``. */
export function whisker({ mean, low, high }, most) {
  const x = (value) => (100 * value) / most;
  const line = (x1, y1, x2, y2, name = "") => svg("line", { x1, y1, x2, y2, class: name });
  return svg("svg", { viewBox: "0 0 100 22", preserveAspectRatio: "none", class: "whisker", role: "img", "aria-label": `${decimals(mean)}, between ${decimals(low)} and ${decimals(high)}` },
    line(0, 11, 100, 11, "axis"), line(x(low), 11, x(high), 11), line(x(low), 6, x(low), 16), line(x(high), 6, x(high), 16), line(x(mean), 7, x(mean), 15, "mean"));
}

/** Terms as parts of one bar, as wide as their share of ``most``; names fix the colours. */
export function stack(terms, names, most) {
  return h("span", { class: "stack", "aria-hidden": "true" }, names.filter((name) => terms[name] > 0).map((name) => {
    const part = h("i", { class: `c${names.indexOf(name) % 8}`, title: `${label(name)} ${decimals(terms[name])}` });
    part.style.width = `${(100 * terms[name]) / most}%`;
    return part;
  }));
}

export const legend = (names) => h("p", { class: "legend" }, names.map((name, place) => h("span", {}, h("i", { class: `c${place % 8}`, "aria-hidden": "true" }), label(name))));

export const figures = (pairs) => h("div", { class: "figures" }, pairs.map(([name, value]) => h("div", {}, h("b", {}, typeof value === "number" ? count(value) : value), h("span", {}, name))));

/** Headings are text or {text, number}; cells are text or elements. */
export function table(headings, rows, classOf = () => "") {
  const numeric = headings.map((heading) => heading.number);
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, headings.map((heading) => h("th", { scope: "col", class: heading.number ? "number" : "" }, heading.text ?? heading)))),
    h("tbody", {}, rows.map((cells, place) => h("tr", { class: classOf(place) }, cells.map((cell, column) => h("td", { class: numeric[column] ? "number" : "" }, cell ?? "")))))));
}

export const empty = (text) => h("p", { class: "empty" }, text);
export const mark = (kind, text = kind) => h("span", { class: `mark ${kind}` }, text);
