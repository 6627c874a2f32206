/** The console's start: sections and the way between them. */
import { consoleData } from "../api.js";
import { $, h, show } from "../dom.js";
import { empty } from "./charts.js";
import { judge } from "./judge.js";
import { learned, quality } from "./knowledge.js";
import { lists } from "./lists.js";
import { models } from "./models.js";
import { events, health, system } from "./operations.js";
import { rules } from "./rules.js";
import { searches } from "./searches.js";
import { views } from "./views.js";

const SECTIONS = { learned: ["What was learned", learned], quality: ["Quality", quality], lists: ["Lists", lists], rules: ["Rules", rules], judge: ["Judge", judge], models: ["Models", models], shopper: ["Shopper view", views], health: ["Data health", health], searches: ["Searches", searches], events: ["Event debugger", events], system: ["System", system] };

async function draw(move = true) {
  const name = location.pathname.split("/")[2] || "learned";
  const [title, section] = SECTIONS[name] ?? ["Not a section", () => empty("There is no such section.")];
  document.title = `${title} · Console`;
  show($("#sections"), Object.entries(SECTIONS).map(([key, [text]]) => h("li", {}, h("a", { href: `/console/${key}`, "aria-current": key === name ? "page" : null }, text))));
  $("#sections [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
  const slow = setTimeout(() => show($("#main"), h("h1", {}, title), empty("Counting…")), 200);
  const element = await Promise.resolve(section()).catch((problem) => h("div", {}, h("h1", { tabindex: "-1" }, title), empty(`${problem.message} ${problem.hint ?? ""}`)));
  clearTimeout(slow);
  show($("#main"), element);
  $("#again")?.addEventListener("click", () => draw());
  if (move) $("#main h1")?.focus({ preventScroll: true });
}

addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="/console"]');
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  history.pushState({}, "", link.href);
  draw();
});
addEventListener("popstate", () => draw());
consoleData("status").then(({ shop }) => { $("#shop-name").textContent = `Shop “${shop}”`; }).catch(() => {});
draw(false);
