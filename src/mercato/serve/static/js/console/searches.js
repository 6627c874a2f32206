/** What shoppers search for: most often, without a result, without a click, and last; each a query one can judge. */
import { consoleData } from "../api.js";
import { h } from "../dom.js";
import { count, moment, share } from "../format.js";
import { empty, table } from "./charts.js";

const numeric = (text) => ({ text, number: true });
const when = (at) => h("time", { datetime: at }, moment(at));
const shown = (query) => h("a", { href: `/search?${new URLSearchParams({ q: query })}` }, query || "(everything)");
const judged = (query) => (query ? h("a", { href: `/console/judge?${new URLSearchParams({ query })}`, "aria-label": `Judge ${query}` }, "Judge") : "");
const part = (some, all) => (all ? share(some / all) : "–");

function unclicked({ rate, least, queries }) {
  if (!rate) return empty("No click names the list it came from yet: send slate_id with events, and this page tells what is seen but not taken.");
  if (!queries.length) return empty(`Every search asked ${least} times or more is clicked about as often as the others (${share(rate)}).`);
  return table(["Search", numeric("Times"), numeric("Clicked"), numeric("At most"), numeric("Missing"), numeric("First place"), ""], queries.map((one) => [
    shown(one.query), count(one.found), `${count(one.clicked)} (${part(one.clicked, one.found)})`, share(one.rate_high), count(Math.round(one.missing)), part(one.first, one.clicked), judged(one.query)]));
}

export async function searches() {
  const { empty: none, recent, frequent, unclicked: few } = await consoleData("searches");
  return h("div", {}, h("h1", { tabindex: "-1" }, "Searches"), h("p", { class: "lead" }, "A search that finds nothing is a shopper who wanted to buy. A synonym or a product is the answer; where the right products are there but stand too low, judge the query."),
    h("h2", {}, "Few clicks"),
    h("p", { class: "hint" }, few.rate ? `Of all searches that find something, ${share(few.rate)} are clicked. These are surely clicked less: even the upper end of their 95 % interval is below that. Most missing clicks first.` : ""), unclicked(few),
    h("div", { class: "two" },
      h("div", {}, h("h2", {}, "Found nothing"), none.length ? table(["Search", numeric("Times"), "Last", ""], none.map((one) => [shown(one.query), count(one.count), when(one.last_at), judged(one.query)])) : empty("Every search so far found something.")),
      h("div", {}, h("h2", {}, "Most frequent"), frequent.length ? table(["Search", numeric("Times"), numeric("Clicked"), ""], frequent.map((one) => [shown(one.query), count(one.times), part(one.clicked, one.found), judged(one.query)])) : empty("Nobody has searched yet."))),
    h("h2", {}, "Recent"), recent.length ? table(["Search", numeric("Found"), "When"], recent.map((one) => [shown(one.query), count(one.total), when(one.last_at)])) : empty("Nobody has searched yet."));
}
