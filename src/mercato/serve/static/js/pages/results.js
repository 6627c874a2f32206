/** A search in, the results page out: list, filters with counts, order, pages, and honest words when nothing fits. */
import * as api from "../api.js";
import { banner } from "../banner.js";
import { card } from "../card.js";
import { announce, glyph, h } from "../dom.js";
import { send, settled } from "../events.js";
import { chips, column } from "../facets.js";
import { count, leaf, plural, shownAttributes } from "../format.js";
import { kept } from "../picture.js";
import { DEEPEST, PER_PAGE, RANGED, UNFILTERED, addressOf, parse, whereOf } from "../query.js";
import { go } from "../router.js";
import { row } from "../row.js";
import { didJust, read, session, shopper, write } from "../store.js";
import { drawing } from "../tile.js";

const SORTS = { "": "Best match", price: "Price, low to high", "-price": "Price, high to low", "-rating": "Best rated", "-created_at": "Newest" };
const MOST_FIELDS = 5;
let lastSent = "";
let filtersOpen = false;

/* Which attributes this shop filters by: those its own products carry, learned from the lists seen so far. */
async function fields() {
  if (!read("fields", null, sessionStorage)) learnFields((await api.search({ query: "", k: 50 })).items);
  return read("fields", [], sessionStorage);
}

function learnFields(items) {
  const known = new Set(read("fields", [], sessionStorage));
  for (const item of items) for (const [name] of shownAttributes(item)) known.add(name);
  write("fields", [...known].sort().slice(0, MOST_FIELDS), sessionStorage);
}

async function fetchAll(state) {
  const attributes = await fields();
  const facets = ["categories", "brand", ...attributes.filter((name) => name !== "brand"), ...RANGED];
  return api.search({
    query: state.q, image: kept(state.picture), image_of: state.like, shopper: shopper(), session: session(), k: PER_PAGE, page: state.page, sort: state.sort, where: whereOf(state), facets, disjunctive: true, grouped: true, highlight: true,
  });
}

function pagesOf(state, total) {
  const last = Math.min(Math.ceil(total / PER_PAGE), Math.floor(DEEPEST / PER_PAGE)) - 1;
  if (last < 1) return null;
  const near = [...new Set([0, state.page - 1, state.page, state.page + 1, last])].filter((page) => page >= 0 && page <= last).sort((a, b) => a - b);
  const link = (page) => h("a", { href: addressOf(state, { page }), "aria-current": page === state.page ? "page" : null, "aria-label": `Page ${page + 1}` }, count(page + 1));
  return h("nav", { class: "pages", "aria-label": "Pages" }, near.map((page, place) => [place && page - near[place - 1] > 1 ? h("span", {}, "…") : null, link(page)]));
}

/* What is asked with besides words: the picture, and a way out of it. */
async function asked(state) {
  if (!state.picture && !state.like) return null;
  const liked = state.like ? await api.product(state.like).catch(() => null) : null;
  const image = state.picture ? kept(state.picture) : liked?.images?.[0] && api.pictureOf({ id: liked.id, image: liked.images[0] });
  if (!image) return h("p", { class: "note" }, "That picture is not here any more: choose it again.");
  const says = state.picture ? "Your picture" : liked.title;
  return h("div", { class: "asked" }, h("img", { src: image, alt: says }), h("div", {}, h("p", {}, state.q ? `“${state.q}” among what looks like this` : "What looks like this, the most alike first. Add words to narrow it."),
    h("a", { class: "chip", href: addressOf(state, { picture: "", like: "" }), "aria-label": "Search without the picture" }, says, h("span", { "aria-hidden": "true" }, "×"))));
}

const searchFor = (query) => h("a", { href: addressOf({ ...parse(""), q: query }, {}) }, query);

function others(slate) {
  if (!slate.related?.length) return null;
  return h("p", { class: "note", id: "related" }, h("span", {}, "Others also searched for ", slate.related.map((query, place) => [place ? ", " : "", searchFor(query)]), "."));
}

