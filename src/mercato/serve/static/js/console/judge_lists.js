/** Both lists of one query in, two columns with what moved and a grade to give each product out. */
import { announce, h, show } from "../dom.js";
import { count, decimals } from "../format.js";
import { moved } from "./knobs.js";

const MEANS = ["not at all", "a little", "well", "exactly"];

/* What judges other than a person said, and how. */
const others = ({ grades }) => ["clicks", "model"].filter((source) => source in grades).map((source) => `${source} ${Number(grades[source].toFixed(1))}`);

/* Buttons 0 to 3; pressing the one that is pressed takes the grade back. A product in both lists has two rows of them. */
function gradeButtons(item, save, rows) {
  const buttons = MEANS.map((means, grade) => h("button", { type: "button", class: `grade g${grade}`, title: `${grade}: ${means}` }, String(grade)));
  const draw = (grade) => buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(at === grade)));
  buttons.forEach((button, at) => button.addEventListener("click", async () => {
    const grade = button.getAttribute("aria-pressed") === "true" ? null : at;
    if (await save(item.id, grade)) {
      rows.get(item.id).forEach((redraw) => redraw(grade));
      announce(grade === null ? `No grade for ${item.title}` : `${item.title}: ${grade}, ${MEANS[grade]}`);
    }
  }));
  rows.set(item.id, [...(rows.get(item.id) ?? []), draw]);
  draw(item.grades.hand ?? null);
  return h("span", { class: "grades", role: "group", "aria-label": `How well ${item.title} answers` }, buttons);
}

const place = (at) => (at === null ? "beyond 50" : `place ${at + 1}`);

/** ``answer`` is that of POST /v1/compare:lists; ``save(product, grade)`` says whether it was kept. Without it nothing can
 * be judged. */
export function judgedLists(holder, { a, b, wanted, totals, ndcg }, save) {
  const rows = new Map();
  const line = (item, mark) => h("li", {}, h("span", {}, item.title), mark, h("span", { class: "hint" }, [item.category.split(" > ").at(-1), ...others(item)].filter(Boolean).join(" · ")), save ? gradeButtons(item, save, rows) : null);
  const figure = (side) => `${count(totals[side])} found${ndcg ? `, nDCG@10 ${decimals(ndcg[side])}` : ""}`;
  const lane = (title, side, items, mark, kind = "") => h("section", { class: `lane ${kind}` }, h("h3", {}, title), h("p", { class: "hint" }, figure(side)),
    items.length ? h("ol", {}, items.map((item, at) => line(item, mark(item, at)))) : h("p", { class: "hint" }, "Nothing is found."));
  const leaves = ({ other }) => (other === null || other >= b.length ? h("span", { class: "move out" }, other === null ? "gone" : `to ${other + 1}`) : h("span", { class: "move" }));
  show(holder, h("div", { class: "pair" }, lane("A: as served", "a", a, leaves), lane("B: turned", "b", b, (item, at) => moved({ was: item.other }, at), "final")),
    wanted.length ? h("section", { class: "lane wanted" }, h("h3", {}, "Judged good, shown by neither"),
      h("ul", {}, wanted.map((item) => h("li", {}, h("span", {}, item.title), h("span", { class: "hint" }, [`A: ${place(item.a)}`, `B: ${place(item.b)}`, ...others(item)].join(" · ")), save ? gradeButtons(item, save, rows) : null)))) : null);
}
