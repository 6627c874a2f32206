/** How the shop is doing: data health, events, system. */
import { consoleData } from "../api.js";
import { h } from "../dom.js";
import { count, decimals, label, moment, share } from "../format.js";
import { empty, figures, mark, table } from "./charts.js";

const when = (at) => h("time", { datetime: at }, moment(at));
const ORDER = { error: 0, warning: 1, info: 2, ok: 3 };

function findings(list) {
  const sorted = [...list].sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
  const wrong = ({ severity }) => severity !== "ok";
  return table(["", "What", { text: "Count", number: true }, { text: "Share", number: true }, "What it costs"], sorted.map((one) => [
    mark(one.severity), [h("b", {}, one.what), one.hint && wrong(one) ? h("p", { class: "hint" }, one.hint) : null, one.examples?.length ? h("p", { class: "hint" }, `For example ${one.examples.slice(0, 5).map((x) => (typeof x === "string" ? x : JSON.stringify(x))).join(", ")}`) : null],
    one.count ? count(one.count) : "", one.share ? share(one.share) : "", wrong(one) ? one.cost : "",
  ]));
}

export async function health() {
  const report = await consoleData("doctor");
  return h("div", {}, h("h1", { tabindex: "-1" }, "Data health"), h("p", { class: "lead" }, "What is wrong with catalogue and events, what each problem costs, and what to do about it."),
    figures(Object.entries(report.counts ?? {}).filter(([, n]) => typeof n === "number").map(([name, n]) => [label(name).toLowerCase(), n])),
    ["catalogue", "events"].map((part) => [h("h2", {}, label(part)), report[part]?.length ? findings(report[part]) : empty("Nothing to report.")]));
}

function joined(event) {
  if (event.outcome === "rejected") return event.why;
  if (event.outcome === "duplicate") return "The shop had this event_id already and kept it once";
  if (!event.joined && !event.why) return "";
  if (!event.joined) return h("span", { class: "muted" }, `Joined to no list: ${event.why}`);
  const { placement, query, position } = event.joined;
  return `${label(placement)}${query ? ` “${query}”` : ""}${position === null ? "" : `, place ${position + 1}`}`;
}

export async function events() {
  const { events: list } = await consoleData("events");
  return h("div", {}, h("h1", { tabindex: "-1" }, "Event debugger"), h("p", { class: "lead" }, "The last events this server process received: kept or refused, and which list each was joined to, or why to none."),
    h("div", { class: "tools" }, h("button", { type: "button", class: "button slim", id: "again" }, "Refresh")),
    h("h2", {}, `${count(list.length)} events`),
    list.length ? table(["", "Type", "Shopper", "Product or search", "Joined to", "Received"], list.map((event) => [mark(event.outcome), event.type ?? "", event.shopper_id ?? "", event.product_id || event.query || "", joined(event), when(event.received_at)])) : empty("None yet. Click something in the storefront and refresh."));
}

/* Prometheus text in, {name, labels, value} out: enough for our own few lines. */
function parseMetrics(text) {
  return text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const [, name, labels = "", value] = line.match(/^(\w+)(?:\{(.*)\})? (.+)$/) ?? [];
    return { name, value: Number(value), labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])) };
  });
}

/* The bucket a quantile falls in: an upper bound, honest about the histogram's steps. */
function bound(buckets, quantile) {
  const all = buckets.at(-1)?.value ?? 0;
  return buckets.find((bucket) => bucket.value >= quantile * all)?.labels.le ?? "";
}

function timings(samples) {
  const routes = [...new Set(samples.filter(({ name }) => name === "mercato_http_request_seconds_count").map(({ labels }) => labels.route))].filter((route) => route.startsWith("/v1/"));
  const ms = (le) => (le === "+Inf" ? "over 10 s" : `≤ ${decimals(1000 * Number(le), 0)} ms`);
  return routes.map((route) => {
    const mine = samples.filter(({ labels }) => labels.route === route);
    const value = (suffix) => mine.find(({ name }) => name === `mercato_http_request_seconds_${suffix}`)?.value ?? 0;
    const buckets = mine.filter(({ name }) => name === "mercato_http_request_seconds_bucket");
    const failed = mine.filter(({ name, labels }) => name === "mercato_http_requests_total" && Number(labels.status) >= 400).reduce((sum, one) => sum + one.value, 0);
    return [route, count(value("count")), `${decimals((1000 * value("sum")) / Math.max(1, value("count")), 1)} ms`, ms(bound(buckets, 0.5)), ms(bound(buckets, 0.99)), count(failed)];
  });
}

export async function system() {
  const [status, text] = await Promise.all([consoleData("status"), fetch("/metrics").then((response) => response.text())]);
  const numeric = (heading) => ({ text: heading, number: true });
  return h("div", {}, h("h1", { tabindex: "-1" }, "System"),
    h("p", { class: "lead" }, status.degraded.length ? ["Some parts are down and the rest carries on: ", status.degraded.map((part) => mark("error", part))] : [mark(status.ready ? "ok" : "warning", status.ready ? "Ready" : "Not ready"), status.ready ? " Every part answers." : " The shop is not trained yet; lists fall back on what sells."]),
    figures([["products", status.products], ["events", status.events], ["shoppers", status.shoppers]]),
    status.notes?.length ? h("p", { class: "hint" }, status.notes.join(" · ")) : null,
    h("h2", {}, "Versions"), table(["Part", "Version"], Object.entries(status.versions).map(([name, version]) => [label(name), version])),
    h("h2", {}, "Timings since the start"), table(["Route", numeric("Calls"), numeric("Mean"), numeric("Median"), numeric("99 %"), numeric("Refused or failed")], timings(parseMetrics(text))),
    h("p", { class: "hint" }, "All of it for Prometheus at ", h("a", { href: "/metrics" }, "/metrics"), "."));
}
