"""Events in, what sells now out: purchases counted with a half-life."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Mask, Ranking, Request, Rows, Scores


@dataclass(frozen=True)
class Popular:
    """What sells now: every event counts by its grade, and half as much each ``half_life_days``."""

    half_life_days: float = 20.0

    def fit(self, rows: Rows, grades: NDArray[np.int8], at: NDArray[np.int64], *, n: int, now: int) -> PopularIndex:
        """Counts over ``n`` catalogue rows from parallel event arrays; ``now`` and ``at`` are UTC seconds."""
        age = np.maximum(now - at, 0) / 86_400
        weight = grades * 0.5 ** (age / self.half_life_days)
        return PopularIndex(np.bincount(rows, weights=weight, minlength=n).astype(np.float64))


@dataclass(frozen=True)
class PopularIndex:
    """The finished lane: ``counts`` (n,) float64, decayed and graded."""

    counts: NDArray[np.float64]

    @cached_property
    def _best_first(self) -> Rows:
        """Every row that sells, sorted once: the order is the same for everybody."""
        rows = np.flatnonzero(self.counts > 0)
        return Ranking.best_first(rows, self.counts[rows]).rows

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows that sell best."""
        rows = self._best_first
        for end in (4 * k, len(rows)):  # nearly always the first few are enough
            best = rows[:end][allowed[rows[:end]]][:k]
            if len(best) == k:
                break
        return Ranking(best, self.counts[best])

    def padded(self, n: int) -> PopularIndex:
        """The same over ``n`` rows: nobody took the new ones yet."""
        return PopularIndex(np.concatenate([self.counts, np.zeros(n - len(self.counts))]))

    def score(self, request: Request, rows: Rows) -> Scores:
        """Decayed counts."""
        return self.counts[rows]