function notes(state, slate) {
  return [
    (slate.banners ?? []).map(banner),
    slate.meant ? h("p", { class: "note", id: "meant" }, h("span", {}, "Did you mean ", searchFor(slate.meant), "?")) : null,
    slate.corrected ? h("p", { class: "note" }, h("span", {}, "Showing results for ", h("b", {}, slate.corrected), ".")) : null,
    slate.conditions ? h("p", { class: "note" }, h("span", {}, "Only what you asked for: ", h("b", {}, slate.conditions.map((one) => one.text).join(", ")), ".")) : null,
    slate.page ? h("p", { class: "note", dataset: { topic: slate.page } }, `This looks like a question about ${slate.page.replace("-", " ")}. The shop’s own pages answer it; these are products.`) : null,
    slate.relaxed ? h("p", { class: "note" }, h("span", {}, state.picture || state.like ? "Nothing looks like it and has every word, so these leave out " : "Nothing has every word, so these leave out ", h("b", {}, slate.relaxed), ".")) : null,
    slate.every ? h("p", { class: "note" }, h("b", {}, count(slate.every)), slate.every === 1 ? " product has every word; " : " products have every word; ", "the others have some of them, or come close in meaning.") : null,
    slate.degraded.length ? h("p", { class: "note bad" }, `A part of the shop is resting (${slate.degraded.join(", ")}); the list is made from the rest.`) : null,
  ];
}

function nothing(state) {
  const filtered = whereOf(state);
  const popular = row({ placement: "home", title: "While you are here", key: "nothing" });
  popular.load();
  return h("div", {}, h("div", { class: "nothing" }, drawing("basket"), h("h2", {}, state.picture || state.like ? "Nothing here looks like that" : state.q ? `We have nothing for “${state.q}”` : "Nothing on this shelf"),
    h("p", {}, filtered ? "With these filters, that is. Take one off, or clear them all." : "Try a simpler word, or the name of the thing rather than the maker. The shopkeeper sees this search in the console."),
    filtered ? h("div", { class: "chips" }, h("a", { class: "chip", href: addressOf(state, UNFILTERED) }, "Clear all filters")) : null), popular.element);
}

/* A reload or a step back is the same search, not a new one. */
function record(state, slate) {
  const key = `${shopper()} ${state.q} ${JSON.stringify(whereOf(state) ?? {})}`;
  if (key === lastSent || !state.q) return;
  lastSent = key;
  send("search", { query: state.q, slate_id: slate.slate_id });
  didJust(`you searched ${state.q}`);
}

function sorter(state) {
  const select = h("select", { id: "sort", dataset: { focus: "sort" }, onchange: () => go(addressOf(state, { sort: select.value })) },
    Object.entries(SORTS).map(([value, text]) => h("option", { value, selected: value === state.sort }, text)));
  return h("label", { for: "sort" }, h("span", { class: "label" }, "Sort"), select);
}

/** The element, filled. */
export async function results(_, url) {
  const state = parse(url.search);
  document.querySelector("#q").value = state.q;
  await settled();
  let slate;
  try {
    slate = await fetchAll(state);
  } catch (problem) {
    return h("div", { class: "wrap nothing", dataset: { title: "Search" } }, h("h1", { tabindex: "-1" }, "That search did not work"), h("p", {}, `${problem.message}. ${problem.hint}`));
  }
  if (slate.redirect && new URL(slate.redirect, location).href !== location.href) {
    record(state, slate);
    location.replace(slate.redirect);
  }
  learnFields(slate.items);
  record(state, slate);
  const currency = slate.items.find((item) => item.currency)?.currency ?? "";
  const title = state.q ? `“${state.q}”` : state.picture || state.like ? "What looks like it" : state.category ? leaf(state.category) : "Everything";
  const toggle = (open) => {
    filtersOpen = open;
    filters.classList.toggle("open", open);
    (open ? filters.querySelector("a, input") : opener)?.focus();
  };
  const filters = h("aside", { class: "facets", id: "filters", "aria-label": "Filters" },
    h("button", { type: "button", class: "button closefacets", onclick: () => toggle(false) }, `Show ${plural(slate.total, "result")}`), column(state, slate.facets ?? {}, slate.ranges, currency));
  const opener = h("button", { type: "button", class: "button slim openfacets", onclick: () => toggle(true) }, glyph("filter"), "Filters");
  filters.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && filtersOpen) toggle(false);
  });
  filters.classList.toggle("open", filtersOpen);
  announce(`${plural(slate.total, "result")} for ${title}`);
  return h("div", { class: "wrap results", dataset: { title, slate: slate.slate_id, sort: state.sort } }, filters, h("div", {},
    h("div", { class: "resulthead" }, h("div", {}, h("h1", { tabindex: "-1" }, title), h("p", { id: "total", dataset: { total: slate.total } }, `${plural(slate.total, "product")} in ${slate.took_ms.toFixed(slate.took_ms < 10 ? 1 : 0)} ms`)), h("div", { class: "tools" }, slate.total ? [opener, sorter(state)] : null)),
    await asked(state), chips(state, currency), notes(state, slate),
    slate.items.length ? h("ul", { class: "grid" }, slate.items.map((item, place) => h("li", {}, card(item, slate, place)))) : nothing(state),
    pagesOf(state, slate.total), others(slate)));
}
