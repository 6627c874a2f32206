/** A results page's address in, the search it stands for out; and back. */

const OWN = new Set(["q", "page", "sort", "category", "price", "shop"]);
export const PER_PAGE = 24;
export const DEEPEST = 10_000;

/** {q, page, sort, category, price: {min, max} | null, chosen: {field: [values]}} from a query string. */
export function parse(text) {
  const given = new URLSearchParams(text);
  const chosen = {};
  for (const [name, value] of given) if (!OWN.has(name)) (chosen[name] ??= []).push(value);
  const [min, max] = (given.get("price") ?? "").split("-").map((x) => (x === "" || Number.isNaN(Number(x)) ? undefined : Number(x)));
  return {
    q: given.get("q") ?? "",
    page: Math.max(0, (Number.parseInt(given.get("page"), 10) || 1) - 1),
    sort: given.get("sort") ?? "",
    category: given.get("category") ?? "",
    price: min === undefined && max === undefined ? null : { min, max },
    chosen,
  };
}

/** The address of a search; a change of anything but the page starts at the first page again. */
export function addressOf(state, change = {}) {
  const next = { ...state, page: 0, ...change };
  const text = new URLSearchParams();
  if (next.q) text.set("q", next.q);
  if (next.category) text.set("category", next.category);
  for (const [field, values] of Object.entries(next.chosen)) values.forEach((value) => text.append(field, value));
  if (next.price) text.set("price", `${next.price.min ?? ""}-${next.price.max ?? ""}`);
  if (next.sort) text.set("sort", next.sort);
  if (next.page) text.set("page", next.page + 1);
  return `/search?${text}`;
}

export const categoryAddress = (path) => `/search?${new URLSearchParams({ category: path })}`;

/** With ``value`` of ``field`` switched on or off. */
export function toggled(state, field, value) {
  const now = state.chosen[field] ?? [];
  const values = now.includes(value) ? now.filter((other) => other !== value) : [...now, value];
  const chosen = { ...state.chosen, [field]: values };
  if (!values.length) delete chosen[field];
  return { chosen };
}

/** The filter for the API; ``without`` leaves one field's own choice out, to count its alternatives. */
export function whereOf(state, without = "") {
  const where = {};
  for (const [field, values] of Object.entries(state.chosen)) if (field !== without) where[field] = values;
  if (state.category) where.categories = [state.category];
  if (state.price) where.price = Object.fromEntries(Object.entries(state.price).filter(([, bound]) => bound !== undefined));
  return Object.keys(where).length ? where : undefined;
}
