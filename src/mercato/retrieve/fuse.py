"""Several pools in, one pool out, with what every lane says of every row; a lane that fails is left out and named."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mercato.ports import Retriever
from mercato.schema import Mask, Ranking, Request, Rows

log = logging.getLogger(__name__)

LANE = "lane:"
"""Prefix of the note that holds a lane's raw score."""


@dataclass(frozen=True)
class Fused:
    """Reciprocal-rank fusion (Cormack et al. 2009) of named lanes.

    Every lane gives its ``depth`` best; the pool is their union, scored by Σ 1/(``constant`` + place). Each lane then
    scores the whole pool, so a ranker sees what all lanes say of a row that only one found; ``observers`` have a say
    about the pool but add nothing to it.
    """

    lanes: Mapping[str, Retriever]
    observers: Mapping[str, Retriever] = field(default_factory=dict)
    depth: int = 200
    constant: float = 60.0

    def gather(self, request: Request, allowed: Mask) -> tuple[Ranking, tuple[str, ...]]:
        """The whole pool best first with a ``lane:NAME`` note per lane, and the names of the lanes that failed."""
        found: dict[str, Ranking] = {}
        failed: list[str] = []
        for name, lane in self.lanes.items():
            try:
                found[name] = lane.retrieve(request, allowed, self.depth)
            except Exception:
                log.exception("lane %s failed and was left out", name)
                failed.append(name)
        rows = _union(list(found.values()))
        heard = {**{name: self.lanes[name] for name in found}, **self.observers}
        notes = {f"{LANE}{name}": lane.score(request, rows) for name, lane in heard.items()}
        scores = np.zeros(len(rows))
        for ranking in found.values():
            scores[np.searchsorted(rows, ranking.rows)] += 1 / (self.constant + 1 + np.arange(len(ranking)))
        return Ranking.best_first(rows, scores, notes=notes), tuple(failed)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best of the fused pool."""
        return self.gather(request, allowed)[0].take(slice(0, k))


def _union(rankings: list[Ranking]) -> Rows:
    if not rankings:
        return np.empty(0, np.int32)
    return np.unique(np.concatenate([ranking.rows for ranking in rankings])).astype(np.int32)
