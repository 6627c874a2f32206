/** Query sets: one to write from what shoppers ask, and what judges all of one at once. */
import * as api from "../api.js";
import { announce, h } from "../dom.js";
import { plural } from "../format.js";

const HOW = { weighted: "A sample, weighted by frequency", frequent: "The most frequent", random: "A random sample" };

/** A form that writes the queries of one set, a new one where ``found`` is null; ``written(name)`` follows. */
export function setForm(found, start, refused, written) {
  const name = h("input", { class: "field", name: "set", value: found?.name ?? "", required: true, maxlength: 80, disabled: Boolean(found), autocomplete: "off" });
  const queries = h("textarea", { class: "field", name: "queries", rows: 10, required: true }, (found?.queries ?? start).join("\n"));
  const how = h("select", { class: "field", name: "how" }, Object.entries(HOW).map(([value, text]) => h("option", { value }, text)));
  const many = h("input", { class: "field short", type: "number", name: "many", min: 1, max: 200, value: 50 });
  const suggest = h("button", { type: "button", class: "button slim" }, "Add what shoppers ask");
  suggest.addEventListener("click", () => api.suggestQueries(how.value, many.value).then(({ queries: asked }) => {
    queries.value = [...new Set([...queries.value.split("\n"), ...asked].map((one) => one.trim()).filter(Boolean))].join("\n");
    announce(asked.length ? `${plural(asked.length, "query", "queries")} added` : "Nobody has searched yet");
  }, refused));
  const form = h("form", { class: "rule alone" }, h("fieldset", { class: "sheet" }, h("legend", {}, found ? `Queries of ${found.name}` : "New query set"),
    found ? null : h("label", { class: "entry" }, "Name", name),
    h("div", { class: "tools" }, h("label", {}, "From the log", how), h("label", {}, "How many", many), suggest),
    h("label", { class: "entry" }, "Queries, one a line", queries),
    h("div", { class: "tools" }, h("button", { class: "button slim primary" }, found ? "Save the queries" : "Write this set"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = found?.name ?? name.value.trim();
    api.putQuerySet(wanted, queries.value.split("\n").filter((one) => one.trim())).then(() => written(wanted), refused);
  });
  return form;
}

/** What a set can be judged by besides hands, and its way in and out; ``said`` tells, ``changed`` follows. */
export function setTools(name, said, refused, changed, gone) {
  const press = (text, action, hint = "") => {
    const button = h("button", { type: "button", class: "button slim", title: hint || null }, text);
    button.addEventListener("click", async () => {
      button.disabled = true;
      await action().catch(refused);
      button.disabled = false;
    });
    return button;
  };
  const judged = (source) => async () => {
    const { judged: many, queries, rule } = await api.judgeAll(name, source);
    said(`${plural(many, "judgment")} of ${plural(queries, "query", "queries")} (${rule}).`);
    await changed();
  };
  const file = h("input", { type: "file", class: "unseen", accept: ".csv,.jsonl", tabindex: "-1", "aria-hidden": "true" });
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    const told = await api.importJudgments(name, chosen, chosen.name.endsWith(".csv") ? "text/csv" : "application/jsonl").catch(refused);
    file.value = "";
    if (!told) return;
    said(`${plural(told.judged, "judgment")} read; ${plural(told.of_unknown_products, "judgment")} of products the shop does not have left out.`);
    await changed();
  });
  return h("div", { class: "tools" },
    press("Judge by clicks", judged("clicks"), "From this shop's own lists and clicks"), press("Judge by model", judged("model"), "By the text encoder; marked as such, and counted only where you say so"),
    press("Import", async () => file.click(), "CSV or JSONL with query, product_id, grade"), file,
    h("a", { class: "button slim", href: api.judgmentsFile(name), download: `${name}.csv` }, "Export"),
    press("Delete this set", () => api.deleteQuerySet(name).then(gone)));
}
