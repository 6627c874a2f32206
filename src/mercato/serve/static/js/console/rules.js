/** The shop's rules: a table of them, one to edit beside what it does, and every version to go back to. */
import * as api from "../api.js";
import { announce, debounced, h, show } from "../dom.js";
import { count, moment } from "../format.js";
import { empty, mark, table } from "./charts.js";
import { choice, text } from "./entry.js";
import { sideBySide } from "./knobs.js";
import { latest } from "./latest.js";
import { ruleForm } from "./rule_form.js";
import { ANCHORED } from "./rule_when.js";
import { datesOf, doesOf, LISTS, listName, SEARCH, segmentsOf, whenOf } from "./rule_words.js";

const STATES = { "in force": "ok", waiting: "warning", over: "", off: "" };
const address = (rule = "") => `/console/rules${rule ? `?rule=${encodeURIComponent(rule)}` : ""}`;

function troubles({ unknown = [], resting = [], broken = [] }) {
  const told = resting.map(({ product, why }) => `${product}: ${why}`).concat(unknown.filter((id) => !resting.some(({ product }) => product === id)).map((id) => `${id}: unknown`), broken.map(({ field, why }) => `${field}: ${why}`));
  return told.length ? h("p", { class: "hint" }, mark("warning", count(told.length)), " ", told.slice(0, 3).join("; "), told.length > 3 ? " …" : "") : null;
}

function overview({ rules, status }, refused, redraw) {
  if (!rules.length) return empty("No rules yet: lists are what the shop learned.");
  const press = (text, action) => {
    const button = h("button", { type: "button", class: "button slim" }, text);
    button.addEventListener("click", () => action().then(() => redraw(), refused));
    return button;
  };
  return table(["Rule", "When", "What it does", "Dates", { text: "Priority", number: true }, "State", ""], rules.map((rule) => [
    [h("a", { href: address(rule.id) }, rule.id), rule.note ? h("p", { class: "hint" }, rule.note) : null], whenOf(rule), h("ul", {}, doesOf(rule).map((one) => h("li", {}, one))), datesOf(rule), count(rule.priority),
    [mark(STATES[status[rule.id].state], status[rule.id].state), troubles(status[rule.id])],
    h("span", { class: "buttons" }, press(rule.enabled ? "Switch off" : "Switch on", () => api.putRule({ ...rule, enabled: !rule.enabled })), press("Delete", () => api.deleteRule(rule.id))),
  ]));
}

function past(versions, version, refused, redraw) {
  if (!versions.length) return empty("Nobody has written a rule yet.");
  return table([{ text: "Version", number: true }, "When", "What", ""], versions.map(({ number, at, what }) => {
    const back = h("button", { type: "button", class: "button slim" }, "Go back to this");
    back.addEventListener("click", () => api.rollBackRules(number).then(() => { announce(`The rules are those of version ${number} again`); return redraw(); }, refused));
    return [String(number), h("time", { datetime: at }, moment(at)), what, number === version ? mark("ok", "in force") : back];
  }));
}

function outcome(holder, id, { now, then, totals, rules, banners, redirect, synonyms, resting, product }) {
  const lists = h("div", {});
  sideBySide(lists, { now, turned: then, product }, "With this rule", "Nothing is found.");
  show(holder,
    rules.includes(id) ? null : h("p", { class: "hint" }, "The rule does not hold here: this list, search, shopper or day is not one it speaks of."),
    h("p", { class: "hint" }, `${count(totals.now)} found now, ${count(totals.then)} with this rule.`),
    redirect ? h("p", { class: "hint" }, "The shopper is sent to ", h("b", {}, redirect), ".") : null,
    banners.map(({ text }) => h("p", { class: "hint" }, "Banner: ", h("b", {}, text))),
    Object.entries(synonyms).map(([word, others]) => h("p", { class: "hint" }, `“${word}” is also searched as ${others.join(", ")}.`)),
    resting.map(({ product, why }) => h("p", { class: "hint" }, mark("warning", product), ` is pinned but not shown: ${why}.`)), lists);
}

/* Whether there is anything to try out yet: a form is filled in step by step. */
const saysSomething = ({ when, pins, hide, boosts, banner, redirect, synonyms }) => Boolean(synonyms || (Object.keys(when).length && (pins || hide || boosts || banner || redirect)));

