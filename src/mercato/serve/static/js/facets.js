/** Counts in, the filter column out: a tree of shelves, then one group a field, each value with how many it leaves. */
import { h } from "./dom.js";
import { count, label, leaf, money, parts } from "./format.js";
import { UNFILTERED, addressOf, ranged, toggled } from "./query.js";
import { go } from "./router.js";

const SHOWN = 8;
const group = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);
const number = (n) => h("span", { class: "n" }, count(n));

function shelves(state, counts) {
  const here = state.category;
  const depth = here ? parts(here).length : 0;
  const below = Object.entries(counts).filter(([path]) => parts(path).length === depth + 1 && (!here || path.startsWith(`${here} > `)));
  const above = here ? parts(here).map((name, place, all) => [name, all.slice(0, place).join(" > ")]) : [];
  const entry = (path, n, deep) => h("li", { class: deep ? "deep" : "" }, h("a", { href: addressOf(state, { category: path }) }, h("span", { class: "name" }, leaf(path)), number(n)));
  const up = above.map(([name, parent], place) =>
    h("li", {}, h("a", { href: addressOf(state, { category: parent }), class: place === above.length - 1 ? "here" : "", "aria-label": `${name}: leave this shelf` }, h("span", { class: "name" }, `‹ ${name}`))));
  return below.length || up.length ? group("Shelves", h("ul", {}, up, folded(below.map(([path, n]) => entry(path, n, depth > 0))))) : null;
}

/* The first few stay, the rest unfold. */
function folded(entries) {
  if (entries.length <= SHOWN + 2) return entries;
  const rest = entries.slice(SHOWN);
  rest.forEach((entry) => { entry.hidden = true; });
  const more = h("button", { type: "button", class: "more" }, `Show ${rest.length > 40 ? "more" : `${rest.length} more`}`);
  const shown = rest.slice(0, 40);
  more.addEventListener("click", () => {
    shown.forEach((entry) => { entry.hidden = false; });
    more.parentElement.remove();
    shown[0].querySelector("a, input")?.focus();
  });
  return [...entries.slice(0, SHOWN), ...shown, h("li", {}, more)];
}

function values(state, field, counts) {
  const chosen = state.chosen[field] ?? [];
  const entries = Object.entries(counts);
  for (const value of chosen) if (!(value in counts)) entries.unshift([value, 0]);
  if (!chosen.length && entries.length < 2) return null;
  entries.sort(([a, n], [b, m]) => chosen.includes(b) - chosen.includes(a) || m - n || a.localeCompare(b));
  return group(label(field), h("ul", {}, folded(entries.map(([value, n]) => {
    const box = h("input", { type: "checkbox", checked: chosen.includes(value), dataset: { focus: `${field}=${value}` }, onchange: () => go(addressOf(state, toggled(state, field, value))) });
    return h("li", {}, h("label", {}, box, h("span", { class: "name" }, value), number(n)));
  }))));
}

/* "under 5", "5 – 10", "10 and above": what a bucket holds, the upper end itself not. */
function rangeName(field, { min, max, below }, currency) {
  const say = (n) => (field === "price" ? money(n, currency) : count(n));
  const end = below ?? max;
  if (min === undefined) return `${below === undefined ? "Up to" : "Under"} ${say(end)}`;
  return end === undefined ? `${say(min)} and above` : `${say(min)} – ${say(end)}`;
}

/* One bucket at a time: a tick moves the range, a second takes it off. */
function buckets(state, field, spread, currency) {
  if (!(spread?.buckets.length > 1)) return null;
  const now = state.ranges[field];
  return h("ul", {}, spread.buckets.map(({ count: n, ...range }) => {
    const checked = Boolean(now) && now.min === range.min && now.below === range.below && now.max === undefined;
    const box = h("input", { type: "checkbox", checked, disabled: !n && !checked, dataset: { focus: `${field}=${range.min ?? ""}` }, onchange: () => go(addressOf(state, ranged(state, field, range))) });
    return h("li", {}, h("label", {}, box, h("span", { class: "name" }, rangeName(field, range, currency)), number(n)));
  }));
}

function price(state, spread, currency) {
  const now = state.ranges.price ?? {};
  const typed = { min: now.min, max: now.max ?? now.below };
  const whole = { min: spread && Math.floor(spread.min), max: spread && Math.ceil(spread.max) };
  const field = (name, text) => h("input", { class: "field number", name, inputmode: "decimal", placeholder: whole[name] ?? text, "aria-label": `${text} price`, value: typed[name] ?? "" });
  const form = h("form", {}, field("min", "From"), h("span", { "aria-hidden": "true" }, "–"), field("max", "To"), h("button", { class: "button slim" }, "Set"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const range = {};
    for (const name of ["min", "max"]) {
      const text = form.elements[name].value.trim().replace(",", ".");
      if (text !== "" && !Number.isNaN(Number(text))) range[name] = Math.max(0, Number(text));
    }
    const { price: _, ...others } = state.ranges;
    go(addressOf(state, { ranges: Object.keys(range).length ? { ...others, price: range } : others }));
  });
  return group("Price", buckets(state, "price", spread, currency), form);
}

function rating(state, spread) {
  const list = buckets(state, "rating", spread);
  return list ? group("Rating", list) : null;
}

/**
 * The whole column for ``state``; ``facets`` is {field: {value: count}}, ``ranges`` {field: {min, max, buckets}} of those
 * fields of numbers that the answer has, ``currency`` the one that prices are shown in.
 */
export function column(state, facets, ranges = {}, currency = "") {
  const { categories = {}, ...fields } = facets;
  return [
    shelves(state, categories),
    price(state, ranges.price, currency),
    rating(state, ranges.rating),
    ...Object.entries(fields).map(([field, counts]) => values(state, field, counts)),
  ];
}

/** What is filtered, each with a way out. */
export function chips(state, currency = "") {
  const out = (text, change) => h("a", { class: "chip", href: addressOf(state, change), "aria-label": `Remove filter ${text}` }, text, h("span", { "aria-hidden": "true" }, "×"));
  const list = [];
  if (state.category) list.push(out(leaf(state.category), { category: "" }));
  for (const [field, range] of Object.entries(state.ranges)) {
    const name = rangeName(field, range, currency);
    list.push(out(field === "price" ? name : `${label(field)}: ${name}`, ranged(state, field, null)));
  }
  for (const [field, chosen] of Object.entries(state.chosen)) for (const value of chosen) list.push(out(value, toggled(state, field, value)));
  if (list.length > 1) list.push(h("a", { class: "chip", href: addressOf(state, UNFILTERED) }, "Clear all"));
  return list.length ? h("div", { class: "chips", "aria-label": "Active filters" }, list) : null;
}
