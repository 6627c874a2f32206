/** Form controls with a label that tell when they change. */
import { h } from "../dom.js";

/** A labelled control; ``changed`` is called whenever something is typed into it. */
export function entry(label, control, changed, hint) {
  control.addEventListener("input", changed);
  return h("label", { class: "entry" }, label, control, hint ? h("span", { class: "hint" }, hint) : null);
}
export const text = (value, properties = {}) => h("input", { class: "field", value: value ?? "", autocomplete: "off", ...properties });
export const check = (value, properties = {}) => h("input", { type: "checkbox", checked: Boolean(value), ...properties });
export const choice = (options, value, properties = {}) => h("select", { class: "field", ...properties }, options.map(([one, label]) => h("option", { value: one, selected: one === value }, label)));
