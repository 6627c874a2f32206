"""Notes in, a score of boosted trees out that still takes itself apart: exact shares per note by TreeSHAP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from mercato.errors import ArtifactError
from mercato.rank.linear import TERM, Evidence, Linear, Signal, evidence, note
from mercato.schema import Ranking, Request

BASE = "base"
"""The term that is the same for every row: what the trees say of a row they know nothing of."""


@dataclass(frozen=True)
class Boosted:
    """LambdaMART (Burges 2010) over log(1 + note / scale) of ``signals``; ``extra`` is what the shop adds by hand.

    ``model`` is LightGBM's own text. The weight of a signal is its share in the gain of all splits and only says how
    much the trees listen to it. The shares of a row (Lundberg et al. 2018, TreeSHAP) and ``base`` add up to its score;
    unlike those of the linear score they may be negative.

    Trees learn from, and rank, only the ``deepest`` rows that the sum ``first`` puts first: a cascade (Viola & Jones
    2001; Wang et al. 2011), since a row costs the trees thirty times what it costs the sum.
    """

    signals: tuple[Signal, ...]
    model: str
    extra: Linear = field(default_factory=Linear)
    first: Linear = field(default_factory=Linear)
    deepest: int = 250
    _trees: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            trees = lgb.Booster(model_str=self.model)
        except lgb.basic.LightGBMError as error:
            raise ArtifactError(f"the trees cannot be read: {error}", where="weights.json") from error
        object.__setattr__(self, "_trees", trees)

    def worth(self, ranking: Ranking) -> Ranking:
        """The rows that the trees are asked about, in the same order."""
        if len(ranking) <= self.deepest or not self.first.signals:
            return ranking
        scores = self.first.scored(ranking).scores
        best = np.lexsort((ranking.rows, -scores))[: self.deepest]
        return ranking.take(np.sort(best))

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with new scores; terms come with ``explained``, they cost more."""
        if not len(ranking):
            return ranking
        raw = self._trees.predict(table(self.signals, ranking), raw_score=True, num_threads=1)
        return Ranking(ranking.rows, raw + self.extra.scored(ranking).scores, ranking.notes)

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """``ranking`` scored, with a ``term:NAME`` note per term that add up to the score; and per row the evidence."""
        if not len(ranking):
            return ranking, []
        extra = self.extra.scored(ranking)
        terms = {name: values for name, values in extra.notes.items() if name.startswith(TERM)}
        given = self._given(table(self.signals, ranking))
        for place, term in enumerate([*(signal.term for signal in self.signals), BASE]):
            name = f"{TERM}{term}"
            terms[name] = terms.get(name, 0.0) + given[:, place]
        score = self.scored(ranking).scores
        # shares are summed in another order than leaves: the base takes the last digit, so that no tie is broken by it
        terms[TERM + BASE] = terms[TERM + BASE] + (score - np.sum(list(terms.values()), axis=0))
        names = [*(signal.note for signal in self.signals), *(signal.note for signal in self.extra.signals)]
        # what is absent speaks for nothing, whatever the trees make of its absence
        own = [np.where(note(one, ranking) > 0, given[:, at], 0.0) for at, one in enumerate(self.signals)]
        more = [signal.worth(note(signal, ranking)) for signal in self.extra.signals]
        explained = Ranking(ranking.rows, score, {**ranking.notes, **terms})
        return explained, evidence(names, [*own, *more], len(ranking))

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by score, with terms."""
        scored = self.scored(ranking)
        return self.explained(Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))[0]

    def _given(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, signals + 1): the share of each signal and, last, the base."""
        given: NDArray[np.float64] = self._trees.predict(features, pred_contrib=True, num_threads=1)
        return given


def table(signals: tuple[Signal, ...], ranking: Ranking) -> NDArray[np.float64]:
    """(n, signals): what the trees see."""
    return np.stack([np.log1p(np.maximum(note(signal, ranking), 0.0) / signal.scale) for signal in signals], axis=1)
