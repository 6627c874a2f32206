"""A list in, a list whose categories stand in the proportions of what the shopper did before out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.policy.places import check_knob, headed, relevance
from mercato.schema import Ranking, Request, Rows, Scores


def branches(catalog: Catalog, depth: int = 1) -> NDArray[np.int32]:
    """The code of each row's category cut to its first ``depth`` names, (n,) int32; -1 where it has none so deep.

    Proportions are kept among a few dozen broad categories: ten places cannot mirror hundreds of narrow ones.
    """
    codes = np.full(len(catalog), -1, np.int32)
    facet = catalog.facets.get("categories")
    if facet is not None:
        wanted = np.array([path.count(" > ") == depth - 1 for path in facet.values], bool)[facet.codes]
        codes[facet.rows[wanted][::-1]] = facet.codes[wanted][::-1]  # backwards: a row's first category is written last
    return codes


@dataclass(frozen=True)
class Calibrated:
    """Calibrated recommendations (Steck 2018, greedy): a place goes to the row with the most of
    (1 - ``strength``) · relevance - ``strength`` · C_KL of the list so far with it.

    C_KL is the divergence KL(p ‖ (1 - ``alpha``) · q + ``alpha`` · p) in nats: p the shares of each category in the
    shopper's history, an event weighing grade/3 and half as much each ``half_life_days``, q its shares in the list.
    ``codes`` (n,) int32 are the categories, -1 for none. ``strength`` 0 leaves the list as it is, and so does a shopper
    without history. The ``first`` places are chosen from the first ``pool`` and each page of ``request.k`` is put back
    into its own order; ties go to whoever stood first. Raises SettingsError for another strength.
    """

    codes: NDArray[np.int32]
    strength: float = 0.5
    alpha: float = 0.01
    half_life_days: float = 80.0
    first: int = 20
    pool: int = 200

    def __post_init__(self) -> None:
        check_knob(self.strength, "strength")

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with a calibrated head."""
        rows = ranking.rows[: self.pool]
        categories, target = self.target(request)
        if not self.strength or not len(rows) or not len(target):
            return ranking
        slots = _slots(self.codes[rows], categories)
        worth = (1 - self.strength) * relevance(ranking.scores[: self.pool])
        counts = np.zeros(len(target) + 1)  # the last slot counts what the shopper never took
        picks: list[int] = []
        for place in range(min(self.first, len(rows))):
            pick = int(np.argmax(worth - self.strength * self._with_one(target, counts, place + 1)[slots]))
            worth[pick] = -np.inf
            counts[slots[pick]] += 1
            picks.append(pick)
        return headed(ranking, picks, request.k)

    def target(self, request: Request) -> tuple[NDArray[np.int32], Scores]:
        """The categories of the shopper's history, ascending, and the share of each; both empty without history."""
        history = request.history
        codes = self.codes[history.rows]
        age = np.maximum(request.now - history.at, 0) / 86_400
        weight = np.where(codes >= 0, history.grades / 3 * 0.5 ** (age / self.half_life_days), 0.0)
        counted = weight > 0
        if not counted.any():
            return np.empty(0, np.int32), np.empty(0)
        categories, slots = np.unique(codes[counted], return_inverse=True)
        total = np.bincount(slots, weights=weight[counted])
        return categories, total / total.sum()

    def divergence(self, request: Request, rows: Rows) -> float:
        """C_KL of ``rows`` as a list, 0 = exactly the shopper's proportions; 0 for a shopper without history."""
        categories, target = self.target(request)
        if not len(target) or not len(rows):
            return 0.0
        counts = np.bincount(_slots(self.codes[rows], categories), minlength=len(target) + 1)
        return float(np.sum(self._terms(target, counts[:-1] / len(rows))))

    def _terms(self, target: Scores, shown: Scores) -> Scores:
        terms: Scores = -target * np.log((1 - self.alpha) * shown / target + self.alpha)
        return terms

    def _with_one(self, target: Scores, counts: Scores, size: int) -> Scores:
        """C_KL of a list of ``size`` rows: ``counts`` and one more, by the slot of that one."""
        terms = self._terms(target, counts[:-1] / size)
        more = self._terms(target, (counts[:-1] + 1) / size)
        after: Scores = np.append(more - terms, 0.0) + terms.sum()
        return after


def _slots(codes: NDArray[np.int32], categories: NDArray[np.int32]) -> NDArray[np.int64]:
    """The place of each code in ``categories`` (ascending); one past the end for any other code."""
    places = np.searchsorted(categories, codes)
    found = categories[np.minimum(places, len(categories) - 1)] == codes
    return np.where(found, places, len(categories))
