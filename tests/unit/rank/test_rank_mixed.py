"""What is bought again and what is new in one list: every so many places are for new."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.rank.linear import Linear, Signal
from mercato.rank.mixed import Mixed
from mercato.schema import Ranking
from shopping import asked

AGAIN, NEW = Linear((Signal("a", "behaviour", 1.0),)), Linear((Signal("n", "attribute", 1.0),))


def mix(old: list[float], new: list[float], every: int) -> tuple[list[int], Ranking]:
    """The order of rows, old ones first numbered, and the ranking it came from."""
    count = len(old) + len(new)
    notes = {
        "lane:habit": np.array([1.0] * len(old) + [0.0] * len(new)),
        "a": np.array(old + [0.0] * len(new)),
        "n": np.array([0.0] * len(old) + new),
    }
    ranked = Mixed(AGAIN, NEW, every).rank(asked(), Ranking(np.arange(count, dtype=np.int32), np.zeros(count), notes))
    return ranked.rows.tolist(), ranked


SCORES = st.lists(st.integers(1, 8).map(float), max_size=8)


@given(old=st.lists(st.integers(1, 30).map(float), max_size=8, unique=True), new=SCORES, every=st.integers(2, 5))
def test_every_so_many_places_are_for_new(old: list[float], new: list[float], every: int) -> None:
    olds = sorted(range(len(old)), key=lambda row: (-old[row], row))
    news = sorted(range(len(old), len(old) + len(new)), key=lambda row: (-new[row - len(old)], row))
    expected: list[int] = []
    while news and len(olds) > every - 1:
        expected += [*olds[: every - 1], news[0]]
        olds, news = olds[every - 1 :], news[1:]
    assert mix(old, new, every)[0] == expected + olds + news


def test_the_last_old_product_stays_before_the_rest_whatever_their_rows() -> None:
    notes = {"lane:habit": np.array([0.0, 1.0]), "a": np.array([0.0, 2.0]), "n": np.array([2.0, 0.0])}
    ranking = Ranking(np.array([3, 7], np.int32), np.zeros(2), notes)
    assert Mixed(AGAIN, NEW).rank(asked(), ranking).rows.tolist() == [7, 3]


def test_the_difference_is_a_term_of_its_own() -> None:
    order, ranked = mix([5.0, 4.0, 3.0], [100.0, 0.5], every=2)
    assert order == [0, 3, 1, 4, 2]
    place = order.index(3)
    own = np.log1p(100.0)
    assert ranked.notes["term:attribute"][place] == pytest.approx(own)
    assert ranked.notes["term:mix"][place] == pytest.approx(ranked.scores[place] - own)
    assert not ranked.notes["term:mix"][[order.index(row) for row in (0, 1, 2)]].any(), "what is bought again stays"
