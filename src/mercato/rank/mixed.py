"""Two readable scores in, one list out: what is bought again, with every few places kept for something new."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.rank.boosted import Boosted
from mercato.rank.linear import TERM, Evidence, Linear
from mercato.schema import Ranking, Request, Scores

_BOUGHT = "lane:habit"


@dataclass(frozen=True)
class Mixed:
    """``again`` scores what the shopper bought before, ``new`` everything else; every ``every``-th place is for new.

    The two scores are not on one scale, so a new product that takes its place gets the score of that place, and the
    difference is a term of its own, ``mix``: the terms still add up, and the order is still the order of scores.
    """

    again: Linear | Boosted
    new: Linear | Boosted
    every: int = 3

    def worth(self, ranking: Ranking) -> Ranking:
        """What either score is asked about, in the same order."""
        bought = self._bought(ranking)
        parts = (self.again.worth(ranking.take(bought)), self.new.worth(ranking.take(~bought)))
        return ranking.take(np.isin(ranking.rows, np.concatenate([part.rows for part in parts])))

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with their places' scores."""
        bought = self._bought(ranking)
        own = np.where(bought, self.again.scored(ranking).scores, self.new.scored(ranking).scores)
        return Ranking(ranking.rows, self._placed(ranking.rows, own, bought), ranking.notes)

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """``ranking`` as ``scored`` left it, with ``term:NAME`` notes that add up to its scores; and per row the
        evidence of whichever score it was given."""
        bought = self._bought(ranking)
        halves = [(np.flatnonzero(bought), self.again), (np.flatnonzero(~bought), self.new)]
        own, terms = np.zeros(len(ranking)), dict[str, Scores]()
        found: list[Evidence] = [[] for _ in range(len(ranking))]
        for places, score in halves:
            part, evidence = score.explained(ranking.take(places))
            own[places] = part.scores
            for name, values in part.notes.items():
                if name.startswith(TERM):
                    terms.setdefault(name, np.zeros(len(ranking)))[places] = values
            for place, one in zip(places.tolist(), evidence, strict=True):
                found[place] = one
        notes = {**ranking.notes, **terms, f"{TERM}mix": ranking.scores - own}
        return Ranking(ranking.rows, ranking.scores, notes), found

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by the scores of ``scored``, with terms."""
        scored = self.scored(ranking)
        return self.explained(Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))[0]

    def _bought(self, ranking: Ranking) -> NDArray[np.bool_]:
        return np.asarray(ranking.notes.get(_BOUGHT, np.zeros(len(ranking)))) > 0

    def _placed(self, rows: NDArray[np.int32], own: Scores, bought: NDArray[np.bool_]) -> Scores:
        """``own`` with the scores of new rows moved so that they take every ``every``-th place."""
        order = np.lexsort((rows, -own))
        old, new = order[bought[order]], order[~bought[order]]
        final = own.copy()
        if not len(old) or not len(new):
            return final
        # new row j stands behind this many old ones; once the old are used up, the rest follow in their own order
        before = (np.arange(len(new)) + 1) * (self.every - 1)
        inside = before < len(old)
        placed = new[inside]
        final[placed] = (final[old[before[inside] - 1]] + final[old[before[inside]]]) / 2
        rest = new[~inside]
        best = float(own[rest].max(initial=0.0))
        # strictly below the last old one: a tie, or one rounding up, would put the new one first
        ceiling = min(float(np.nextafter(final[old[-1]], -np.inf)), best)
        final[rest] = np.minimum(own[rest] * (ceiling / max(best, 1e-12)), ceiling)
        return final
