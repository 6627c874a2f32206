"""Clicks on answered lists in, how likely each place of a list is to be looked at out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PositionBias:
    """The position-based model: click = looked at (by place) × wanted (Richardson et al. 2007; Wang et al. 2018).

    How much a row is wanted is a factor of its list (how ready this shopper is to click at all) times a factor of its
    cell (how good the score thought it was). Given that a list was clicked its own factor cancels, and what is left is
    one convex softmax over its rows: fixed-effects Poisson (Hausman, Hall & Griliches 1984), which asks only for the
    mean to be right. Expectation maximisation, as in Wang et al., aims at the same numbers, but needs the lists nobody
    clicked too and moves by the click rate a step. Every place is pulled towards 1 / log2(1 + place) as if that had
    been seen in ``strength`` clicks; a place below is never looked at more; nothing is below ``floor``, so that no
    click counts more than 1 / ``floor`` times another; places from ``deepest`` on share one value.
    """

    strength: float = 20.0
    floor: float = 0.1
    deepest: int = 50
    damping: float = 1.0

    def fit(self, places: Integers, owner: Integers, cells: Integers, clicks: Floats) -> Floats:
        """The chance of each place (depth,), that of the first = 1.

        Each of the n rows shown has its place (0 = first), list and cell (both numbered from 0 on, no number left out),
        and clicks. All times that one product was shown alone may come as one list.
        """
        places = np.minimum(places, self.deepest - 1)
        depth = int(places.max(initial=0)) + 1
        prior = -np.log(np.log2(np.arange(depth) + 2))
        if not clicks.any():
            return self._sound(prior, np.ones(depth))
        lists, start = np.bincount(owner, clicks), np.r_[prior, np.zeros(int(cells.max()) + 1)]
        pull = np.r_[np.full(depth, self.strength), np.full(len(start) - depth, self.damping)]

        def loss(worth: Floats) -> tuple[float, Floats]:
            utility = worth[places] + worth[depth + cells]
            lifted = np.exp(utility - utility.max())
            total = np.bincount(owner, lifted)
            excess = lists[owner] * lifted / total[owner] - clicks
            own = worth - start
            value = lists @ (np.log(total) + utility.max()) - clicks @ utility + 0.5 * pull @ own**2
            slope = np.bincount(places, excess, depth), np.bincount(cells, excess, len(worth) - depth)
            return float(value), np.concatenate(slope) + pull * own

        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        return self._sound(found.x[:depth], np.bincount(places, clicks, depth) + self.strength)

    def _sound(self, logs: NDArray[Any], weights: NDArray[Any]) -> Floats:
        falling: Floats = np.asarray(isotonic_regression(logs, weights=weights, increasing=False).x)
        chances: Floats = np.maximum(np.exp(falling - falling[0]), self.floor)
        return chances
