/** The search box: a combobox with suggestions in groups as one types (WAI-ARIA "list autocomplete, manual selection"). */
import { suggest } from "./api.js";
import { address } from "./card.js";
import { $, announce, debounced, glyph, h, show } from "./dom.js";
import { count, leaf, money, parts, plural } from "./format.js";
import { addressOf, brandAddress, categoryAddress, parse } from "./query.js";
import { go } from "./router.js";
import { session, shopper } from "./store.js";
import { tile } from "./tile.js";

const MOST = 8;
const input = $("#q");
const list = $("#suggestions");
let options = [];
let active = -1;
let inFlight = null;

/* Words typed beside a picture are looked for in what looks like it. */
function searchAddress(text) {
  const { picture, like } = parse(location.pathname === "/search" ? location.search : "");
  return addressOf({ ...parse(""), q: text, picture, like });
}

const shelf = ({ path, parent, count: n }) => [parent || parts(path).at(-2), count(n)].filter(Boolean).join(" · ");

/* Groups in the order they are shown, each with its options. */
function groups({ queries = [], categories = [], brands = [], products = [] }) {
  return [
    ["Searches", queries.slice(0, 4).map((text) => ({ href: searchAddress(text), text, picture: glyph("search"), typed: text }))],
    ["Shelves", categories.slice(0, 4).map((item) => ({ href: categoryAddress(item.path), text: leaf(item.path), aside: shelf(item), picture: glyph("tag") }))],
    ["Brands", brands.slice(0, 3).map(({ brand, count: n }) => ({ href: brandAddress(brand), text: brand, aside: count(n), picture: glyph("spark") }))],
    ["Products", products.slice(0, 5).map((item) => ({ href: address(item), text: item.title, aside: money(item.price, item.currency), picture: tile({ ...item, categories: item.categories ?? [] }) }))],
  ].filter(([, found]) => found.length);
}

/* What was typed stands out where a word begins with it. */
function lettered(text, typed) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return text.split(/(\s+)/).map((word) => {
    const begun = words.find((start) => word.toLowerCase().startsWith(start));
    return begun ? [h("b", {}, word.slice(0, begun.length)), word.slice(begun.length)] : word;
  });
}

function close() {
  list.hidden = true;
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function mark(index) {
  active = index;
  [...list.querySelectorAll("[role=option]")].forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
  if (index < 0) input.removeAttribute("aria-activedescendant");
  else {
    input.setAttribute("aria-activedescendant", `option-${index}`);
    $(`#option-${index}`).scrollIntoView({ block: "nearest" });
  }
}

function choose(option) {
  close();
  if (option.typed) input.value = option.typed;
  go(option.href);
}

function row(option, place, typed) {
  const element = h("li", { role: "option", id: `option-${place}`, "aria-selected": "false" }, option.picture,
    h("span", { class: "text" }, lettered(option.text, typed)), option.aside ? h("span", { class: "muted small number" }, option.aside) : null);
  element.addEventListener("mousedown", (event) => event.preventDefault());
  element.addEventListener("click", () => choose(option));
  return element;
}

function draw(answer, typed) {
  const found = groups(answer);
  options = found.flatMap(([, several]) => several);
  if (!options.length || document.activeElement !== input) return close();
  let place = 0;
  show(list, found.map(([name, several]) =>
    h("li", { role: "group", "aria-label": name }, h("p", { class: "group", "aria-hidden": "true" }, name),
      h("ul", { role: "none" }, several.map((option) => row(option, place++, typed))))));
  list.hidden = false;
  active = -1;
  input.setAttribute("aria-expanded", "true");
  announce(`${plural(options.length, "suggestion")}, use the arrow keys`);
}

/* An empty box is asked for only with the arrow key: then it shows what is popular. */
const ask = debounced(async (whatever = false) => {
  inFlight?.abort();
  const q = input.value.trim();
  if (!q && !whatever) return close();
  inFlight = new AbortController();
  try {
    draw(await suggest({ q, k: MOST, shopper: shopper(), session: session() }, inFlight.signal), q);
  } catch (problem) {
    if (problem.name !== "AbortError") close();
  }
}, 120);

function onKey(event) {
  const open = !list.hidden;
  if (event.key === "ArrowDown" && open) mark((active + 1) % options.length);
  else if (event.key === "ArrowDown") ask(true);
  else if (event.key === "ArrowUp" && open) mark(active <= 0 ? options.length - 1 : active - 1);
  else if (event.key === "Home" && open && active >= 0) mark(0);
  else if (event.key === "End" && open && active >= 0) mark(options.length - 1);
  else if (event.key === "Escape" && open) close();
  else if (event.key === "Escape") input.value = "";
  else if (event.key === "Enter" && open && active >= 0) choose(options[active]);
  else return;
  event.preventDefault();
}

/** Make the box in the page work. */
export function install() {
  input.addEventListener("input", () => ask());
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
  $("#searchform").addEventListener("submit", (event) => {
    event.preventDefault();
    inFlight?.abort();
    close();
    go(searchAddress(input.value.trim()));
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/input|textarea|select/i.test(document.activeElement.tagName)) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
}
