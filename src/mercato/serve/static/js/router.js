/** An address in, a page out, without leaving the document. */
import { $, show } from "./dom.js";

const routes = [];
let visit = 0;

/** Show ``render(match, url)``'s element for paths that match ``pattern``. */
export const route = (pattern, render) => routes.push([pattern, render]);

/** Go to an address of this shop. */
export function go(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({}, "", href);
  return render();
}

async function render(restore = 0, first = false) {
  const mine = ++visit;
  const url = new URL(location.href);
  const [pattern, page] = routes.find(([candidate]) => candidate.test(url.pathname)) ?? routes.at(-1);
  const main = $("#main");
  const element = await page(url.pathname.match(pattern) ?? [], url);
  if (mine !== visit) return;
  const held = document.activeElement?.dataset.focus;
  show(main, element);
  document.title = element.dataset.title ? `${element.dataset.title} · Mercato` : "Mercato";
  scrollTo(0, restore);
  const again = held && [...main.querySelectorAll("[data-focus]")].find((control) => control.dataset.focus === held);
  if (!first) (again || $("h1", main))?.focus({ preventScroll: true });
  dispatchEvent(new Event("mercato:page"));
}

/** Take over links and the back button, and show the first page. */
export function start() {
  history.scrollRestoration = "manual";
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || link.target || /^\/(console|docs|v1|static)/.test(url.pathname) || (url.hash && url.pathname === location.pathname)) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
  addEventListener("popstate", (event) => render(event.state?.scroll ?? 0));
  return render(0, true);
}
