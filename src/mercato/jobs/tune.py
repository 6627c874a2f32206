"""A replay and a recipe in, the recipe with the numbers that did best on the held-out events out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from mercato.jobs.examples import Split, next_new, request
from mercato.retrieve.pairs import Transitions

Tick = Callable[[str], None]

GRID: dict[str, tuple[float, ...]] = {
    "decay": (0.35, 0.5, 0.65, 0.8),
    "hops": (0.0, 0.5, 1.0, 2.0, 4.0),
    "power": (0.2, 0.3, 0.4, 0.5),
    "back": (0.1, 0.3, 0.5, 0.8),
}


def tuned_transitions(recipe: Transitions, replay: Split, n: int, tick: Tick) -> Transitions:
    """Coordinate search from ``recipe`` over GRID for the best NDCG@10 of what ``tune_shoppers`` took next.

    Two rounds at most; each setting is tried once. Returns ``recipe`` as it is where nothing was held out.
    """
    owners, wanted = next_new(replay)
    if not len(owners):
        return recipe
    chosen = np.sort(np.random.default_rng(0).permutation(len(owners))[: recipe.tune_shoppers])
    asked = [request("discover", replay, int(owner)) for owner in owners[chosen]]
    past = replay.past

    @cache
    def matrix(back: float, power: float) -> sp.csr_array:
        return replace(recipe, back=back, power=power).fit(past.owner, past.rows, n)

    @cache
    def ndcg(candidate: Transitions) -> float:
        lane = candidate.lane(matrix(candidate.back, candidate.power))
        gained = 0.0
        for one, row in zip(asked, wanted[chosen], strict=True):
            allowed = np.ones(n, bool)
            allowed[one.history.rows] = False
            place = np.flatnonzero(lane.retrieve(one, allowed, 10).rows == row)
            gained += float(1 / np.log2(place[0] + 2)) if len(place) else 0.0
        tick(f"transitions: {candidate.back}/{candidate.power}/{candidate.decay}/{candidate.hops}")
        return gained / len(asked)

    best = recipe
    for _ in range(2):
        before = best
        for name, values in GRID.items():
            tried: list[Any] = [{name: value} for value in values]
            best = max((best, *(replace(best, **change) for change in tried)), key=ndcg)
        if best == before:
            break
    return best
