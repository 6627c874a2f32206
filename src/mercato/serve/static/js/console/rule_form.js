/** One rule in, its form out; what it says now comes back as the body of a PUT. */
import { h } from "../dom.js";
import { check, entry, text } from "./entry.js";
import { boostLine, hiddenLine, lines, pinLine, productChoices, synonymLine } from "./rule_lines.js";
import { condition } from "./rule_when.js";
import { filterOf, filterText, localTime, utcTime } from "./rule_words.js";

const filled = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== "" && value !== null && value !== undefined && !(Array.isArray(value) && !value.length)));

/** The form for ``rule`` (null: a new one); ``changed`` is called whenever something in it does. */
export function ruleForm(rule, changed) {
  const { hide = {}, banner = {} } = rule ?? {};
  const id = text(rule?.id, { name: "id", placeholder: "made up when empty", readonly: Boolean(rule) });
  const note = text(rule?.note, { name: "note" });
  const enabled = check(rule?.enabled ?? true, { name: "enabled" });
  const priority = text(rule?.priority ?? 0, { type: "number", min: -1000, max: 1000, name: "priority" });
  const start = text(localTime(rule?.start), { type: "datetime-local", name: "start" });
  const end = text(localTime(rule?.end), { type: "datetime-local", name: "end" });
  const when = condition(rule?.when, changed);
  const pins = lines("Pins", "Where a product stands in the whole list, 1 is first. Filters and sorting still hold.", rule?.pins ?? [], (n) => ({ position: n + 1 }), pinLine, changed);
  const hidden = lines("Hidden products", "Gone from the list, its count and its sidebar.", hide.products ?? [], () => "", hiddenLine, changed);
  const hiddenBy = text(filterText(hide.where), { name: "hide", placeholder: "brand = Acme" });
  hidden.element.append(entry("And everything that passes this filter", hiddenBy, changed));
  const boosts = lines("Boosts", "Up or down by a share of the distance between the first and the last of the list.", rule?.boosts ?? [], () => ({}), boostLine, changed);
  const said = text(banner.text, { name: "banner" });
  const link = text(banner.url, { name: "url", placeholder: "/sale" });
  const image = text(banner.image, { name: "image" });
  const redirect = text(rule?.redirect, { name: "redirect", placeholder: "/help/returns" });
  const synonyms = lines("Synonyms", "They stand for each other; with a word in the first field only for that word.", rule?.synonyms ?? [], () => ({}), synonymLine, changed);
  enabled.addEventListener("input", changed);

  const element = h("form", { class: "rule", novalidate: true }, productChoices(),
    h("div", { class: "pair" }, entry("Name", id, changed), entry("Note", note, changed)), when.element, pins.element, hidden.element, boosts.element, synonyms.element,
    h("fieldset", { class: "sheet" }, h("legend", {}, "Banner and redirect"), entry("Banner", said, changed), h("div", { class: "pair" }, entry("Its link", link, changed), entry("Its picture", image, changed)), entry("Send to another page", redirect, changed)),
    h("fieldset", { class: "sheet" }, h("legend", {}, "Dates and order"), h("div", { class: "pair" }, entry("From", start, changed), entry("Up to", end, changed)),
      h("div", { class: "pair" }, entry("Priority", priority, changed, "The higher goes first where rules contradict each other."), h("label", { class: "check" }, enabled, "Switched on"))));

  return {
    element,
    /** The rule as it stands; throws a text where a filter cannot be read. */
    value() {
      const away = filled({ products: hidden.values(), where: hiddenBy.value.trim() ? filterOf(hiddenBy.value) : null });
      const shown = filled({ text: said.value.trim(), url: link.value.trim(), image: image.value.trim() });
      return filled({
        id: id.value.trim(), note: note.value.trim(), enabled: enabled.checked, priority: Number(priority.value), when: when.value(),
        pins: pins.values(), hide: Object.keys(away).length ? away : null, boosts: boosts.values(), synonyms: synonyms.values(),
        banner: Object.keys(shown).length ? shown : null, redirect: redirect.value.trim(), start: utcTime(start.value), end: utcTime(end.value),
      });
    },
  };
}
