"""How likely each place is looked at is found in made-up clicks, where clicks by place alone say something else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mercato.feedback.propensity import PositionBias

DEPTH = 10
PRIOR = 1 / np.log2(np.arange(DEPTH) + 2)
STEEP = 1 / (1 + np.arange(DEPTH)) ** 0.8
Table = NDArray[np.float64]


def shop(lists: int, chances: Table, seed: int) -> tuple[Table, Table]:
    """(scores, clicks), each lists × DEPTH: the served score is what is wanted, how busy the shopper is, and noise."""
    random = np.random.default_rng(seed)
    wanted = random.normal(0, 1, (lists, DEPTH))
    busy = random.normal(0, 1, (lists, 1))
    scores = wanted + busy + random.normal(0, 0.5, (lists, DEPTH))
    order = np.argsort(-scores, axis=1)
    wanted, scores = (np.take_along_axis(values, order, axis=1) for values in (wanted, scores))
    clicks = random.random((lists, DEPTH)) < chances / (1 + np.exp(2 - wanted - busy))
    return scores, clicks.astype(float)


def estimated(scores: Table, clicks: Table, bias: PositionBias, bins: int = 40) -> Table:
    kept = clicks.any(axis=1)
    scores, clicks = scores[kept], clicks[kept]
    cells = np.searchsorted(np.sort(scores.ravel()), scores.ravel()) * bins // scores.size
    places = np.tile(np.arange(DEPTH), len(scores))
    return bias.fit(places, np.repeat(np.arange(len(scores)), DEPTH), cells, clicks.ravel())


def error(found: Table, true: Table) -> float:
    """By which factor the estimate is wrong, on average, as a logarithm."""
    return float(np.abs(np.log(found / true)).mean())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chances", [STEEP, PRIOR, np.linspace(1, 0.6, DEPTH)], ids=["steep", "as the prior", "flat"])
def test_known_chances_are_recovered_where_clicks_by_place_are_far_off(chances: Table, seed: int) -> None:
    scores, clicks = shop(6000, chances, seed)
    naive = clicks.sum(axis=0) / clicks[:, 0].sum()
    found = estimated(scores, clicks, PositionBias())
    assert error(naive, chances) > 0.5
    assert error(found, chances) < 0.2


def test_few_clicks_change_little() -> None:
    scores, clicks = shop(30, STEEP, 0)
    assert error(estimated(scores, clicks, PositionBias()), PRIOR) < 0.15


def test_without_a_click_the_prior_stands() -> None:
    nothing = np.zeros(DEPTH)
    places = np.arange(DEPTH)
    found = PositionBias().fit(places, places * 0, places * 0, nothing)
    assert found == pytest.approx(PRIOR)


def test_a_place_below_is_never_looked_at_more_and_none_less_than_the_floor() -> None:
    random = np.random.default_rng(0)
    places = np.tile(np.arange(80), 200)
    chances = np.where(np.arange(80) == 40, 0.9, np.exp(-np.arange(80.0)))
    clicks = (random.random(len(places)) < chances[places]).astype(float)
    found = PositionBias(floor=0.2, deepest=50).fit(places, np.repeat(np.arange(200), 80), places * 0, clicks)
    assert len(found) == 50
    assert found[0] == 1
    assert (np.diff(found) <= 0).all()
    assert found[-1] == 0.2


def expectation_maximisation(places: NDArray[np.int64], cells: NDArray[np.int64], clicks: Table, steps: int) -> Table:
    """Wang et al. 2018 with one number per cell for what is wanted: the slow way to the same chances."""
    looked: Table = np.full(DEPTH, 0.5)
    wanted: Table = np.full(int(cells.max()) + 1, 0.5)
    for _ in range(steps):
        both = looked[places] * wanted[cells]
        seen = clicks + (1 - clicks) * (looked[places] - both) / (1 - both)
        liked = clicks + (1 - clicks) * (wanted[cells] - both) / (1 - both)
        looked = np.bincount(places, seen) / np.bincount(places)
        wanted = np.bincount(cells, liked) / np.bincount(cells)
    looked /= looked[0]
    return looked


def test_it_agrees_with_expectation_maximisation_where_that_knows_as_much() -> None:
    """One list per cell, every cell at several places: what both can be asked."""
    random = np.random.default_rng(1)
    wanted = random.uniform(0.2, 0.8, 30)
    cells, places = (values.ravel() for values in np.meshgrid(np.arange(30), np.arange(DEPTH)))
    shown = np.repeat(np.arange(len(cells)), random.integers(50, 400, len(cells)))
    cells, places = cells[shown], places[shown]
    clicks = (random.random(len(cells)) < STEEP[places] * wanted[cells]).astype(float)
    slow = expectation_maximisation(places, cells, clicks, 400)
    fast = PositionBias(strength=1e-3).fit(places, cells, cells * 0, clicks)
    assert error(slow, STEEP) < 0.1
    assert error(fast, slow) < 0.05
