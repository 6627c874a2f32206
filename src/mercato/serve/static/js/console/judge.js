/** Judging search: a query set, search turned beside search as it is, and grades that say which is better. */
import * as api from "../api.js";
import { debounced, h, show } from "../dom.js";
import { count, decimals, share } from "../format.js";
import { empty, figures, mark, table } from "./charts.js";
import { searchKnobs, tick } from "./judge_knobs.js";
import { judgedLists } from "./judge_lists.js";
import { setForm, setTools } from "./judge_sets.js";
import { latest } from "./latest.js";

const NEW = "+new";
const SOURCES = { hand: "By hand", clicks: "From clicks", model: "Model-made" };
const numeric = (text) => ({ text, number: true });
const address = (set, query = "") => `/console/judge?${new URLSearchParams({ ...(set ? { set } : {}), ...(query ? { query } : {}) })}`;
const signed = (value) => `${value > 0 ? "+" : ""}${decimals(value)}`;
const enough = ({ low, high }) => (low > 0 || high < 0 ? "sure" : "not sure");

/* Every figure with what it rests on. */
function overall(holder, { queries, measured, ndcg, judgments, left_out: left, judged, jaccard, rbo, changed, degraded }) {
  const difference = ndcg?.difference;
  const boxes = ndcg ? [["nDCG@10 as served", decimals(ndcg.a)], ["nDCG@10 turned", decimals(ndcg.b)], [difference.low === undefined ? "difference, too few queries to be sure" : `difference, ${decimals(difference.low)} to ${decimals(difference.high)}: ${enough(difference)}`, signed(difference.mean)]] : [];
  show(holder, figures([...boxes, ["lists that change", `${count(changed)} of ${count(queries)}`], ["products shared (Jaccard)", share(jaccard)], ["order alike (RBO)", decimals(rbo)]]),
    h("p", { class: "hint rests" }, measured ? `Rests on ${count(measured)} of ${count(queries)} queries, those with a product judged above 0, and on judgments ` : "No query has a product judged above 0 yet: judge some below. Judgments that count: ",
      Object.entries(judgments).map(([source, n]) => `${SOURCES[source].toLowerCase()} ${count(n)}`).join(", "), `. Of the first ten places ${share(judged.a)} of A and ${share(judged.b)} of B are judged; what is not counts as 0. `,
      left.not_asked_for ? `${count(left.not_asked_for)} of sources that are not ticked are left out. ` : "", left.overruled ? `${count(left.overruled)} are overruled by a more trusted source. ` : "", left.of_unknown_products ? `${count(left.of_unknown_products)} are of products the shop does not have.` : ""),
    degraded.length ? h("p", { class: "hint" }, "Measured while parts were down: ", degraded.map((part) => mark("warning", part))) : null);
}

function queryTable(rows, chosen, open) {
  const difference = ({ ndcg }) => {
    if (!ndcg) return "";
    const by = ndcg.b - ndcg.a;
    return h("span", { class: `move ${by > 0 ? "up" : by < 0 ? "down" : ""}` }, by ? `${by > 0 ? "▲" : "▼"} ${decimals(Math.abs(by))}` : "=");
  };
  const link = (query) => {
    const button = h("button", { type: "button", class: "text", "aria-current": query === chosen ? "true" : null }, query);
    button.addEventListener("click", () => open(query));
    return button;
  };
  return table(["Query", numeric("A"), numeric("B"), numeric("B − A"), numeric("Judged"), numeric("Same")], rows.map((row) => [
    link(row.query), row.ndcg ? decimals(row.ndcg.a) : "–", row.ndcg ? decimals(row.ndcg.b) : "–", difference(row), share(row.judged.b), share(row.jaccard)]), (at) => (rows[at].query === chosen ? "ours" : ""));
}

