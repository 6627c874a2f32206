/** A list that grows and shrinks in, its lines as a form out: products, filters, synonyms. */
import * as api from "../api.js";
import { debounced, glyph, h, show } from "../dom.js";
import { filterOf, filterText } from "./rule_words.js";

const PRODUCTS = "rule-products";

/** What is offered follows what is typed; names are shown, ids are kept. */
export const productChoices = () => h("datalist", { id: PRODUCTS });

const offer = debounced(async (text) => {
  const list = document.getElementById(PRODUCTS);
  const { products } = await api.suggest(text).catch(() => ({ products: [] }));
  if (list) show(list, products.map(({ id, title }) => h("option", { value: id }, title)));
}, 150);

export function productField(value, name, changed) {
  const title = h("span", { class: "hint" });
  const field = h("input", { class: "field", value, list: PRODUCTS, "aria-label": name, placeholder: "id, or type a name", autocomplete: "off" });
  const named = () => field.value && api.product(field.value).then((product) => { title.textContent = product.title; }, () => { title.textContent = "unknown"; });
  field.addEventListener("input", () => { title.textContent = ""; offer(field.value); changed(); });
  field.addEventListener("change", named);
  named();
  return { element: h("span", { class: "grow" }, field, title), value: () => field.value.trim() };
}

const plain = (properties, changed) => {
  const field = h("input", { class: "field", ...properties });
  field.addEventListener("input", changed);
  return field;
};

/* Each kind of line: {element, value()}, where an empty line's value is null. */
export function pinLine({ product = "", position = "" }, changed) {
  const chosen = productField(product, "Pinned product", changed);
  const place = plain({ type: "number", min: 1, max: 1000, value: position, "aria-label": "Position", class: "field short" }, changed);
  return { element: [chosen.element, h("label", {}, "at", place)], value: () => (chosen.value() ? { product: chosen.value(), position: Number(place.value) } : null) };
}

export function hiddenLine(product, changed) {
  const chosen = productField(product, "Hidden product", changed);
  return { element: chosen.element, value: () => chosen.value() || null };
}

/** Products by id or by filter, up or down. */
export function boostLine({ products = [], where, by = 0.5 }, changed) {
  const target = plain({ value: where ? filterText(where) : products.join(" "), "aria-label": "Boosted", placeholder: "brand = Acme, or product ids", list: PRODUCTS }, () => { offer(target.value); changed(); });
  const told = h("output", {});
  const slider = h("input", { type: "range", min: -1, max: 1, step: 0.05, value: by, "aria-label": "By how much" });
  const tell = () => { told.textContent = Number(slider.value) > 0 ? `+${slider.value}` : slider.value; };
  slider.addEventListener("input", () => { tell(); changed(); });
  tell();
  return {
    element: [h("span", { class: "grow" }, target), slider, told],
    value() {
      const text = target.value.trim();
      if (!text || Number(slider.value) === 0) return null;
      const both = where && products.length ? { products } : {};
      return { ...both, ...(/[=<>]/.test(text) ? { where: filterOf(text) } : { products: text.split(/\s+/) }), by: Number(slider.value) };
    },
  };
}

export function synonymLine({ from = "", words = [] }, changed) {
  const source = plain({ value: from, "aria-label": "From", placeholder: "both ways", class: "field medium" }, changed);
  const others = plain({ value: words.join(", "), "aria-label": "Synonyms", placeholder: "sofa, couch, settee" }, changed);
  return {
    element: [source, h("span", { "aria-hidden": "true" }, "→"), h("span", { class: "grow" }, others)],
    value() {
      const told = others.value.split(",").map((one) => one.trim()).filter(Boolean);
      return told.length ? { ...(source.value.trim() ? { from: source.value.trim() } : {}), words: told } : null;
    },
  };
}

/** ``given`` as lines made by ``make(one, changed)``, with buttons to add ``fresh(n)`` and to take away; ``values()`` are
 * those of the lines that are filled in. */
export function lines(title, hint, given, fresh, make, changed) {
  const made = new Set();
  const list = h("ul", { class: "lines" });
  const add = (one) => {
    const line = make(one, changed);
    const away = h("button", { type: "button", class: "button quiet slim", "aria-label": `Take out of ${title.toLowerCase()}` }, glyph("close"));
    const item = h("li", {}, line.element, away);
    away.addEventListener("click", () => { made.delete(line); item.remove(); changed(); });
    made.add(line);
    list.append(item);
    return item;
  };
  given.forEach(add);
  const more = h("button", { type: "button", class: "button slim" }, glyph("plus"), "Add");
  more.addEventListener("click", () => add(fresh(made.size)).querySelector("input")?.focus());
  return {
    element: h("fieldset", { class: "sheet" }, h("legend", {}, title), h("p", { class: "hint" }, hint), list, more),
    values: () => [...made].map((line) => line.value()).filter((value) => value !== null),
  };
}
