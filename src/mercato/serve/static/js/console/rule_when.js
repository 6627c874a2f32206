/** When a rule holds in, the part of its form that says so out: which lists, what is searched, who asks. */
import { h } from "../dom.js";
import { check, choice, entry, text } from "./entry.js";
import { filterOf, filterText, LISTS, listName, SEARCH, segmentsOf } from "./rule_words.js";

/** Lists that start from products. */
export const ANCHORED = ["similar", "together", "cart", "session"];
const MATCHES = [["exact", "is exactly this"], ["contains", "contains these words"]];

/** What is ticked of every list there is; nothing ticked is search. */
function placementChoice(placements, changed) {
  const boxes = LISTS.map((name) => [name, check(placements.includes(name), { name: "placements", value: name })]);
  boxes.forEach(([, box]) => box.addEventListener("input", changed));
  return {
    element: h("div", { class: "choices", role: "group", "aria-label": "Lists" }, boxes.map(([name, box]) => h("label", { class: "check" }, box, listName(name)))),
    value: () => boxes.filter(([, box]) => box.checked).map(([name]) => name),
  };
}

/** The condition as a fieldset; ``value()`` leaves out what does not go with the lists chosen. */
export function condition({ query, match, where, segments = [], placements = [SEARCH], anchor, always } = {}, changed) {
  const words = text(query, { name: "query", placeholder: "sofa" });
  const how = choice(MATCHES, match, { name: "match" });
  const within = text(where ? filterText(where) : "", { name: "within", placeholder: "categories = Home > Living" });
  const beside = text(anchor ? filterText(anchor) : "", { name: "anchor", placeholder: "categories = Home > Living" });
  const whom = text(segments.join(", "), { name: "segments", placeholder: "vip, loyalty:gold" });
  const every = check(always, { name: "always" });
  const lists = placementChoice(placements, () => { toggle(); changed(); });
  const start = entry("Starting from", beside, changed, "What a product the list starts from passes, such as its category.");
  const typed = h("div", { class: "pair" }, entry("The search", words, changed), entry("", how, changed));
  const ofSearch = () => lists.value().every((name) => name === SEARCH);
  const ofAnchors = () => lists.value().length > 0 && lists.value().every((name) => ANCHORED.includes(name));
  function toggle() {
    [words, how].forEach((control) => { control.disabled = every.checked || !ofSearch(); });
    within.disabled = every.checked;
    beside.disabled = every.checked;
    typed.hidden = !ofSearch();
    start.hidden = !ofAnchors();
  }
  every.addEventListener("input", () => { toggle(); changed(); });
  toggle();
  const filled = (control) => !control.disabled && control.value.trim();
  return {
    element: h("fieldset", { class: "sheet" }, h("legend", {}, "When"), lists.element,
      typed, entry("Narrowed to", within, changed, "A category or a brand page: what the shopper filters by."), start,
      h("label", { class: "check" }, every, "Always, whatever is asked for"),
      entry("For whom", whom, changed, "Segments with commas between them, one is enough; everybody when empty. A shopper’s record gives such as loyalty:gold, your shop’s pages may send others.")),
    value() {
      const told = segmentsOf(whom.value);
      return {
        ...(every.checked ? { always: true } : {}),
        ...(filled(words) ? { query: words.value.trim(), match: how.value } : {}),
        ...(filled(within) ? { where: filterOf(within.value) } : {}),
        ...(told.length ? { segments: told } : {}),
        ...(ofSearch() ? {} : { placements: lists.value() }),
        ...(ofAnchors() && filled(beside) ? { anchor: filterOf(beside.value) } : {}),
      };
    },
  };
}
