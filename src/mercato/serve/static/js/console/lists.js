/** How lists are made: the knobs of one placement, what turning them does, and what it costs. */
import * as api from "../api.js";
import { announce, debounced, h, show } from "../dom.js";
import { count, label, moment } from "../format.js";
import { read } from "../store.js";
import { empty, mark, table } from "./charts.js";
import { KNOBS, said, sideBySide, sliders } from "./knobs.js";
import { latest } from "./latest.js";
import { prices, sampled } from "./prices.js";

const address = (placement, shopper) => `/console/lists?${new URLSearchParams({ placement, ...(shopper ? { shopper } : {}) })}`;
const placementName = (name) => label(name.replaceAll("-", " "));

function overview({ placements, turns }, link) {
  const numeric = (text) => ({ text, number: true });
  const cell = (knob, { value, turned }) => (turned ? mark("ok", said(knob, value)) : said(knob, value));
  return [
    h("h2", {}, "All placements"), h("p", { class: "hint" }, "What is marked was turned here; the rest is as mercato.toml says."),
    table(["Placement", ...Object.values(KNOBS).map(({ short }) => numeric(short))], Object.entries(placements).map(([name, knobs]) => [link(name), ...Object.keys(KNOBS).map((knob) => cell(knob, knobs[knob]))])),
    h("h2", {}, "Turns"), turns.length
      ? table([numeric("Number"), "When", "Placement", "Turned to"], turns.slice(0, 20).map(({ number, at, placement, knobs }) => [String(number), h("time", { datetime: at }, moment(at)), placementName(placement), Object.entries(knobs).map(([knob, value]) => `${KNOBS[knob]?.short ?? knob}: ${value === null ? "back to mercato.toml" : said(knob, value)}`).join(", ")]))
      : empty("Nobody has turned a knob here: lists are made as mercato.toml says."),
  ];
}

function desk(kept, placement, start, known, trainedAt, redraw) {
  const shopper = h("input", { class: "field", list: "known", value: start, name: "shopper", autocomplete: "off" });
  const lists = h("div", {});
  const sample = h("div", {});
  const cost = prices(placement, trainedAt);
  const force = h("button", { type: "button", class: "button slim primary", id: "force" }, "Put in force");
  const undo = h("button", { type: "button", class: "button slim", id: "undo" }, "Undo");
  const problem = h("p", { class: "hint", role: "alert" });
  const preview = latest((signal) => api.previewLists(placement, { ...knobs.wish(), shopper: shopper.value.trim() }, signal), (answer) => sideBySide(lists, answer), lists);
  const look = latest((signal) => api.sampleLists(placement, knobs.wish(), signal), (answer) => sampled(sample, answer), sample);
  const soon = debounced(preview, 150);
  const later = debounced(look, 900);
  const knobs = sliders(kept.placements[placement], () => { changed(); soon(); later(); });

  function changed() {
    const none = !Object.keys(knobs.turned()).length;
    force.disabled = none;
    undo.disabled = none;
    cost.at(knobs.values());
  }
  force.addEventListener("click", async () => {
    force.disabled = true;
    try {
      await api.turnLists(placement, knobs.turned());
      announce("In force for the next list");
      await redraw();
    } catch (refused) {
      problem.textContent = `${refused.message}. ${refused.hint}`;
      changed();
    }
  });
  undo.addEventListener("click", () => redraw());
  const form = h("form", { class: "tools" }, h("label", {}, "Shopper", shopper), h("datalist", { id: "known" }, known.map((one) => h("option", { value: one.id }, `${count(one.purchases)} purchases`))), h("button", { class: "button slim" }, "Show"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    history.replaceState({}, "", address(placement, shopper.value.trim()));
    preview();
  });
  changed();
  preview();
  look();
  cost.load();
  return [
    h("div", { class: "turning" },
      h("section", { "aria-label": "Knobs" }, knobs.element, h("div", { class: "tools" }, force, undo), problem),
      h("section", { "aria-label": "Preview" }, form, lists)),
    h("h2", {}, "What it does to everybody's lists"), sample, cost.element,
  ];
}

export async function lists() {
  const asked = new URLSearchParams(location.search);
  const [kept, { shoppers }, { trained_at: trainedAt }] = await Promise.all([api.lists(), api.shoppers("", 100), api.consoleData("learned")]);
  const placement = asked.get("placement") in kept.placements ? asked.get("placement") : "home";
  const start = asked.get("shopper") ?? (shoppers[0]?.id || read("shopper", "guest"));
  const link = (name) => h("a", { href: address(name, asked.get("shopper")) }, placementName(name));
  const body = h("div", {});
  const redraw = async (fresh = null) => {
    const now = fresh ?? (await api.lists());
    show(body, desk(now, placement, new URLSearchParams(location.search).get("shopper") ?? start, shoppers, trainedAt, redraw), overview(now, link));
  };
  await redraw(kept);
  return h("div", {}, h("h1", { tabindex: "-1" }, "Lists"),
    h("p", { class: "lead" }, "Turn how lists are made, placement by placement, and see what it does before anybody else does. A turn is kept and in force for the next list; no training is needed."),
    h("nav", { class: "chips", "aria-label": "Placements" }, Object.keys(kept.placements).map((name) => h("a", { class: "chip", href: address(name, asked.get("shopper")), "aria-current": name === placement ? "page" : null }, placementName(name)))), body);
}
