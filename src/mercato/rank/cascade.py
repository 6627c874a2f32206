"""A readable sum and trees in, one score out: trees order what the sum puts first, all other rows stay behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mercato.rank.boosted import Boosted
from mercato.rank.linear import TERM, Evidence, Linear, taken_apart
from mercato.schema import Ranking, Request, Scores

EXACT = "lane:exact"
"""The note that is above zero for what has exactly the number asked for."""

TREES = "cascade:trees"
"""The note that is 1 for the rows that trees scored, 0 for all others."""

_PLACE, _GAP = f"{TERM}place", 1e-3


@dataclass(frozen=True)
class Cascade:
    """Every row gets the sum ``first``; the ``deepest`` best by it get the score of ``trees`` and stand above the rest
    (Viola & Jones 2001; Wang, Lin & Metzler, SIGIR 2011: a row costs the trees thirty times what it costs the sum).

    What was asked for by its very number is no matter of taste: rows with the note ``above`` keep their sum, are never
    given to the trees, and stand above what these scored. So there are up to three steps, and where one would reach
    into the next, the higher is lifted as a whole: all its rows by the same, which is a term of its own, ``place``.
    Which rows those are depends on the ranking alone: it must be the whole of what matches, whatever page is wanted.
    """

    first: Linear
    trees: Boosted
    deepest: int = 100
    above: str = EXACT

    @staticmethod
    def over(score: Linear | Boosted) -> Linear | Cascade:
        """Trees as the second half of a cascade over the sum they were learned beside, as deep as they say and no
        deeper than usual; a sum as it is."""
        if not isinstance(score, Boosted):
            return score
        return Cascade(score.first, score, min(score.deepest, Cascade.deepest))

    def turned(self, first: Linear) -> Cascade:
        """The same with another sum; trees that correct the sum correct that one."""
        trees = replace(self.trees, extra=first) if self.trees.extra == self.first else self.trees
        return replace(self, first=first, trees=trees)

    def worth(self, ranking: Ranking) -> Ranking:
        """Every row: what the trees are not asked about stays in the list."""
        return ranking

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with new scores, and the note of who scored them; terms come with
        ``explained``."""
        scores = self.first.scored(ranking).scores
        exact = np.asarray(ranking.notes.get(self.above, np.zeros(len(ranking)))) > 0
        deep = self._deepest(ranking, scores, exact)
        scores[deep] = self.trees.scored(ranking.take(deep)).scores
        asked = np.zeros(len(ranking))
        asked[deep] = 1.0
        steps = [~exact & (asked == 0), asked > 0, exact]
        return Ranking(ranking.rows, _stepped(scores, steps), {**ranking.notes, TREES: asked})

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """Rows that ``scored`` left, with ``term:NAME`` notes that add up to their scores; and per row the evidence."""
        asked = np.asarray(ranking.notes.get(TREES, np.zeros(len(ranking)))) > 0
        own, terms, found = taken_apart(ranking, [(~asked, self.first), (asked, self.trees)])
        terms[_PLACE] = ranking.scores - own
        return ranking.noted(**terms), found

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by the scores of ``scored``, with terms."""
        scored = self.scored(ranking)
        return self.explained(Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))[0]

    def _deepest(self, ranking: Ranking, scores: Scores, exact: NDArray[np.bool_]) -> NDArray[np.intp]:
        """The places of the rows that the trees are asked about, ascending."""
        places = np.flatnonzero(~exact)
        best = Ranking.best_first(ranking.rows[places], scores[places], self.deepest, {"places": places})
        return np.sort(best.notes["places"])


def _stepped(scores: Scores, steps: list[NDArray[np.bool_]]) -> Scores:
    """``scores`` with each of ``steps`` (masks, the lowest first) lifted as far as it takes to stand above all before
    it: strictly, for ties are broken by row."""
    final, ceiling = scores.copy(), -np.inf
    for step in steps:
        if step.any():
            final[step] += max(0.0, ceiling + _GAP - float(final[step].min()))
            ceiling = float(final[step].max())
    return final
