/** What search is made of in, sliders and ticks out; where they stand comes back as the knobs of a comparison. */
import { h } from "../dom.js";
import { label } from "../format.js";

const MOST = 3;

function slider(name, title, hint, { value, most, step, said }, changed) {
  const field = h("input", { type: "range", id: `turn-${name}`, min: 0, max: most, step, value, "aria-describedby": hint ? `about-turn-${name}` : null });
  const told = h("output", { for: `turn-${name}` }, said(value));
  const tell = () => { told.textContent = said(Number(field.value)); field.setAttribute("aria-valuetext", told.textContent); };
  field.addEventListener("input", () => { tell(); changed(); });
  return {
    element: h("div", { class: "turn" }, h("label", { for: `turn-${name}` }, title), told, field, hint ? h("p", { class: "hint", id: `about-turn-${name}` }, hint) : null),
    value: () => Number(field.value),
    back: () => { field.value = value; tell(); },
  };
}

/** A box to tick; ``value()`` is whether it is. */
export function tick(title, checked, changed, disabled = false) {
  const field = h("input", { type: "checkbox", checked, disabled });
  field.addEventListener("change", changed);
  return { element: h("label", { class: "check" }, field, title), value: () => field.checked, back: () => { field.checked = checked; } };
}

/** Knobs of search (as GET /v1/compare tells them); ``changed`` is called whenever one moves. */
export function searchKnobs({ terms, meaning, rules, partial }, changed) {
  const times = (value) => `× ${Number(value.toFixed(2))}`;
  const weights = Object.fromEntries(Object.entries(terms).map(([name, notes]) => [name, slider(name, label(name), notes.length > 1 || notes[0] !== name ? notes.join(", ") : "", { value: 1, most: MOST, step: 0.1, said: times }, changed)]));
  const least = slider("partial", "Words a product must hold", "where few products hold all of them; 100 % shows no others", { value: partial, most: 1, step: 0.05, said: (value) => `${Math.round(100 * value)} %` }, changed);
  const semantic = tick("Meaning beside words", meaning, changed, !meaning);
  const ruled = tick(`The shop's rules (${rules})`, true, changed, !rules);
  const typos = tick("Misspelt words corrected", true, changed);
  const back = h("button", { type: "button", class: "button quiet slim" }, "All back as served");
  back.addEventListener("click", () => { [...Object.values(weights), least, semantic, ruled, typos].forEach((one) => one.back()); changed(); });
  return {
    element: h("fieldset", { class: "sheet turns" }, h("legend", {}, "Turn search"), Object.values(weights).map(({ element }) => element), least.element, semantic.element, ruled.element, typos.element, back),
    value: () => ({
      weights: Object.fromEntries(Object.entries(weights).map(([name, one]) => [name, one.value()]).filter(([, by]) => by !== 1)),
      meaning: semantic.value() || !meaning, rules: ruled.value(), typos: typos.value(), ...(least.value() === partial ? {} : { partial: least.value() }),
    }),
  };
}
