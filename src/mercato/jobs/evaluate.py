"""A trained snapshot in, how good it is out: the last four weeks replayed, nulls in the same table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mercato import build
from mercato.catalog import Facet
from mercato.engine import Engine
from mercato.errors import DataError, RequestError
from mercato.evaluate.metrics import bootstrap, head, ndcg, precision
from mercato.evaluate.offline import Case, Rank, compare
from mercato.jobs.examples import Split, request, split, wanted
from mercato.jobs.knobs import prices
from mercato.jobs.learn import learn
from mercato.parts import Behaviour, Parts
from mercato.policy.rules import Narrow
from mercato.ports import Encoder, Retriever
from mercato.retrieve.pairs import PairLane
from mercato.retrieve.social import Ties
from mercato.schema import GRADES, Ranking, Request, Rows
from mercato.settings import Settings

Tick = Callable[[str], None]
NOBODY = np.empty(0, np.int32)
PARTS = ("all", "recommend", "lists", "search")


def evaluate(
    parts: Parts,
    settings: Settings,
    encoder: Encoder | None,
    cache: Path,
    part: str,
    tick: Tick,
    ties: Ties | None = None,
) -> dict[str, Any]:
    """Metrics of ``part`` ("recommend", "lists", "search" or "all"); models trained for it are kept in ``cache``.

    Raises RequestError for another part."""
    if part not in PARTS:
        raise RequestError(f"no evaluation {part!r}", where="part", hint=f"parts: {', '.join(PARTS)}")
    found: dict[str, Any] = {}
    if part != "search":
        replay, past = before_last(parts, settings, cache, tick, ties)
        if part != "lists":
            found["recommend"] = recommend(past, replay, settings, tick)
        if part != "recommend":
            found["lists"] = prices(past, replay, settings, tick)
    if part in ("all", "search"):
        found["search"] = search(parts, settings, encoder, tick)
    return found


def before_last(
    parts: Parts, settings: Settings, cache: Path, tick: Tick, ties: Ties | None = None
) -> tuple[Split, Parts]:
    """The log cut before its last window, and what is learned from the past alone; weights from the window before.

    Raises DataError when there is nothing on one side of the cut."""
    end = int(parts.events.at.max()) + 1 if len(parts.events) else 0
    replay = split(parts.events, end, settings.learn.window_days)
    if not len(replay.past) or not len(replay.future):
        raise DataError("too few events to cut in two", hint="recommendations need purchases before and after a date")
    tick("learning from the past")
    learned = learn(settings, replace(parts, events=replay.past), replay.cut, cache, tick, ties)
    return replay, learned.into(parts)


def recommend(past: Parts, replay: Split, settings: Settings, tick: Tick, most: int = 100_000) -> dict[str, Any]:
    """Two tasks over the last window, everything learned from what came before it (``before_last``).

    *next basket*: the shopper's first basket of the window, any product; our list is *email* (what is bought again,
    unmixed), and *home* stands beside it to show what keeping places for new products costs. *discovery*: what they
    bought in the window and never before. Full catalogue, products bought before masked in discovery only.
    """
    engine, sellable = build.engine(settings, past, None, {}), past.catalog.sellable
    email = _ours(engine, "email")
    rankers = {**_nulls(settings, replay, past.behaviour, sellable), "mercato": _ours(engine)}
    unmixed = {**rankers, "mercato": email, "mercato, every third place new": rankers["mercato"]}
    cases = list(wanted(replay, most, 0, sellable))
    counts = np.bincount(replay.past.rows, minlength=len(past.catalog)).astype(float)
    tick("next basket")
    basket = [Case(request("home", replay, want.shopper), want.basket) for want in cases]
    tasks = [{"name": "next basket", "cases": len(basket), "rows": compare(basket, unmixed, "mercato", counts)}]
    tick("discovery")
    new = [Case(request("discover", replay, want.shopper), want.new) for want in cases if len(want.new)]
    discovering = {name: rank for name, rank in rankers.items() if name != "personal frequency"}
    discovering = {**alone(settings, past), **discovering}
    tasks.append({"name": "discovery", "cases": len(new), "rows": compare(new, discovering, "mercato", counts)})
    days = settings.learn.window_days
    return {
        "protocol": f"temporal split, last {days} days out; full catalogue ranked; weights fitted on the {days} days "
        f"before; 95 % bootstrap intervals over shoppers; tail = outside the products that hold 80 % of events",
        "tasks": tasks,
    }


def _ours(engine: Engine, placement: str = "") -> Rank:
    def rank(asked: Request) -> Rows:
        slate, _ = engine.recommend(replace(asked, placement=placement or asked.placement), NOBODY, "")
        return engine.catalog.rows(slate.ids)

    return rank


def alone(settings: Settings, parts: Parts) -> dict[str, Rank]:
    """Every lane of the shop that has something to say, by itself."""
    narrow = Narrow(head(parts.behaviour.popular.counts))
    found = build.lanes(settings, parts.behaviour, parts.dense, parts.content)
    names = {
        "transitions": "transition graph, tuned",
        "ease": "EASE",
        "taste": "ALS (implicit)",
        "content": "text of the history",
        "sequence": "sequence transformer",
    }
    return {said: _lane(found[name], narrow, parts) for name, said in names.items() if name in found}


def _lane(lane: Retriever, narrow: Narrow, parts: Parts) -> Rank:
    return lambda asked: lane.retrieve(asked, narrow(asked, parts.catalog.sellable), asked.k).rows


def _nulls(settings: Settings, replay: Split, behaviour: Behaviour, sellable: Any) -> Mapping[str, Rank]:
    """Popularity of all time and of the last 8 weeks, the shopper's own repeat frequency, and item-kNN."""
    past = replay.past
    bought = past.grades >= GRADES["purchase-complete"]
    n = len(sellable)
    always = np.bincount(past.rows[bought], minlength=n).astype(float)
    lately = np.bincount(past.rows[bought & (past.at >= replay.cut - 56 * 86_400)], minlength=n).astype(float)
    narrow = Narrow(np.zeros(n, bool))
    knn = PairLane(behaviour.neighbours, "history", half_life_days=1e9, newest=1000)

    def by(counts: Any) -> Rank:
        def rank(asked: Request) -> Rows:
            rows = np.flatnonzero(narrow(asked, sellable))
            return Ranking.best_first(rows, counts[rows], asked.k).rows

        return rank

    def frequency(asked: Request) -> Rows:
        own = np.bincount(asked.history.rows, minlength=n) + always / (always.max() + 1)
        rows = np.flatnonzero(narrow(asked, sellable))
        return Ranking.best_first(rows, own[rows], asked.k).rows

    def neighbours(asked: Request) -> Rows:
        return knn.retrieve(asked, narrow(asked, sellable), asked.k).rows

    return {
        "popularity": by(always),
        "popularity, 8 weeks": by(lately),
        "personal frequency": frequency,
        "item-kNN": neighbours,
    }


