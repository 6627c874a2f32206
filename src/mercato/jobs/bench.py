"""A file of sequences in, one table out: every lane, the nulls and all of Mercato on the same leave-one-out cases."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mercato import build
from mercato.engine import Engine
from mercato.evaluate.offline import Case, Rank, compare
from mercato.jobs.evaluate import alone
from mercato.jobs.examples import Split, request
from mercato.jobs.learn import Learned, learn
from mercato.jobs.peers import Peers
from mercato.jobs.sequences import LeaveOneOut
from mercato.jobs.train import drafted
from mercato.models.vectors import NamedEncoder
from mercato.parts import Parts
from mercato.policy.rules import Narrow
from mercato.rank.boosted import Boosted
from mercato.retrieve.pairs import Neighbours, PairLane
from mercato.schema import Ranking, Request, Rows
from mercato.settings import Settings

Tick = Callable[[str], None]
NOBODY = np.empty(0, np.int32)
OURS = "mercato"
PROTOCOL = (
    "leave-one-out: the last event of each shopper is the test, the one before validation, the rest trains; settings, "
    "stopping and weights on validation only; test input is everything before the last; the whole catalogue is ranked, "
    "seen products masked; 95 % bootstrap intervals over shoppers; tail = outside the products that hold 80 % of events"
)


def recommend(
    given: LeaveOneOut,
    settings: Settings,
    encoder: NamedEncoder,
    cache: Path,
    tick: Tick,
    seeds: int = 3,
    peers: Peers | None = None,
    cases: int = 0,
) -> dict[str, Any]:
    """Train on ``given`` with the settings of a new shop and rank every test case, once per seed.

    Nothing is chosen by hand: the same call measures any file. Lanes are fitted without the validation events
    ([learn] refit is off), as in published tables. The answer has ``tasks`` as ``Shop.evaluate`` gives them (seed 0)
    and ``mercato``: mean and standard deviation over seeds. ``peers`` stand in the table of seed 0 as they were
    given. At most ``cases`` of the test cases are ranked, drawn at random; 0: all.
    """
    settings = replace(settings, learn=replace(settings.learn, refit=False))
    with threadpool_limits(1):
        draft = drafted(settings, given.catalog, given.known, cache, tick, encoder)
        runs = [_run(given, settings, draft, seed, cache, tick, peers, cases) for seed in range(seeds)]
    rows = runs[0]["rows"]
    names = ("hr@10", "ndcg@10", "coverage@10", "tail_hr@10")
    spread = {}
    for name in names:
        values = [_figure(row[name]) for run in runs for row in run["rows"] if row["model"] == OURS]
        spread[name] = {"mean": round(float(np.mean(values)), 4), "sd": round(float(np.std(values)), 4), "runs": values}
    return {
        "protocol": PROTOCOL,
        "data": {
            "products": len(given.catalog),
            "shoppers": len(np.unique(given.known.owner)),
            "events": len(given.known) + len(given.owners),
            "cases": runs[0]["cases"],
        },
        "seeds": seeds,
        "mercato": spread,
        "peers": peers.accounts if peers else {},
        "tasks": [{"name": "leave one out", "cases": runs[0]["cases"], "rows": rows}],
        "learned": [run["learned"] for run in runs],
        "seconds": [run["seconds"] for run in runs],
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _figure(value: Any) -> float:
    return float(value["mean"] if isinstance(value, Mapping) else value)


def _run(
    given: LeaveOneOut,
    settings: Settings,
    draft: Parts,
    seed: int,
    cache: Path,
    tick: Tick,
    peers: Peers | None,
    most: int,
) -> dict[str, Any]:
    settings = replace(settings, sequence=replace(settings.sequence, seed=seed))
    settings = replace(settings, learn=replace(settings.learn, seed=seed))
    begun = perf_counter()
    held = validation(given)
    learned = learn(settings, draft, given.end, cache, tick, replay=held)
    trained = perf_counter() - begun
    parts = learned.into(draft)
    engine = build.engine(settings, parts, None, {})
    fitted = np.bincount(held.past.rows, minlength=len(given.catalog)).astype(float)
    replay = Split(given.end, given.known, given.known)
    cases = [
        Case(request("discover", replay, int(owner)), np.array([row], np.int32))
        for owner, row in zip(given.owners, given.wanted, strict=True)
    ]
    drawn = np.sort(np.random.default_rng(0).permutation(len(cases))[: most or len(cases)])
    cases = [cases[place] for place in drawn]
    rankers = {OURS: _served(engine, "discover")}
    if seed == 0:
        nulls, others = _nulls(fitted, held, given), peers.rankers if peers else {}
        rankers = {**nulls, **others, **alone(settings, parts), **rankers, **_forms(engine, learned)}
    tick(f"ranking {len(cases):,} cases")
    begun = perf_counter()
    rows = compare(cases, rankers, OURS, fitted)
    return {
        "rows": rows,
        "cases": len(cases),
        "learned": learned.account | {"transitions": str(learned.behaviour.graph)},
        "seconds": {"training": round(trained, 1), "ranking": round(perf_counter() - begun, 1)},
    }


def validation(given: LeaveOneOut) -> Split:
    """The protocol's own cut: the last known event of each shopper with a test case validates, all others train."""
    owner = given.known.owner
    last = np.r_[owner[1:] != owner[:-1], True] & np.isin(owner, given.owners)
    return Split(given.end, given.known.where(~last), given.known.where(last))


def _served(engine: Engine, placement: str) -> Rank:
    """What ``Shop.recommend`` would show."""

    def rank(asked: Request) -> Rows:
        # the same request again where it can be: lanes keep the working of the last one
        wanted = asked if asked.placement == placement else replace(asked, placement=placement)
        slate, _ = engine.recommend(wanted, NOBODY, "")
        return engine.catalog.rows(slate.ids)

    return rank


def _forms(engine: Engine, learned: Learned) -> dict[str, Rank]:
    """The *tail* placement, and the readable sum where trees were kept instead."""
    found: dict[str, Rank] = {}
    if isinstance(learned.weights["new"], Boosted):

        def readable(asked: Request) -> Rows:
            pool, _ = engine.pooled(asked, NOBODY)
            scored = learned.readable["new"].scored(pool)
            return Ranking.best_first(scored.rows, scored.scores, asked.k).rows

        found["mercato, readable sum"] = readable
    return {**found, "mercato, tail placement": _served(engine, "tail")}


def _nulls(counts: Any, held: Split, given: LeaveOneOut) -> dict[str, Rank]:
    narrow = Narrow(np.zeros(len(counts), bool))
    sellable = given.catalog.sellable
    random = np.random.default_rng(0)

    def popular(asked: Request) -> Rows:
        rows = np.flatnonzero(narrow(asked, sellable))
        # ties are broken anew in every list, so that on average each stands at its expected place
        return Ranking.best_first(rows, counts[rows] + random.random(len(rows)) / 2, asked.k).rows

    past = held.past
    # the plain method at its best: nothing left out, nothing damped
    pairs = Neighbours(neighbours=1000, shrink=0.0, largest=1000, support=1).fit(past.owner, past.rows, len(counts))
    whole = PairLane(pairs, "history", half_life_days=1e9, newest=1000)
    decayed = PairLane(pairs, "history", half_life_days=1e9, decay=0.6, newest=50)
    return {
        "popularity": popular,
        "item-kNN": lambda asked: whole.retrieve(asked, narrow(asked, sellable), asked.k).rows,
        "item-kNN, newest first": lambda asked: decayed.retrieve(asked, narrow(asked, sellable), asked.k).rows,
    }
