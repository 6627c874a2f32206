"""Lists with what was wanted in, the weights of the readable score out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from mercato.rank.linear import Linear, Signal, note
from mercato.schema import Ranking


@dataclass(frozen=True, slots=True)
class Example:
    """One list as a ranker would see it, how much each of its rows was wanted afterwards (n,), and how much it counts
    beside other lists. Lists of one ``group`` ("" is none) say much the same, such as those of one query: none of them
    may judge what another taught."""

    ranking: Ranking
    wanted: NDArray[np.float64]
    weight: float = 1.0
    group: str = ""


@dataclass(frozen=True)
class ListwiseFit:
    """Non-negative weights by the list-wise softmax loss (Cao et al. 2007, ListNet top-one), L2-damped.

    ``hints`` say which notes count under which term; their weights are what the fit starts from and falls back on
    when there are fewer than ``least`` lists. ``pulled``: damping draws towards the hints instead of towards nothing,
    for lists that hold only what was shown; ``fixed`` terms keep their hinted weights there, since what nearly all
    shown products share says nothing about those that were not shown.
    """

    hints: tuple[Signal, ...]
    damping: float = 1e-3
    least: int = 50
    pulled: bool = False
    fixed: frozenset[str] = frozenset()

    def fit(self, examples: Sequence[Example]) -> Linear:
        """The score that ranks ``examples`` best; lists in which nothing was wanted teach nothing."""
        useful = [example for example in examples if example.wanted.sum() > 0 and len(example.ranking) > 1]
        if len(useful) < self.least:
            return Linear(self.hints)
        scales = [hint.scale for hint in self.hints] if self.pulled else self._scales(useful)
        units = [replace(hint, weight=1.0, scale=scale) for hint, scale in zip(self.hints, scales, strict=True)]
        table = np.concatenate([_features(units, example.ranking) for example in useful])
        spread = np.maximum(table.std(axis=0), 1e-9)
        prior = np.array([hint.weight for hint in self.hints]) * spread if self.pulled else np.zeros(len(spread))
        weights = self._solve(table / spread, useful, prior) / spread
        return Linear(
            tuple(replace(unit, weight=round(float(weight), 6)) for unit, weight in zip(units, weights, strict=True))
        )

    def _scales(self, examples: Sequence[Example]) -> list[float]:
        """The median of each note where it is positive, so that the logarithm bends at an ordinary value."""
        scales = []
        for hint in self.hints:
            values = np.concatenate([note(hint, example.ranking) for example in examples])
            positive = values[values > 0]
            scales.append(float(f"{np.median(positive):.3g}") if len(positive) else 1.0)
        return scales

    def _solve(
        self, table: NDArray[np.float64], examples: Sequence[Example], prior: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        sizes = np.array([len(example.ranking) for example in examples])
        owner = np.repeat(np.arange(len(sizes)), sizes)
        starts = np.r_[0, np.cumsum(sizes)[:-1]]
        counts = np.array([example.weight for example in examples])
        counts = counts / counts.sum()
        wanted = np.concatenate([example.wanted / example.wanted.sum() for example in examples]) * counts[owner]

        def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            scores = table @ weights
            top = np.maximum.reduceat(scores, starts)
            lifted = np.exp(scores - top[owner])
            total = np.add.reduceat(lifted, starts)
            chance = lifted / total[owner]
            value = float(counts @ (np.log(total) + top) - wanted @ scores)
            slope = table.T @ (counts[owner] * chance - wanted)
            off = weights - prior
            return value + self.damping * float(off @ off), slope + 2 * self.damping * off

        start = prior if self.pulled else np.full(table.shape[1], 0.1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=self._bounds(prior))
        solved: NDArray[np.float64] = found.x
        return solved

    def _bounds(self, prior: NDArray[np.float64]) -> list[tuple[float, float | None]]:
        free: tuple[float, float | None] = (0.0, None)
        return [
            (float(weight), float(weight)) if hint.term in self.fixed else free
            for hint, weight in zip(self.hints, prior, strict=True)
        ]


def _features(units: Sequence[Signal], ranking: Ranking) -> NDArray[np.float64]:
    return np.stack([unit.worth(note(unit, ranking)) for unit in units], axis=1)