def search(parts: Parts, settings: Settings, encoder: Encoder | None, tick: Tick, most: int = 400) -> dict[str, Any]:
    """Known-category search: a query is the last name of a category, relevant is every product in it.

    These queries are made from the catalogue, so they flatter word matching; they are stated as such and are a check
    that nothing is broken, not a judgement of relevance.
    """
    facet = parts.catalog.facets.get("categories")
    if facet is None:
        raise DataError("products have no categories to make queries from", where="categories")
    tick("search")
    full = build.engine(settings, parts, encoder, {})
    rankers: dict[str, Callable[[Request], Rows]] = {"mercato": _searching(full)}
    rankers["words only"] = _searching(build.engine(settings, replace(parts, dense=None), None, {}))
    if (meaning := build.meaning(settings, parts, encoder)) is not None:
        rankers["meaning only"] = lambda asked: meaning.nearest(asked.query, parts.catalog.sellable, asked.k).rows
    queries = _category_queries(facet, parts.catalog.sellable, most)
    rows = []
    for name, rank in rankers.items():
        lists = [rank(asked) for asked, _ in queries]
        gains = [ndcg(ranked, want) for ranked, (_, want) in zip(lists, queries, strict=True)]
        hits = [precision(ranked, want) for ranked, (_, want) in zip(lists, queries, strict=True)]
        empty = sum(1 for ranked in lists if not len(ranked))
        rows.append(
            {
                "model": name,
                "ours": name == "mercato",
                "ndcg@10": bootstrap(gains).to_dict(),
                "precision@10": bootstrap(hits).to_dict(),
                "no_result": round(empty / max(len(lists), 1), 4),
            }
        )
    return {
        "protocol": f"{len(queries)} queries made from category names, members of the category relevant (flatters "
        "word matching; a check, not a judgement)",
        "tasks": [{"name": "category names", "cases": len(queries), "rows": rows}],
    }


def _category_queries(facet: Facet, sellable: Any, most: int) -> list[tuple[Request, Rows]]:
    at = datetime(2000, 1, 1, tzinfo=UTC)
    members = np.bincount(facet.codes[sellable[facet.rows]], minlength=len(facet.values))
    codes = np.random.default_rng(0).permutation(np.flatnonzero(members >= 10))[:most]
    queries = []
    for code in np.sort(codes):
        rows = facet.rows[facet.codes == code]
        queries.append((Request("search", at, k=10, query=facet.values[code].split(" > ")[-1]), rows[sellable[rows]]))
    return queries


def _searching(engine: Engine) -> Callable[[Request], Rows]:
    def rank(asked: Request) -> Rows:
        slate, _ = engine.search(asked, NOBODY, "")
        return engine.catalog.rows(slate.ids)

    return rank
