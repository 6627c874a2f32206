/** /openapi.json in, a page of routes with fields and a place to try them out. */
import { headers } from "./api.js";
import { $, h, show } from "./dom.js";
import { table } from "./console/charts.js";

const plain = (text) => text.replaceAll("`", "");
const anchor = (method, path) => `${method}-${path}`.replace(/\W+/g, "-");

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.type === "array") return `[${typeOf(schema.items ?? {})}]`;
  return schema.type ?? "any";
}

function limits(schema) {
  const bounds = { minimum: "≥", maximum: "≤", maxLength: "at most", maxItems: "at most" };
  return Object.entries(bounds).filter(([name]) => schema[name] !== undefined).map(([name, sign]) => `${sign} ${schema[name]}${name === "maxLength" ? " characters" : name === "maxItems" ? " entries" : ""}`).join(", ");
}

function fieldRows(operation, schema) {
  const parameters = (operation.parameters ?? []).filter(({ name }) => !["x-shop", "shop"].includes(name));
  const rows = parameters.map((one) => [one.name, typeOf(one.schema), one.in, [one.description ?? "", " ", limits(one.schema)]]);
  for (const [name, field] of Object.entries(schema?.properties ?? {})) {
    const needed = schema.required?.includes(name) ? "required" : field.default === undefined ? "" : `default ${JSON.stringify(field.default)}`;
    rows.push([name, typeOf(field), "body", [[field.description, limits(field), needed].filter(Boolean).join("; ")]]);
  }
  return rows;
}

function example(schema) {
  const fields = Object.entries(schema?.properties ?? {}).filter(([name, field]) => field.examples && (name !== "where"));
  return JSON.stringify(Object.fromEntries(fields.map(([name, field]) => [name, field.examples[0]])), null, 2);
}

function tryOut(method, path, schema) {
  const body = h("textarea", { "aria-label": `Body of ${method} ${path}`, spellcheck: "false" });
  body.value = example(schema);
  const answer = h("pre", { hidden: true, tabindex: "0", "aria-label": "Answer" });
  const run = async () => {
    const response = await fetch(path, { method, headers: headers(schema), body: schema ? body.value : undefined });
    const text = await response.text();
    answer.hidden = false;
    answer.textContent = `${response.status}\n${response.headers.get("content-type")?.includes("json") ? JSON.stringify(JSON.parse(text), null, 2).slice(0, 6000) : text.slice(0, 6000)}`;
  };
  return [schema ? body : null, h("button", { type: "button", class: "button slim", onclick: run }, "Try it"), answer];
}

function route(method, path, operation) {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  const rows = fieldRows(operation, schema);
  const harmless = (method === "GET" || /\/(search|recommend)$/.test(path)) && !path.includes("{");
  return h("section", { class: "route", id: anchor(method, path) }, h("h2", {}, `${method} ${path}`), h("p", {}, plain(operation.description ?? operation.summary)),
    rows.length ? table(["Field", "Type", "In", ""], rows) : null, harmless ? tryOut(method, path, schema) : null);
}

const { paths, info } = await (await fetch("/openapi.json")).json();
const routes = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => [method.toUpperCase(), path, operation]));
show($("#sections"), routes.map(([method, path]) => h("li", {}, h("a", { href: `#${anchor(method, path)}` }, h("span", { class: "verb" }, method), h("span", {}, path.replace("/v1", ""))))));
show($("#main"), h("h1", {}, "The HTTP API"), h("p", { class: "lead" }, plain(info.description)), routes.map((one) => route(...one)));
