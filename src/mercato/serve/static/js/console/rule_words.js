/** A rule in, what it says in words out; a filter as one types it in, and back. */
import { day, label, plural } from "../format.js";

export const SEARCH = "search";
/** Every list a rule can speak of. */
export const LISTS = [SEARCH, "home", "similar", "together", "cart", "session", "discover", "buy-again", "tail", "email"];
export const listName = (name) => label(name.replaceAll("-", " "));
/** "vip, loyalty:gold" → ["vip", "loyalty:gold"] */
export const segmentsOf = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

const RANGE = { ">=": "min", "<=": "max", "<": "below" };

/** {brand: ["Acme", "Bolt"], price: {max: 5}} → "brand = Acme | Bolt, price <= 5" */
export function filterText(where = {}) {
  return Object.entries(where).flatMap(([field, condition]) => {
    if (Array.isArray(condition)) return `${field} = ${condition.join(" | ")}`;
    return Object.entries(RANGE).filter(([, bound]) => bound in condition).map(([sign, bound]) => `${field} ${sign} ${condition[bound]}`);
  }).join(", ");
}

/** And back; throws a text that says what cannot be read. */
export function filterOf(text) {
  const where = {};
  for (const part of text.split(",").map((one) => one.trim()).filter(Boolean)) {
    const [, field, sign, value] = part.match(/^([\w.-]+)\s*(<=|>=|<|=)\s*(.+)$/) ?? [];
    if (!field) throw new Error(`“${part}” is no filter: write such as brand = Acme | Bolt, price <= 5`);
    if (sign === "=") where[field] = value.split("|").map((one) => one.trim());
    else if (Number.isNaN(Number(value))) throw new Error(`“${value}” is not a number`);
    else where[field] = { ...where[field], [RANGE[sign]]: Number(value) };
  }
  return where;
}

export function whenOf({ when, synonyms }) {
  const parts = [
    when.always ? "always" : "",
    when.query ? `${when.match === "contains" ? "search with" : "search for"} “${when.query}”` : "",
    when.where ? `within ${filterText(when.where)}` : "",
    when.placements ? `in ${when.placements.map(listName).join(", ")}` : "",
    when.anchor ? `starting from ${filterText(when.anchor)}` : "",
    when.segments ? `for ${when.segments.join(" or ")}` : "",
  ].filter(Boolean);
  return parts.join(" ") || (synonyms ? "wherever the words occur" : "");
}

const some = ({ products = [], where }) => [products.length ? plural(products.length, "product") : "", where ? filterText(where) : ""].filter(Boolean).join(" and ");

/** What it does, one short text each. */
export function doesOf({ pins = [], hide, boosts = [], banner, redirect, synonyms = [] }) {
  return [
    pins.length ? `pins ${plural(pins.length, "product")}` : "",
    hide ? `hides ${some(hide)}` : "",
    ...boosts.map((boost) => `${boost.by > 0 ? "boosts" : "buries"} ${some(boost)}`),
    banner ? `banner “${banner.text}”` : "",
    redirect ? `goes to ${redirect}` : "",
    ...synonyms.slice(0, 3).map(({ from, words }) => (from ? `${from} → ${words.join(", ")}` : words.join(" = "))),
    synonyms.length > 3 ? `and ${synonyms.length - 3} more synonyms` : "",
  ].filter(Boolean);
}

export function datesOf({ start, end }) {
  if (start && end) return `${day(start)} – ${day(end)}`;
  if (start) return `from ${day(start)}`;
  return end ? `until ${day(end)}` : "";
}

/** "2026-06-01T00:00:00Z" ↔ what a datetime-local field holds, in the shopkeeper's own time. */
export function localTime(text) {
  if (!text) return "";
  const at = new Date(text);
  return new Date(at.getTime() - 60000 * at.getTimezoneOffset()).toISOString().slice(0, 16);
}
export const utcTime = (text) => (text ? new Date(text).toISOString() : null);
