/** One shopper in, what every retriever says for them beside the final list with its terms out. */
import * as api from "../api.js";
import { $, announce, h, show } from "../dom.js";
import { count, day, decimals, label, leaf } from "../format.js";
import { read } from "../store.js";
import { bars, empty, figures, legend, stack } from "./charts.js";

function lane({ name, items }, kept) {
  return h("section", { class: "lane" }, h("h3", {}, label(name)),
    items.length ? h("ol", {}, items.map((item) => h("li", { class: kept.has(item.id) ? "kept" : "" }, h("span", {}, item.title), h("span", { class: "n" }, decimals(item.score, item.score >= 100 ? 0 : 2))))) : h("p", { class: "hint" }, "Nothing for this shopper."));
}

function final(slate) {
  const names = [...new Set(slate.flatMap(({ terms }) => Object.keys(terms)))];
  const positive = ({ terms }) => Object.values(terms).reduce((sum, value) => sum + Math.max(0, value), 0);
  const most = Math.max(...slate.map(positive), 1e-9);
  return [h("section", { class: "lane final" }, h("h3", {}, "Shown at last"),
    h("ol", {}, slate.map((item) => h("li", { title: item.reason }, h("span", {}, item.title), h("span", { class: "n" }, decimals(item.score, 2)), stack(item.terms, names, most), item.reason ? h("span", { class: "hint" }, item.reason) : null)))), legend(names)];
}

async function draw(holder, id) {
  const [view, known] = await Promise.all([api.consoleData("views", `?shopper=${encodeURIComponent(id)}`), api.shopper(id).catch(() => null)]);
  const kept = new Set(view.slate.map((item) => item.id));
  const [last, names] = final(view.slate);
  show(holder,
    known ? figures([["purchases", known.purchases], ["events", known.events], ["last seen", day(known.last_at) || "–"], ["buys most from", known.top_categories?.length ? leaf(known.top_categories[0].path) : "–"]]) : empty("The shop knows nothing of this shopper, so this is what a newcomer gets."),
    h("h2", {}, "Every lane and the final list"), h("p", { class: "hint" }, "Bold items made it into the final list. Bars are its score terms."),
    h("div", { class: "lanes" }, last, view.lanes.map((one) => lane(one, kept))), names,
    known?.top_categories?.length ? [h("h2", {}, "Shelves"), bars(known.top_categories.map(({ path, count: n }) => [leaf(path), n]), 0)] : null);
  announce(`Lists for ${id}`);
}

export async function views() {
  const { shoppers } = await api.shoppers("", 100);
  const start = new URLSearchParams(location.search).get("shopper") ?? (shoppers[0]?.id || read("shopper", "guest"));
  const field = h("input", { class: "field", list: "known", value: start, name: "shopper", autocomplete: "off" });
  const known = h("datalist", { id: "known" }, shoppers.map((one) => h("option", { value: one.id }, `${count(one.purchases)} purchases`)));
  const holder = h("div", {});
  const form = h("form", { class: "tools" }, h("label", {}, "Shopper", field), known, h("button", { class: "button slim primary" }, "Show"));
  const load = () => draw(holder, field.value.trim()).catch((problem) => show(holder, empty(`${problem.message} ${problem.hint}`)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState({}, "", `/console/shopper?shopper=${encodeURIComponent(field.value.trim())}`);
    load();
  });
  await load();
  return h("div", {}, h("h1", { tabindex: "-1" }, "Shopper view"), h("p", { class: "lead" }, "What each part of the shop says for one shopper, and what became of it."), form, holder);
}
