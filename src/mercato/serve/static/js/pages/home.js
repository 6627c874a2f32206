/** The first page: what the shop would put on the table for this shopper. */
import * as api from "../api.js";
import { glyph, h, show } from "../dom.js";
import { send } from "../events.js";
import { count, leaf, plural } from "../format.js";
import { categoryAddress } from "../query.js";
import { go } from "../router.js";
import { row } from "../row.js";
import { open as openShopper } from "../shopper.js";
import { become, shopper } from "../store.js";

function hour() {
  const now = new Date().getHours();
  return now >= 5 && now < 12 ? "Good morning" : now >= 12 && now < 18 ? "Good afternoon" : "Good evening";
}

/* For a newcomer: three shoppers the shop knows well, to try it as. */
async function invite(chips) {
  const { shoppers } = await api.shoppers("", 3).catch(() => ({ shoppers: [] }));
  show(chips, shoppers.map(({ id, purchases }) => h("button", { type: "button", class: "chip", onclick: () => { become(id); go("/"); } }, glyph("person"), `Shop as ${id}`, h("span", { class: "muted number" }, plural(purchases, "purchase")))));
}

async function greeting(words, chips) {
  try {
    const known = await api.shopper(shopper());
    show(words, known.purchases
      ? `This page is made from ${plural(known.purchases, "purchase")} by ${known.id}. Look at something or put it in the cart, and the next list answers to it.`
      : "You have looked around but bought nothing yet. Every click already counts.");
    show(chips, (known.top_categories ?? []).slice(0, 5).map(({ path, count: n }) => h("a", { class: "chip", href: categoryAddress(path) }, leaf(path), h("span", { class: "muted number" }, count(n)))));
  } catch (problem) {
    if (problem.status === 404) invite(chips);
    show(words, problem.status === 404 ? "You are new here, so this is what most people like. Click three things and watch the page become yours, or shop as a household the shop already knows." : problem.message);
  }
}

/** The element, its rows still loading. */
export function home() {
  send("home-page-view");
  const words = h("p", {}, "…");
  const chips = h("div", { class: "chips" });
  const rows = [
    row({ placement: "home", title: "For you", why: "Made from what you bought, looked at and left" }),
    row({ placement: "buy-again", title: "Buy again", why: "Things you had before, when you may need them", empty: "Once you have bought something, it waits here." }),
    row({ placement: "discover", title: "Discover", why: "Nothing here you ever bought" }),
  ];
  greeting(words, chips);
  rows.forEach((one) => one.load());
  return h("div", { class: "wrap", dataset: { title: "" } },
    h("section", { class: "greeting" },
      h("div", {}, h("h1", { tabindex: "-1" }, hour()), words, chips),
      h("button", { type: "button", class: "button", onclick: openShopper }, glyph("person"), "Switch shopper")),
    rows.map((one) => one.element));
}
