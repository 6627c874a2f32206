/** The model shelf: what there is for each role, how a tuning went, and how the encoder reads a pair. */
import * as api from "../api.js";
import { h, show } from "../dom.js";
import { count, moment } from "../format.js";
import { empty, mark, table } from "./charts.js";

const SVG = "http://www.w3.org/2000/svg";
const drawn = (name, attributes, ...children) => {
  const element = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  element.append(...children);
  return element;
};

/** NDCG@10 on validation by step, a line a seed. */
function curve(runs) {
  const points = runs.flat();
  const most = Math.max(...points.map(({ step }) => step), 1);
  const [low, high] = [Math.min(...points.map(({ ndcg }) => ndcg)), Math.max(...points.map(({ ndcg }) => ndcg))];
  const x = (step) => 10 + 300 * (step / most);
  const y = (ndcg) => 90 - 80 * ((ndcg - low) / Math.max(high - low, 1e-9));
  const lines = runs.map((run, place) => drawn("polyline", { class: `line c${place % 8}`, fill: "none", stroke: "currentColor", "stroke-width": 2, points: run.map(({ step, ndcg }) => `${x(step)},${y(ndcg)}`).join(" ") }));
  const title = drawn("title", {});
  title.textContent = `Validation NDCG@10 from ${runs[0][0].ndcg.toFixed(4)} to ${high.toFixed(4)} within ${most} steps`;
  return h("figure", {}, drawn("svg", { viewBox: "0 0 320 100", width: 320, height: 100, role: "img" }, title, ...lines), h("figcaption", { class: "hint" }, title.textContent));
}

function version(told, { chosen, serving }) {
  const state = told.version === serving ? mark("ok", "serves") : told.version === chosen ? mark("warn", "serves after the next training") : "";
  const account = told.metrics?.account;
  return h("li", {},
    h("h3", {}, told.name ?? told.version, " ", state),
    h("p", { class: "hint" }, told.refused ?? [told.version, told.licence, told.language, told.dimension && `${told.dimension} numbers`, `${(told.bytes / 1e6).toFixed(1)} MB`, told.parent && `made of ${told.parent}`].filter(Boolean).join(" · ")),
    account?.curve ? curve(account.curve) : null,
    told.metrics?.test ? table(["Test", { text: "Queries", number: true }, { text: "Untuned", number: true }, { text: "Tuned", number: true }, "p"], Object.entries(told.metrics.test).map(([exam, one]) => [exam, count(one.queries), one.untuned.mean.toFixed(4), one.tuned.mean.toFixed(4), one.p.toFixed(4)])) : null);
}

function role(name, found) {
  const packaged = found.built_in.map((one) => [one.source, one.what, one.licence, one.installed ? (one.default && !found.chosen ? mark("ok", "serves") : "installed") : one.install]);
  return h("section", {},
    h("h2", {}, name),
    packaged.length ? table(["Built in", "What", "Licence", ""], packaged) : empty("Nothing comes with Mercato for this."),
    found.versions.length ? h("ul", { class: "plain" }, found.versions.map((one) => version(one, found))) : empty(`None of the shop's own: mercato tune, or mercato models add.`));
}

const strength = (worth, most) => `background: color-mix(in srgb, ${worth > 0 ? "#2a7" : "#c44"} ${Math.round(70 * Math.abs(worth) / Math.max(most, 1e-9))}%, transparent)`;

function side(title, { words, worth, attention }) {
  const most = Math.max(...worth.map(Math.abs));
  return [h("h3", {}, title), h("p", { class: "words" }, words.map((word, place) => [h("span", { style: strength(worth[place], most), title: `adds ${worth[place].toFixed(4)}; ${(100 * attention[place]).toFixed(0)} % of the attention` }, word), " "]))];
}

function desk() {
  const query = h("input", { class: "field", name: "query", required: "", autocomplete: "off" });
  const product = h("input", { class: "field", name: "product", required: "", autocomplete: "off" });
  const found = h("div", { "aria-live": "polite" });
  const form = h("form", { class: "tools", id: "pair" }, h("label", {}, "Query", query), h("label", {}, "Product id", product), h("button", { class: "button slim" }, "Read"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    show(found, empty("Reading: this loads the model in a process of its own…"));
    try {
      const told = await api.readPair(query.value, product.value);
      const meeting = table(["", ...told.product.words], told.query.words.map((word, place) => [word, ...told.meeting[place].map((one) => one.toFixed(2))]));
      show(found, h("p", {}, `Cosine ${told.cosine.toFixed(4)}. The stronger the colour, the more a word adds (green) or takes (red).`), ...side("Query", told.query), ...side("Product", told.product), h("h3", {}, "Which words meet"), meeting);
    } catch (problem) {
      show(found, empty(`${problem.message} ${problem.hint ?? ""}`));
    }
  });
  return [h("h2", {}, "How the encoder reads a pair"), form, found];
}

export async function models() {
  const { roles } = await api.models();
  return h("div", {}, h("h1", { tabindex: "-1" }, "Models"), h("p", { class: "hint" }, `As of ${moment(new Date().toISOString())}. Tune with mercato tune, choose with mercato models choose.`), ...desk(), ...Object.entries(roles).map(([name, found]) => role(name, found)));
}
