/** Elements out of names, properties and children; text is always text, never markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** h("a", {href: "/", class: "x", onclick: go}, "text", child) */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** The same for SVG. */
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

export const $ = (selector, root = document) => root.querySelector(selector);

/** Replace everything inside ``element``. */
export function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Say something to a screen reader without moving the focus. */
export function announce(text) {
  const region = $("#announcer");
  if (region) region.textContent = text;
}

/** Call ``action`` once, ``wait`` ms after the last call. */
export function debounced(action, wait) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), wait);
  };
}

/** A small line icon for buttons. */
export function glyph(name) {
  const paths = {
    search: "M10.5 4a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20", cart: "M3 5h2.5l2 10h9.5l2-7.5H6.5M9 19.5h.01M16 19.5h.01",
    plus: "M12 5v14M5 12h14", minus: "M5 12h14", close: "M6 6l12 12M18 6L6 18", person: "M12 12a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
    left: "M14.5 5.5L8 12l6.5 6.5", right: "M9.5 5.5L16 12l-6.5 6.5", down: "M6 9.5l6 6l6-6", check: "M5 12.5l4.5 4.5L19 7.5", tag: "M4 4h7l9 9l-7 7l-9-9zM8 8h.01",
    clock: "M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16zM12 8v4.5l3 2", spark: "M12 3l1.8 5.7L19.5 10.5l-5.7 1.8L12 18l-1.8-5.7L4.5 10.5l5.7-1.8z", filter: "M4 6h16M7 12h10M10 18h4",
    camera: "M4 8h3.5l1.5-2.5h6L16.5 8H20v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4a3.2 3.2 0 0 0 0 6.4z",
  };
  return svg("svg", { viewBox: "0 0 24 24", class: "glyph", "aria-hidden": "true", focusable: "false" }, svg("path", { d: paths[name] }));
}
