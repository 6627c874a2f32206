"""A shopper's own history in, what they buy again out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mercato.schema import GRADES, Mask, Ranking, Request, Rows, Scores


@dataclass(frozen=True)
class Repeat:
    """How often a shopper bought each product; a purchase counts half as much each ``half_life_days``.

    Needs no training: everything it knows is in the request.
    """

    half_life_days: float = 20.0

    def _counts(self, request: Request) -> tuple[Rows, Scores]:
        history = request.history
        bought = history.grades >= GRADES["purchase-complete"]
        if not bought.any():
            return np.empty(0, np.int32), np.empty(0)
        age = np.maximum(request.now - history.at[bought], 0) / 86_400
        rows, index = np.unique(history.rows[bought], return_inverse=True)
        return rows, np.bincount(index, weights=0.5 ** (age / self.half_life_days)).astype(np.float64)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The allowed products this shopper buys most."""
        rows, counts = self._counts(request)
        keep = allowed[rows] & (counts > 0)
        return Ranking.best_first(rows[keep], counts[keep], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """Decayed purchase counts; 0 for products never bought."""
        known, counts = self._counts(request)
        if not len(known):
            return np.zeros(len(rows))
        place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
        return np.where(known[place] == rows, counts[place], 0.0)

    def source(self, request: Request, row: int) -> int | None:
        """The product itself, when it was bought before."""
        return row if self.score(request, np.array([row], np.int32))[0] > 0 else None
