/** What was learned and how well it works: the training report and the offline figures. */
import { consoleData } from "../api.js";
import { h } from "../dom.js";
import { count, decimals, label, moment, share } from "../format.js";
import { bars, empty, figures, mark, table, whisker } from "./charts.js";

const seconds = (s) => (s >= 90 ? `${Math.round(s / 60)} min` : `${decimals(s ?? 0, 1)} s`);

/* Weights may be flat or grouped (by placement, by term); a group of numbers is one chart. */
function weightCharts(weights, path = []) {
  const numbers = Object.entries(weights).filter(([, value]) => typeof value === "number");
  const groups = Object.entries(weights).filter(([, value]) => value && typeof value === "object");
  return [
    numbers.length ? [path.length ? h("h3", {}, path.map(label).join(" › ")) : null, bars(numbers)] : null,
    groups.map(([name, inner]) => weightCharts(inner, [...path, name])),
  ];
}

export async function learned() {
  const report = await consoleData("learned");
  if (!report.parts?.length) return h("div", {}, h("h1", { tabindex: "-1" }, "What was learned"), empty("Nothing yet: train the shop with “mercato train SHOP”."));
  return h("div", {}, h("h1", { tabindex: "-1" }, "What was learned"),
    h("p", { class: "lead" }, `Trained ${moment(report.trained_at)} in ${seconds(report.seconds)}${report.peak_mb ? `, with ${count(Math.round(report.peak_mb))} MB of memory at most` : ""}.`),
    figures(Object.entries(report.data ?? {}).filter(([, n]) => typeof n === "number").map(([name, n]) => [label(name).toLowerCase(), n])),
    h("h2", {}, "Parts"),
    table(["Part", "Learned", "From", { text: "Took", number: true }], report.parts.map((part) => [h("b", {}, label(part.name)), part.skipped ? [mark("skipped"), " ", part.skipped] : part.what, part.from, part.skipped ? "" : seconds(part.seconds)])),
    Object.keys(report.weights ?? {}).length ? [h("h2", {}, "What the score is made of"), h("p", { class: "lead" }, "Each term of the score and its weight, as the ranker learned it. Terms add up to the score; the sentence under an item comes from its largest one."), weightCharts(report.weights)] : null);
}

const mean = (value) => (value && typeof value === "object" ? value : { mean: value, low: value, high: value });
const numbers = (row) => Object.keys(row).filter((name) => name !== "model" && row[name] !== null && row[name] !== undefined);
const interval = (value) => [decimals(value.mean), h("div", { class: "hint" }, `${decimals(value.low)} – ${decimals(value.high)}`)];

function task({ name, rows }) {
  const names = [...new Set(rows.flatMap(numbers))];
  const charted = names.filter((metric) => rows.some((row) => typeof row[metric] === "object"));
  const plain = names.filter((metric) => !charted.includes(metric));
  const most = Object.fromEntries(charted.map((metric) => [metric, 1.05 * Math.max(...rows.map((row) => mean(row[metric]).high ?? 0), 1e-9)]));
  const headings = ["Model", ...charted.flatMap((metric) => [label(metric), { text: "", number: true }]), ...plain.map((metric) => ({ text: label(metric), number: true }))];
  return [h("h2", {}, label(name)), table(headings, rows.map((row) => [
    row.model, ...charted.flatMap((metric) => (row[metric] ? [whisker(mean(row[metric]), most[metric]), interval(mean(row[metric]))] : ["", "–"])),
    ...plain.map((metric) => (typeof row[metric] !== "number" ? "–" : /share|coverage/.test(metric) ? share(row[metric]) : decimals(row[metric]))),
  ]), (place) => (/mercato/i.test(rows[place].model) ? "ours" : ""))];
}

export async function quality() {
  const report = await consoleData("metrics");
  const parts = Object.entries(report).filter(([, part]) => part?.tasks?.length);
  return h("div", {}, h("h1", { tabindex: "-1" }, "Quality"),
    h("p", { class: "lead" }, "Offline figures beside the nulls: what a shop gets for free by showing what sells, what was bought before, or anything at all. The whiskers are 95 % intervals."),
    parts.length ? parts.map(([name, part]) => [parts.length > 1 ? h("h2", {}, label(name)) : null, part.protocol ? h("p", { class: "hint" }, part.protocol) : null, part.tasks.map(task)]) : empty("Not measured yet: “mercato evaluate SHOP” writes this page."));
}
