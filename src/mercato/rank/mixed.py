"""Two scores in, one list out: what is known one way, with every few places kept for what is not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mercato.rank.boosted import Boosted
from mercato.rank.linear import TERM, Evidence, Linear, taken_apart
from mercato.schema import Ranking, Request, Scores

BOUGHT = "lane:habit"
"""The note that is above zero for what the shopper bought before."""

TAKEN = "lane:popular"
"""The note that is above zero for what anybody ever took."""

_MIX = f"{TERM}mix"


@dataclass(frozen=True)
class Mixed:
    """``known`` scores the rows whose ``note`` is above zero, ``fresh`` all others; every ``every``-th place is for
    those: with 1 all others come behind, with 0 they do.

    That is what the shopper bought before and what is new to them, or what somebody took already and what nobody did.
    The two scores are not on one scale, so a fresh product that takes its place gets the score of that place, and the
    difference is a term of its own, ``mix``: the terms still add up, and the order is still the order of scores.
    """

    known: Linear | Boosted
    fresh: Linear | Boosted | Mixed
    every: int = 3
    note: str = BOUGHT

    def worth(self, ranking: Ranking) -> Ranking:
        """What either score is asked about, in the same order."""
        known = self._known(ranking)
        parts = (self.known.worth(ranking.take(known)), self.fresh.worth(ranking.take(~known)))
        return ranking.take(np.isin(ranking.rows, np.concatenate([part.rows for part in parts])))

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with their places' scores."""
        known = self._known(ranking)
        own = np.zeros(len(ranking))
        own[known] = self.known.scored(ranking.take(known)).scores
        own[~known] = self.fresh.scored(ranking.take(~known)).scores
        return Ranking(ranking.rows, self._placed(ranking.rows, own, known), ranking.notes)

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """``ranking`` as ``scored`` left it, with ``term:NAME`` notes that add up to its scores; and per row the
        evidence of whichever score it was given."""
        known = self._known(ranking)
        own, terms, found = taken_apart(ranking, [(known, self.known), (~known, self.fresh)])
        # a mixture inside a mixture: its own shift is part of the whole
        terms[_MIX] = terms.get(_MIX, 0.0) + (ranking.scores - own)
        return Ranking(ranking.rows, ranking.scores, {**ranking.notes, **terms}), found

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by the scores of ``scored``, with terms."""
        scored = self.scored(ranking)
        return self.explained(Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))[0]

    def _known(self, ranking: Ranking) -> NDArray[np.bool_]:
        return np.asarray(ranking.notes.get(self.note, np.zeros(len(ranking)))) > 0

    def _placed(self, rows: NDArray[np.int32], own: Scores, known: NDArray[np.bool_]) -> Scores:
        """``own`` with the scores of new rows moved so that they take every ``every``-th place."""
        order = np.lexsort((rows, -own))
        old, new = order[known[order]], order[~known[order]]
        if self.every == 1:  # every place is for new rows: the others are what comes behind
            old, new = new, old
        final = own.copy()
        if not len(old) or not len(new):
            return final
        # new row j stands behind this many old ones; once the old are used up, the rest follow in their own order
        before = (np.arange(len(new)) + 1) * (self.every - 1)
        inside = (before < len(old)) & (self.every > 1)
        placed = new[inside]
        final[placed] = (final[old[before[inside] - 1]] + final[old[before[inside]]]) / 2
        for better, worse in pairwise(placed.tolist()):  # between ties the fresh ones still keep their own order
            final[worse] = min(final[worse], np.nextafter(final[better], -np.inf))
        rest = new[~inside]
        # strictly below the last old one: a tie would put the new one first
        ceiling = float(np.nextafter(final[[old[-1], *placed[-1:]]].min(), -np.inf))
        final[rest] = np.minimum(own[rest] + min(ceiling - float(own[rest].max(initial=-np.inf)), 0.0), ceiling)
        return final
