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
    beside other lists."""

    ranking: Ranking
    wanted: NDArray[np.float64]
    weight: float = 1.0


@dataclass(frozen=True)
class ListwiseFit:
    """Non-negative weights by the list-wise softmax loss (Cao et al. 2007, ListNet top-one), L2-damped.

    ``hints`` say which notes count under which term; their weights are what the fit starts from and falls back on
    when there are fewer than ``least`` lists.
    """

    hints: tuple[Signal, ...]
    damping: float = 1e-3
    least: int = 50

    def fit(self, examples: Sequence[Example]) -> Linear:
        """The score that ranks ``examples`` best; lists in which nothing was wanted teach nothing."""
        useful = [example for example in examples if example.wanted.sum() > 0 and len(example.ranking) > 1]
        if len(useful) < self.least:
            return Linear(self.hints)
        scales = self._scales(useful)
        units = [replace(hint, weight=1.0, scale=scale) for hint, scale in zip(self.hints, scales, strict=True)]
        table = np.concatenate([_features(units, example.ranking) for example in useful])
        spread = np.maximum(table.std(axis=0), 1e-9)
        weights = self._solve(table / spread, useful) / spread
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

    def _solve(self, table: NDArray[np.float64], examples: Sequence[Example]) -> NDArray[np.float64]:
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
            return value + self.damping * float(weights @ weights), slope + 2 * self.damping * weights

        start = np.full(table.shape[1], 0.1)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
        solved: NDArray[np.float64] = found.x
        return solved


def _features(units: Sequence[Signal], ranking: Ranking) -> NDArray[np.float64]:
    return np.stack([unit.worth(note(unit, ranking)) for unit in units], axis=1)
