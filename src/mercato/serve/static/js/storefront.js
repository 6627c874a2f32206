/** The storefront's start: header, shelves, routes. */
import * as api from "./api.js";
import { $, announce, h, show } from "./dom.js";
import { count, leaf } from "./format.js";
import { cartPage, thanks } from "./pages/cart.js";
import { home } from "./pages/home.js";
import { product } from "./pages/product.js";
import { install as installCamera } from "./picture.js";
import { results } from "./pages/results.js";
import { categoryAddress, parse } from "./query.js";
import { route, start } from "./router.js";
import { install as installSearch } from "./searchbox.js";
import { open as openShopper } from "./shopper.js";
import { cartCount, onChange, shopper } from "./store.js";

const SHELVES = 14;

function header() {
  $("#who").textContent = shopper();
  const n = cartCount();
  $("#cart-count").textContent = count(n);
  $("#cart-count").hidden = !n;
  $("#cart").setAttribute("aria-label", `Cart, ${n} ${n === 1 ? "item" : "items"}`);
}

async function shelves() {
  const { facets = {} } = await api.search({ query: "", k: 1, facets: ["categories"] }).catch(() => ({}));
  const top = Object.entries(facets.categories ?? {}).filter(([path]) => !path.includes(" > ")).slice(0, SHELVES);
  show($("#shelves"), top.map(([path]) => h("li", {}, h("a", { href: categoryAddress(path), dataset: { path } }, leaf(path)))));
  $("#shelves").closest("nav").hidden = !top.length;
}

function markShelf() {
  const { category } = parse(location.search);
  for (const link of document.querySelectorAll("#shelves a")) {
    const here = category === link.dataset.path || category.startsWith(`${link.dataset.path} > `);
    here ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
  if (location.pathname !== "/search") $("#q").value = "";
  announce(document.title);
}

route(/^\/$/, home);
route(/^\/search$/, results);
route(/^\/product\/(.+)$/, product);
route(/^\/cart$/, cartPage);
route(/^\/thanks$/, thanks);

onChange(header);
addEventListener("storage", header);
addEventListener("mercato:page", markShelf);
$("#shopper").addEventListener("click", openShopper);
header();
installSearch();
installCamera();
shelves().then(markShelf);
start();
