/** Many questions in, only the answer to the latest one drawn: a slider asks often, and answers may overtake each other. */
import { show } from "../dom.js";
import { empty } from "./charts.js";

export function latest(ask, draw, holder) {
  let running = null;
  return async (...given) => {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    holder.setAttribute("aria-busy", "true");
    try {
      const answer = await ask(mine.signal, ...given);
      if (running === mine) draw(answer);
    } catch (problem) {
      if (problem.name !== "AbortError") show(holder, empty(`${problem.message}. ${problem.hint ?? ""}`));
    } finally {
      if (running === mine) holder.removeAttribute("aria-busy");
    }
  };
}
