"""Several pools in, one pool out, with what every lane says of every row; a lane that fails is left out and named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from mercato.ports import Retriever
from mercato.schema import Mask, Ranking, Request, Rows

log = logging.getLogger(__name__)
T = TypeVar("T")

NOTHING_MORE = np.empty(0, np.int32)

LANE = "lane:"
"""Prefix of the note that holds a lane's raw score."""


@dataclass(frozen=True)
class Fused:
    """Reciprocal-rank fusion (Cormack et al. 2009) of named lanes.

    Every lane gives its ``depth`` best; the pool is their union, scored by Σ 1/(``constant`` + place). Each lane then
    scores the whole pool, so a ranker sees what all lanes say of a row that only one found; ``observers`` have a say
    about the pool but add nothing to it. Of the rows flagged by ``kept`` (n,) every lane gives its ``least`` best
    as well, however far behind: a policy can only show what is in the pool.
    """

    lanes: Mapping[str, Retriever]
    observers: Mapping[str, Retriever] = field(default_factory=dict)
    depth: int = 200
    constant: float = 60.0
    kept: Mask | None = None
    least: int = 0

    def gather(self, request: Request, allowed: Mask, more: Rows = NOTHING_MORE) -> tuple[Ranking, tuple[str, ...]]:
        """The whole pool best first with a ``lane:NAME`` note per lane, and the names of the lanes that failed. The
        rows ``more`` are in it whether a lane finds them or not; one that no lane finds has the score 0."""
        found, absent = _asked(self.lanes, lambda lane: self._best(lane, request, allowed))
        rows = np.union1d(_union(list(found.values())), more)
        heard = {**{name: self.lanes[name] for name in found}, **self.observers}
        said, silent = _asked(heard, lambda lane: lane.score(request, rows))
        notes = {f"{LANE}{name}": values for name, values in said.items()}
        scores = np.zeros(len(rows))
        for ranking in found.values():
            best = ranking.rows[: self.depth]
            scores[np.searchsorted(rows, best)] += 1 / (self.constant + 1 + np.arange(len(best)))
        return Ranking.best_first(rows, scores, notes=notes), (*absent, *silent)

    def _best(self, lane: Retriever, request: Request, allowed: Mask) -> Ranking:
        """The lane's ``depth`` best, and behind them its ``least`` best ``kept`` rows that are not among those."""
        best = lane.retrieve(request, allowed, self.depth)
        if self.kept is None or not self.least:
            return best
        more = lane.retrieve(request, allowed & self.kept, self.least)
        new = ~np.isin(more.rows, best.rows)
        return Ranking(np.r_[best.rows, more.rows[new]], np.r_[best.scores, more.scores[new]])

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best of the fused pool."""
        return self.gather(request, allowed)[0].take(slice(0, k))


def _asked(lanes: Mapping[str, Retriever], ask: Callable[[Retriever], T]) -> tuple[dict[str, T], list[str]]:
    """What each lane answered, and the names of those that failed."""
    answers: dict[str, T] = {}
    failed: list[str] = []
    for name, lane in lanes.items():
        try:
            answers[name] = ask(lane)
        except Exception:
            log.exception("lane %s failed and was left out", name)
            failed.append(name)
    return answers, failed


def _union(rankings: list[Ranking]) -> Rows:
    if not rankings:
        return np.empty(0, np.int32)
    return np.unique(np.concatenate([ranking.rows for ranking in rankings])).astype(np.int32)