/* One set: its figures, its queries, and the lists of one of them. */
function desk(set, start, turnable, refused, leave) {
  let query = start || set.queries[0];
  const holders = Object.fromEntries(["figures", "queries", "lists", "edit"].map((name) => [name, h("div", { class: name === "queries" ? "queries" : null })]));
  const told = h("p", { class: "hint", role: "status" });
  const title = h("h2", {});
  const asked = () => ({ set: set.name, knobs: knobs.value(), sources: Object.keys(SOURCES).filter((source) => sources[source].value()) });
  const look = latest((signal) => api.compareLists({ ...asked(), query }, signal), (answer) => { title.textContent = `“${answer.query}”`; judgedLists(holders.lists, answer, save); }, holders.lists);
  const measure = latest((signal) => api.compare(asked(), signal), (answer) => { overall(holders.figures, answer.overall); show(holders.queries, queryTable(answer.queries, query, open)); }, holders.figures);
  const lookSoon = debounced(look, 200);
  const measureSoon = debounced(measure, 700);
  const both = () => { lookSoon(); measureSoon(); };
  const knobs = searchKnobs(turnable, both);
  const sources = Object.fromEntries(Object.entries(SOURCES).map(([source, text]) => [source, tick(text, source !== "model", both)]));

  function open(wanted) {
    query = wanted;
    history.replaceState({}, "", address(set.name, query));
    holders.queries.querySelectorAll("tr").forEach((row) => row.classList.toggle("ours", row.querySelector("button")?.textContent === query));
    look();
    title.scrollIntoView({ block: "nearest" });
  }
  async function save(product, grade) {
    const kept = await api.judge(set.name, query, product, grade).then(() => true, refused);
    if (kept) measureSoon();
    return kept === true;
  }
  const edit = h("button", { type: "button", class: "button slim" }, "Change the queries");
  edit.addEventListener("click", () => show(holders.edit, holders.edit.firstChild ? [] : setForm(set, [], refused, () => leave(set.name))));
  const tools = setTools(set.name, (text) => { told.textContent = text; }, refused, () => Promise.all([look(), measure()]), () => leave(""));
  tools.prepend(edit);
  look();
  measure();
  return h("div", {}, tools, told, holders.edit, holders.figures,
    h("h2", {}, "Queries"), holders.queries,
    h("div", { class: "turning judged" },
      h("section", { class: "knobs", "aria-label": "Knobs" }, knobs.element, h("fieldset", { class: "sheet turns" }, h("legend", {}, "Judgments that count"), Object.values(sources).map(({ element }) => element), h("p", { class: "hint" }, "Of a product the hand counts before clicks, and clicks before the model. The model is the encoder that ranks: it flatters meaning."))),
      h("section", { "aria-label": "Side by side" }, title, h("p", { class: "hint" }, "How well does it answer? 0 not at all, 1 a little, 2 well, 3 exactly. Saved at once."), holders.lists)));
}

export async function judge() {
  const asked = new URLSearchParams(location.search);
  const [{ sets }, turnable] = await Promise.all([api.querySets(), api.searchKnobs()]);
  const query = asked.get("query") ?? "";
  const name = asked.get("set") ?? sets[0]?.name ?? NEW;
  const body = h("div", {});
  const problem = h("p", { class: "hint bad", role: "alert" });
  const refused = ({ message, hint }) => { problem.textContent = [message, hint].filter(Boolean).join(" – "); };
  const leave = (to) => { const link = h("a", { href: address(to) }); body.append(link); link.click(); };
  if (sets.some((one) => one.name === name)) show(body, desk(await api.querySet(name), query, turnable, refused, leave));
  else show(body, name === NEW || !sets.length ? setForm(null, query ? [query] : [], refused, leave) : empty(`There is no query set “${name}”.`));
  return h("div", {}, h("h1", { tabindex: "-1" }, "Judge"),
    h("p", { class: "lead" }, "Say which products answer a query, then turn search and see on those judgments, not on taste, whether it gets better. Turning here changes nothing for shoppers."),
    h("nav", { class: "chips", "aria-label": "Query sets" }, sets.map((one) => h("a", { class: "chip", href: address(one.name, query), "aria-current": one.name === name ? "page" : null }, `${one.name} (${count(one.queries)})`)), h("a", { class: "chip", href: address(NEW, query), "aria-current": name === NEW ? "page" : null }, "New set")),
    problem, body);
}
