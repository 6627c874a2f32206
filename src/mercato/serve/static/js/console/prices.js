/** What was measured of the knobs on sales held out in, a table with the place one stands at out. */
import * as api from "../api.js";
import { announce, h, show } from "../dom.js";
import { count, decimals, label, moment, share } from "../format.js";
import { empty, table, whisker } from "./charts.js";
import { KNOBS, said } from "./knobs.js";

const numeric = (text) => ({ text, number: true });
const LOOKS = [["overlap", "Two shoppers share", share], ["tail_share", "Of the tail", share], ["off_departments", "Off own departments", (x) => decimals(x, 2)], ["variety", "Variety", (x) => decimals(x, 2)]];

const named = (knobs) => Object.entries(knobs).map(([knob, value]) => `${KNOBS[knob].short} ${said(knob, value)}`).join(", ") || "No knob turned";

/* How much of the NDCG a setting costs, against no knob, on the same lists; below zero is a gain. */
function cost({ ours, ours_ahead: gap }, plain) {
  if (ours || !gap || !plain) return "";
  const percent = (x) => `${x > 0 ? "−" : "+"}${decimals((100 * Math.abs(x)) / plain, 1)} %`;
  return [h("b", {}, percent(gap.mean)), h("div", { class: "hint" }, `${percent(gap.high)} … ${percent(gap.low)}`)];
}

/* The rows nearest to where the sliders stand: one of each knob that does something. */
function standing(task, values) {
  const here = new Set();
  for (const [knob, { off }] of Object.entries(KNOBS)) {
    if (values[knob] === off) continue;
    const distance = (row) => (knob in row && Object.keys(row).length === 1 ? Math.abs(row[knob] - values[knob]) : Infinity);
    const nearest = task.knobs.reduce((best, row, place) => (distance(row) < distance(task.knobs[best]) ? place : best), 0);
    if (distance(task.knobs[nearest]) < Infinity) here.add(nearest);
  }
  return here.size ? here : new Set([0]);
}

function priced(task, values) {
  const here = standing(task, values);
  const [plain] = task.rows;
  const most = 1.05 * Math.max(...task.rows.map((row) => row["ndcg@10"].high));
  return table(["Setting", "NDCG@10", numeric(""), numeric("Change"), ...LOOKS.map(([, title]) => numeric(title))], task.rows.map((row, place) => [
    [named(task.knobs[place]), here.has(place) ? h("div", { class: "hint" }, "nearest to where you are") : null],
    whisker(row["ndcg@10"], most), [decimals(row["ndcg@10"].mean), h("div", { class: "hint" }, `${decimals(row["ndcg@10"].low)} – ${decimals(row["ndcg@10"].high)}`)],
    cost(row, plain["ndcg@10"].mean), ...LOOKS.map(([key, , as]) => as(row[key])),
  ]), (place) => (here.has(place) ? "ours" : ""));
}

/** Many shoppers' lists now and turned. */
export function sampled(holder, { shoppers, kept, now, turned }) {
  show(holder, h("p", { class: "hint" }, `${count(shoppers)} shoppers drawn at random: ${share(kept)} of the products in their lists stay.`),
    table(["", numeric("Now"), numeric("Turned")], LOOKS.map(([key, title, as]) => [title, as(now[key]), as(turned[key])])));
}

/** The section on prices for ``placement``; ``draw(values)`` shows where the sliders stand, and follows a measurement. */
export function prices(placement, trainedAt) {
  const holder = h("div", {});
  const status = h("p", { class: "hint", role: "status" });
  const button = h("button", { type: "button", class: "button slim" }, "Measure");
  let known = { result: {} };
  let values = {};

  function draw() {
    const { running, step, failed, result } = known;
    const at = result.measured_at;
    const task = result.tasks?.find(({ name }) => name === placement);
    button.disabled = running;
    button.textContent = at ? "Measure again" : "Measure";
    const old = at && trainedAt > at ? " The shop was trained since: measure again." : "";
    status.textContent = running ? `Measuring: ${step}. It learns from the past anew, which takes about as long as a training.` : failed ? `The measurement failed: ${failed}` : at ? `Measured ${moment(at)}${task ? ` on ${count(task.cases)} shoppers` : ""}.${old}` : "Not measured yet.";
    if (task) show(holder, priced(task, values), h("p", { class: "hint" }, `${label(result.protocol)}. Changes are against no knob turned. Two shoppers share: mean Jaccard of two lists. Off own departments: divergence from the shopper's own mix, 0 is the same.`));
    else if (at) show(holder, empty(`What was bought next does not say which list of “${label(placement)}” would have been better; it is measured for ${result.tasks.map(({ name }) => name).join(", ")}.`));
    else show(holder, empty("The measurement holds out the last weeks of sales, learns from what came before, and counts how much of what was bought next each setting would have shown."));
  }

  async function load(ask = api.prices) {
    known = await ask().catch((problem) => ({ ...known, running: false, failed: problem.message }));
    draw();
    if (!known.running) return;
    setTimeout(() => holder.isConnected && load().then(() => known.running || announce("The measurement is done")), 2000);
  }
  button.addEventListener("click", () => load(api.measurePrices));
  return {
    element: h("section", {}, h("h2", {}, "What it costs"), h("div", { class: "tools" }, button), status, holder),
    load,
    at(now) {
      values = now;
      draw();
    },
  };
}
