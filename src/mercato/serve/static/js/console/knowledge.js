/** What was learned and how well it works: the training report and the offline figures. */
import { consoleData } from "../api.js";
import { h } from "../dom.js";
import { count, decimals, label, moment, share } from "../format.js";
import { bars, empty, figures, legend, mark, table, whisker } from "./charts.js";

const seconds = (s) => (s >= 90 ? `${Math.round(s / 60)} min` : `${decimals(s ?? 0, 1)} s`);

const LISTS = { again: "Buying again", new: "Something new", basket: "Filling a basket", search: "Search" };
const signalName = (note) => label(note.split(":").at(-1).replaceAll("-", " "));

const FIRST = ["behaviour", "attribute", "relation"];
const termsOf = (weights) => [...new Set([...FIRST, ...Object.values(weights).flat().map(({ term }) => term)])];
const readable = (text) => text.replace(/\d{4,}/g, (digits) => count(Number(digits)));

/* One list's signals, strongest first, each coloured by the term of the score it counts under. */
function signals(name, list, terms) {
  const used = list.filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight);
  return h("section", {}, h("h3", {}, LISTS[name] ?? label(name)), bars(used.map(({ note, weight, term }) => [signalName(note), weight, `c${terms.indexOf(term) % 8}`])));
}

function parts(learned, steps) {
  const rows = Object.entries(learned).map(([name, text]) => [h("b", {}, label(name)), /^skipped|^too few/.test(text) ? [mark("skipped"), ` ${text.replace(/^skipped: /, "")}`] : readable(text)]);
  const times = Object.entries(steps).map(([name, s]) => [label(name), seconds(s)]);
  return h("div", { class: "two" }, h("div", {}, h("h2", {}, "Learned"), table(["Part", "From the data"], rows)), h("div", {}, h("h2", {}, "Time spent"), table(["Step", { text: "Took", number: true }], times)));
}

export async function learned() {
  const report = await consoleData("learned");
  const page = (...content) => h("div", {}, h("h1", { tabindex: "-1" }, "What was learned"), ...content);
  if (!report.learned) return page(empty("Nothing yet: train the shop with “mercato train SHOP”."));
  const terms = termsOf(report.weights);
  return page(
    h("p", { class: "lead" }, `Trained ${moment(report.trained_at)} in ${seconds(report.seconds)}, with ${count(Math.round(report.peak_mb))} MB of memory at most.`),
    figures(Object.entries(report.data).map(([name, n]) => [label(name).toLowerCase(), n])),
    parts(report.learned, report.steps),
    h("h2", {}, "What the score is made of"),
    h("p", { class: "lead" }, "The weight of every signal, as learned from what shoppers did next. Signals add up to terms, the terms to the score, and the sentence under an item names its largest signals."),
    legend(terms), h("div", { class: "two weights" }, Object.entries(report.weights).map(([name, list]) => signals(name, list, terms))));
}

const mean = (value) => (value && typeof value === "object" ? value : { mean: value, low: value, high: value });
const WORDS = new Set(["model", "ours", "ours_ahead"]);
const numbers = (row) => Object.keys(row).filter((name) => !WORDS.has(name) && row[name] !== null && row[name] !== undefined);
const signed = (x) => `${x < 0 ? "−" : "+"}${decimals(Math.abs(x))}`;
/* How far ours is ahead in NDCG on the same lists. */
const ahead = ({ ours, ours_ahead: gap }) => (ours || !gap ? "" : [signed(gap.mean), h("div", { class: "hint" }, `${signed(gap.low)} … ${signed(gap.high)}`), h("div", { class: "hint" }, `p ${gap.p < 0.001 ? "< 0.001" : `= ${decimals(gap.p)}`}`)]);
const interval = (value) => [decimals(value.mean), h("div", { class: "hint" }, `${decimals(value.low)} – ${decimals(value.high)}`)];

function task({ name, rows, cases }) {
  const compared = rows.some((row) => row.ours_ahead);
  const names = [...new Set(rows.flatMap(numbers))];
  const charted = names.filter((metric) => rows.some((row) => typeof row[metric] === "object"));
  const plain = names.filter((metric) => !charted.includes(metric));
  const most = Object.fromEntries(charted.map((metric) => [metric, 1.05 * Math.max(...rows.map((row) => mean(row[metric]).high ?? 0), 1e-9)]));
  const headings = ["Model", ...charted.flatMap((metric) => [label(metric), { text: "", number: true }]), ...plain.map((metric) => ({ text: label(metric), number: true })), ...(compared ? [{ text: "Ours ahead, NDCG", number: true }] : [])];
  return [h("h2", {}, label(name)), cases ? h("p", { class: "hint" }, `${count(cases)} lists`) : null, table(headings, rows.map((row) => [
    row.model, ...charted.flatMap((metric) => (row[metric] ? [whisker(mean(row[metric]), most[metric]), interval(mean(row[metric]))] : ["", "–"])),
    ...plain.map((metric) => (typeof row[metric] !== "number" ? "–" : /share|coverage|no_result/.test(metric) ? share(row[metric]) : decimals(row[metric]))),
    ...(compared ? [ahead(row)] : []),
  ]), (place) => (rows[place].ours ? "ours" : ""))];
}

export async function quality() {
  const report = await consoleData("metrics");
  const parts = Object.entries(report).filter(([name, part]) => name !== "lists" && part?.tasks?.length);
  return h("div", {}, h("h1", { tabindex: "-1" }, "Quality"),
    h("p", { class: "lead" }, "Offline figures beside the nulls: what a shop gets for free by showing what sells, what was bought before, or anything at all. The whiskers are 95 % intervals."),
    parts.length ? parts.map(([name, part]) => [parts.length > 1 ? h("h2", {}, label(name)) : null, part.protocol ? h("p", { class: "hint" }, part.protocol) : null, part.tasks.map(task)]) : empty("Not measured yet: “mercato evaluate SHOP” writes this page."));
}
