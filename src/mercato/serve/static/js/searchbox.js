/** The search box: a combobox with suggestions as one types (WAI-ARIA "list autocomplete with manual selection"). */
import { suggest } from "./api.js";
import { address } from "./card.js";
import { $, announce, debounced, glyph, h, show } from "./dom.js";
import { count, leaf, parts, plural } from "./format.js";
import { categoryAddress } from "./query.js";
import { go } from "./router.js";
import { tile } from "./tile.js";

const input = $("#q");
const list = $("#suggestions");
let options = [];
let active = -1;
let inFlight = null;

const searchAddress = (text) => `/search?${new URLSearchParams({ q: text })}`;

function choices({ queries = [], categories = [], products = [] }) {
  return [
    ...queries.slice(0, 4).map((text) => ({ group: "Searches", href: searchAddress(text), text, picture: glyph("search") })),
    ...categories.slice(0, 4).map(({ path, count: n }) => ({ group: "Shelves", href: categoryAddress(path), text: leaf(path), aside: parts(path).length > 1 ? `in ${parts(path)[0]} · ${count(n)}` : count(n), picture: glyph("tag") })),
    ...products.slice(0, 5).map((item) => ({ group: "Products", href: address(item), text: item.title, picture: tile({ categories: [], ...item }) })),
  ];
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
  if (option.group === "Searches") input.value = option.text;
  go(option.href);
}

function draw(answer) {
  options = choices(answer);
  if (!options.length || document.activeElement !== input) return close();
  const rows = options.map((option, place) => {
    const heading = option.group !== options[place - 1]?.group ? h("li", { class: "group", role: "presentation" }, option.group) : null;
    const row = h("li", { role: "option", id: `option-${place}`, "aria-selected": "false" }, option.picture, h("span", { class: "text" }, option.text), option.aside ? h("span", { class: "muted small" }, option.aside) : null);
    row.addEventListener("mousedown", (event) => event.preventDefault());
    row.addEventListener("click", () => choose(option));
    return [heading, row];
  });
  show(list, rows.flat());
  list.hidden = false;
  active = -1;
  input.setAttribute("aria-expanded", "true");
  announce(`${plural(options.length, "suggestion")}, use the arrow keys`);
}

const ask = debounced(async () => {
  inFlight?.abort();
  const text = input.value.trim();
  if (!text) return close();
  inFlight = new AbortController();
  try {
    draw(await suggest(text, inFlight.signal));
  } catch (problem) {
    if (problem.name !== "AbortError") close();
  }
}, 120);

function onKey(event) {
  const open = !list.hidden;
  if (event.key === "ArrowDown" && open) mark((active + 1) % options.length);
  else if (event.key === "ArrowDown") ask();
  else if (event.key === "ArrowUp" && open) mark(active <= 0 ? options.length - 1 : active - 1);
  else if (event.key === "Escape" && open) close();
  else if (event.key === "Escape") input.value = "";
  else if (event.key === "Enter" && open && active >= 0) choose(options[active]);
  else return;
  event.preventDefault();
}

/** Make the box in the page work. */
export function install() {
  input.addEventListener("input", ask);
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