/* What to try a rule on: a list, who looks at it, and what is searched or what the list starts from. */
function tryingOn({ query = "", placements = [SEARCH], segments = [] } = {}, changed) {
  const list = choice(LISTS.map((name) => [name, listName(name)]), placements[0], { name: "list" });
  const words = text(query, { name: "try" });
  const start = text("", { name: "start", placeholder: "id of a product" });
  const shopper = text("", { name: "as", placeholder: "nobody in particular" });
  const whom = text(segments.join(", "), { name: "whom", placeholder: "none" });
  const searched = h("label", {}, "Try it on the search", words);
  const started = h("label", {}, "Starting from", start);
  const toggle = () => { searched.hidden = list.value !== SEARCH; started.hidden = !ANCHORED.includes(list.value) || list.value === "session"; };
  list.addEventListener("input", () => { toggle(); changed(); });
  toggle();
  return {
    elements: [h("label", {}, "List", list), searched, started, h("label", {}, "Shopper", shopper), h("label", {}, "In the segments", whom)],
    value: () => ({
      placement: list.value, shopper: shopper.value.trim(), segments: segmentsOf(whom.value),
      ...(searched.hidden ? {} : { query: words.value.trim() }), ...(started.hidden ? {} : { product: start.value.trim() }),
    }),
  };
}

/* One rule to write, beside what it does to a list. */
function desk(rule, refused, redraw) {
  const holder = h("div", { class: "outcome" });
  const asked = () => { const now = form.value(); return { ...now, id: rule?.id ?? (now.id || "draft") }; };
  const ask = async (signal) => { const now = asked(); return saysSomething(now) ? api.previewRules({ ...on.value(), put: [now] }, signal) : null; };
  const preview = latest(ask, (answer) => (answer ? outcome(holder, asked().id, answer) : show(holder, empty("Say when, and what it does: here one sees what comes of it."))), holder);
  const soon = debounced(preview, 250);
  const on = tryingOn(rule?.when, soon);
  const form = ruleForm(rule, soon);
  const save = h("button", { class: "button slim primary", id: "save" }, rule ? "Save" : "Write this rule");
  form.element.append(h("div", { class: "tools" }, save, h("a", { class: "button slim", href: address() }, "Cancel")));
  form.element.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const kept = rule ? await api.putRule(asked()) : await api.addRule(form.value());
      announce(`${kept.rule.id} is in force for the next list`);
      history.replaceState({}, "", address());
      await redraw();
    } catch (problem) {
      refused(problem);
    }
  });
  const look = h("form", { class: "tools trying" }, on.elements, h("button", { class: "button slim" }, "Show"));
  look.addEventListener("submit", (event) => { event.preventDefault(); preview(); });
  preview();
  return h("div", { class: "ruling" }, h("section", { "aria-label": "Rule" }, form.element), h("section", { "aria-label": "Preview" }, look, holder));
}

export async function rules() {
  const body = h("div", {});
  const problem = h("p", { class: "hint bad", role: "alert" });
  const refused = ({ message, field, hint }) => { problem.textContent = [message, field ? `(${field})` : "", hint ? `– ${hint}` : ""].filter(Boolean).join(" "); };
  const redraw = async () => {
    const [kept, { versions }] = await Promise.all([api.rules(), api.ruleVersions()]);
    const wanted = new URLSearchParams(location.search).get("rule");
    const known = kept.rules.find(({ id }) => id === wanted) ?? null;
    problem.textContent = "";
    show(body,
      wanted === null ? h("div", { class: "tools" }, h("a", { class: "button slim primary", href: address("+new") }, "New rule")) : desk(known, refused, redraw),
      problem, h("h2", {}, "All rules, in the order in which they apply"), overview(kept, refused, redraw),
      h("h2", {}, "Versions"), h("p", { class: "hint" }, "Every change is a version; going back is one too."), past(versions, kept.version, refused, redraw));
  };
  await redraw();
  return h("div", {}, h("h1", { tabindex: "-1" }, "Rules"),
    h("p", { class: "lead" }, "Pin, hide, boost and bury products, say something above a list, send a search elsewhere, and teach the shop words. For searches or other lists, for everybody or for a segment. A rule is in force for the next list; no training is needed."), body);
}
