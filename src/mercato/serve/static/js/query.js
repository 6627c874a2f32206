/** A results page's address in, the search it stands for out; and back. */

/** Fields of numbers one may narrow by. */
export const RANGED = ["price", "rating"];
const OWN = new Set(["q", "picture", "like", "page", "sort", "category", "shop", ...RANGED]);
export const PER_PAGE = 24;
export const DEEPEST = 10_000;

/* "5-10" is from 5 to 10, "5-<10" to what is below 10; either end may be missing. */
function rangeOf(text) {
  const number = (x) => (x === "" || Number.isNaN(Number(x)) ? undefined : Number(x));
  const [from, to = ""] = text.split("-");
  const range = { min: number(from), [to.startsWith("<") ? "below" : "max"]: number(to.replace("<", "")) };
  return Object.fromEntries(Object.entries(range).filter(([, bound]) => bound !== undefined));
}

const rangeText = ({ min, max, below }) => `${min ?? ""}-${below === undefined ? (max ?? "") : `<${below}`}`;

/** {q, picture, like, page, sort, category, ranges: {field: {min, max, below}}, chosen: {field: [values]}} from a query string. */
export function parse(text) {
  const given = new URLSearchParams(text);
  const chosen = {};
  for (const [name, value] of given) if (!OWN.has(name)) (chosen[name] ??= []).push(value);
  const ranges = {};
  for (const field of RANGED) {
    const range = rangeOf(given.get(field) ?? "");
    if (Object.keys(range).length) ranges[field] = range;
  }
  return {
    q: given.get("q") ?? "",
    picture: given.get("picture") ?? "",
    like: given.get("like") ?? "",
    page: Math.max(0, (Number.parseInt(given.get("page"), 10) || 1) - 1),
    sort: given.get("sort") ?? "",
    category: given.get("category") ?? "",
    ranges,
    chosen,
  };
}

/** The address of a search; a change of anything but the page starts at the first page again. */
export function addressOf(state, change = {}) {
  const next = { ...state, page: 0, ...change };
  const text = new URLSearchParams();
  if (next.q) text.set("q", next.q);
  if (next.picture) text.set("picture", next.picture);
  if (next.like) text.set("like", next.like);
  if (next.category) text.set("category", next.category);
  for (const [field, values] of Object.entries(next.chosen)) values.forEach((value) => text.append(field, value));
  for (const [field, range] of Object.entries(next.ranges)) text.set(field, rangeText(range));
  if (next.sort) text.set("sort", next.sort);
  if (next.page) text.set("page", next.page + 1);
  return `/search?${text}`;
}

export const categoryAddress = (path) => `/search?${new URLSearchParams({ category: path })}`;
export const likeAddress = (id) => `/search?${new URLSearchParams({ like: id })}`;
export const brandAddress = (brand) => `/search?${new URLSearchParams({ brand })}`;

/** With ``value`` of ``field`` switched on or off. */
export function toggled(state, field, value) {
  const now = state.chosen[field] ?? [];
  const values = now.includes(value) ? now.filter((other) => other !== value) : [...now, value];
  const chosen = { ...state.chosen, [field]: values };
  if (!values.length) delete chosen[field];
  return { chosen };
}

/** With ``field`` narrowed to ``range``; to none of that field, where that is what it is narrowed to already. */
export function ranged(state, field, range) {
  const { [field]: now, ...ranges } = state.ranges;
  const same = !range || (now && rangeText(now) === rangeText(range));
  return { ranges: same ? ranges : { ...ranges, [field]: range } };
}

/** What takes every filter off. */
export const UNFILTERED = { category: "", ranges: {}, chosen: {} };

/** The filter for the API; ``without`` leaves one field's own choice out, to count its alternatives. */
export function whereOf(state, without = "") {
  const where = {};
  for (const [field, values] of Object.entries(state.chosen)) if (field !== without) where[field] = values;
  if (state.category) where.categories = [state.category];
  Object.assign(where, state.ranges);
  return Object.keys(where).length ? where : undefined;
}
