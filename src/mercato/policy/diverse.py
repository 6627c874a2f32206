"""A list with near-doubles in, a list whose first pages hold different things out: MMR, and DPP by greedy MAP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.policy.places import check_knob, headed, relevance
from mercato.schema import Ranking, Request, Rows, Scores

_SPENT = 1e-10
"""The least volume a pick can add: what lies in the span of the picks before it comes last, but still comes."""


@dataclass(frozen=True)
class Likeness:
    """How alike two products are, in [-1, 1]; 1 = the same.

    ``codes`` (n,) int32 says which row of ``vectors`` (u, d), unit float32, each product has; -1 is like nothing.
    Without vectors two products are alike when their codes are equal (one-hot vectors of, say, the deepest category).
    """

    codes: NDArray[np.int32]
    vectors: NDArray[np.float32] | None = None

    def among(self, rows: Rows) -> Callable[[int], Scores]:
        """A function: a place in ``rows`` → how alike each of ``rows`` (m,) is to it."""
        codes = self.codes[rows]
        if self.vectors is None:
            return lambda place: ((codes == codes[place]) & (codes[place] >= 0)).astype(np.float64)
        # asarray: indexing a mapped array costs far more than indexing its plain view
        chosen = np.asarray(self.vectors)[np.maximum(codes, 0)]
        chosen[codes < 0] = 0.0
        return lambda place: (chosen @ chosen[place]).astype(np.float64)


@dataclass(frozen=True)
class MaximalMarginal:
    """Maximal marginal relevance (Carbonell & Goldstein 1998): a place goes to the row with the most of
    (1 - ``strength``) · relevance - ``strength`` · its largest likeness to a row placed before.

    ``strength`` 0 leaves the list as it is, 1 looks at likeness only. The ``first`` places are chosen from the first
    ``pool`` and each page of ``request.k`` is put back into its own order; a likeness below 0 counts as 0; ties go to
    whoever stood first. Raises SettingsError for another strength.
    """

    likeness: Likeness
    strength: float = 0.1
    first: int = 20
    pool: int = 200

    def __post_init__(self) -> None:
        check_knob(self.strength, "strength")

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with a more varied head."""
        rows = ranking.rows[: self.pool]
        if not self.strength or not len(rows):
            return ranking
        value = (1 - self.strength) * relevance(ranking.scores[: self.pool])
        alike = self.likeness.among(rows)
        worth, nearest = value.copy(), np.zeros(len(rows))
        picks: list[int] = []
        for _ in range(min(self.first, len(rows))):
            picks.append(int(np.argmax(value)))
            worth[picks[-1]] = -np.inf
            np.maximum(nearest, alike(picks[-1]), out=nearest)
            value = worth - self.strength * nearest
        return headed(ranking, picks, request.k)


@dataclass(frozen=True)
class Determinantal:
    """The most probable set under a determinantal point process, found greedily with an incremental Cholesky factor
    (Chen, Zhang & Zhou 2018, algorithm 1): a place goes to the row with the most of
    (1 - ``strength``) · relevance + ``strength`` · log of the volume it adds to the rows placed before.

    The kernel is 1 on its diagonal and ``alike`` · likeness beside it: below 1, even equal vectors are two products, so
    the knob moves gently. ``strength`` 0 leaves the list as it is. The ``first`` places are chosen from the first
    ``pool`` and each page of ``request.k`` is put back into its own order; ties go to whoever stood first.
    Raises SettingsError for another strength.
    """

    likeness: Likeness
    strength: float = 0.1
    alike: float = 0.9
    first: int = 20
    pool: int = 200

    def __post_init__(self) -> None:
        check_knob(self.strength, "strength")
        check_knob(self.alike, "alike")

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with a more varied head."""
        rows = ranking.rows[: self.pool]
        if not self.strength or not len(rows):
            return ranking
        worth = (1 - self.strength) * relevance(ranking.scores[: self.pool])
        alike = self.likeness.among(rows)
        count = min(self.first, len(rows))
        factor = np.zeros((count, len(rows)))  # one finished row of the Cholesky factor per pick
        volume = np.ones(len(rows))
        picks: list[int] = []
        for step in range(count):
            pick = int(np.argmax(worth + self.strength * np.log(volume)))
            kernel = self.alike * alike(pick)
            kernel[pick] = 1.0
            factor[step] = (kernel - factor[:step, pick] @ factor[:step]) / np.sqrt(volume[pick])
            volume = np.maximum(volume - factor[step] ** 2, _SPENT)
            worth[pick] = -np.inf
            picks.append(pick)
        return headed(ranking, picks, request.k)
