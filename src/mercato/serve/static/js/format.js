/** Numbers, money, times and paths as people read them. */

const formats = new Map();

function numberFormat(key, options) {
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
  return formats.get(key);
}

/** 2.5, "USD" → "$2.50"; no price, no text. */
export function money(amount, currency) {
  if (amount === null || amount === undefined) return "";
  try {
    return currency ? numberFormat(currency, { style: "currency", currency }).format(amount) : String(amount);
  } catch {
    return `${amount} ${currency}`;
  }
}

export const count = (n) => numberFormat("count", {}).format(n ?? 0);
export const share = (x) => (x === null || x === undefined ? "" : numberFormat("share", { style: "percent", maximumSignificantDigits: 2 }).format(x));
export const decimals = (x, digits = 3) => (Number.isFinite(x) ? x.toFixed(digits) : "–");
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function day(text) {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? "" : at.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

/** Time of day, with the date unless it is today. */
export function moment(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return "";
  const time = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return at.toDateString() === new Date().toDateString() ? time : `${day(text)}, ${time}`;
}

export const parts = (path) => path.split(" > ");
export const leaf = (path) => parts(path).at(-1);

/** "household_size" → "Household size"; a product's part after " · " is its size. */
export const label = (name) => {
  const words = name.replace(/^attributes\./, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};
/** Attributes as people shop by them: what a product was called in the source data is for the shopkeeper. */
export const shownAttributes = (item) => Object.entries(item.attributes ?? {}).filter(([name]) => !name.startsWith("original"));
export const withoutSize = (title) => title.split(" · ")[0];
export const sizeOf = (item) => item.attributes?.size?.[0] ?? (item.title.includes(" · ") ? item.title.split(" · ").at(-1) : "");
