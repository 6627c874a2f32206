"""Weights that start from the shop's own and move as far as clicks on shown lists can be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mercato.evaluate.metrics import paired
from mercato.rank.boost import pulled
from mercato.rank.linear import Signal
from mercato.rank.train import Example, ListwiseFit
from mercato.schema import Ranking

HINTS = (Signal("lane:words", "words", 4.0), Signal("lane:popular", "popularity", 0.1, 10.0), Signal("x", "x", 20.0))

FIXED = frozenset({"words"})


def ahead(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    difference, p = paired(ours, theirs)
    return difference.mean > 0 and p < 0.05


def clicked(popular: float, lists: int = 300) -> list[Example]:
    """Ten shown rows that hold the words about equally well; what is popular is clicked as much as ``popular`` says."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(lists):
        words, sold = random.uniform(0.9, 1.0, 10), random.exponential(30.0, 10)
        appeal = popular * np.log1p(sold / 10) + random.gumbel(size=10)
        notes = {"lane:words": words, "lane:popular": sold}
        wanted = np.zeros(10)
        wanted[int(np.argmax(appeal))] = 1.0
        found.append(Example(Ranking(np.arange(10, dtype=np.int32), words, notes), wanted))
    return found


def test_clicks_move_what_they_speak_of_and_leave_the_rest() -> None:
    recipe, said = pulled(clicked(popular=2.0), HINTS, FIXED, ahead)
    score = recipe.fit(clicked(popular=2.0))
    words, popular, exact = (signal.weight for signal in score.signals)
    assert said["learned"] > said["built-in"]
    assert popular > 5 * HINTS[1].weight
    assert words == pytest.approx(4.0), "alike in every list: nothing can be said against it"
    assert exact == pytest.approx(20.0), "never seen: as it was"
    assert [signal.scale for signal in score.signals] == [signal.scale for signal in HINTS]


def test_clicks_by_chance_do_not_make_anything_count_more() -> None:
    recipe, _ = pulled(clicked(popular=0.0), HINTS, FIXED, ahead)
    score = recipe.fit(clicked(popular=0.0))
    assert all(after.weight <= before.weight for after, before in zip(score.signals, HINTS, strict=True))


def test_the_stronger_the_damping_the_nearer_to_the_hints() -> None:
    weights = [
        ListwiseFit(HINTS, damping, pulled=True).fit(clicked(popular=2.0)).signals[1].weight
        for damping in (0.003, 0.3, 1e4)
    ]
    assert weights[0] > weights[1] > weights[2] == pytest.approx(HINTS[1].weight, rel=0.01)
