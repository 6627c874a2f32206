"""What is bought again and what is new in one list: every so many places are for new."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.rank.linear import Linear, Signal
from mercato.rank.mixed import TAKEN, Mixed
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


@given(old=st.lists(st.integers(1, 30).map(float), max_size=8, unique=True), new=SCORES, every=st.integers(1, 5))
def test_every_so_many_places_are_for_new(old: list[float], new: list[float], every: int) -> None:
    olds = sorted(range(len(old)), key=lambda row: (-old[row], row))
    news = sorted(range(len(old), len(old) + len(new)), key=lambda row: (-new[row - len(old)], row))
    expected: list[int] = []
    while every > 1 and news and len(olds) > every - 1:
        expected += [*olds[: every - 1], news[0]]
        olds, news = olds[every - 1 :], news[1:]
    assert mix(old, new, every)[0] == (news + olds if every == 1 else expected + olds + news)


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


@given(
    old=st.lists(st.integers(-9, 9).map(float), max_size=6),
    new=st.lists(st.integers(-9, 9).map(float), max_size=6),
    cold=st.lists(st.integers(-9, 9).map(float), max_size=6),
    every=st.integers(2, 4),
    arrivals=st.integers(0, 4).filter(lambda every: every != 1),
)
def test_a_mixture_inside_a_mixture_keeps_every_order_whatever_the_sign(
    old: list[float], new: list[float], cold: list[float], every: int, arrivals: int
) -> None:
    parts = (old, new, cold)
    flag = [np.array([float(one == part) for one in range(3) for _ in parts[one]]) for part in range(3)]
    own = np.array([*old, *new, *cold])
    ranking = Ranking(np.arange(len(own), dtype=np.int32), np.zeros(len(own)), {
        "lane:habit": flag[0], "lane:popular": flag[0] + flag[1], "own": own,
    })  # fmt: skip
    inner = Mixed(Given(), Given(), arrivals, TAKEN)  # type: ignore[arg-type]
    ranked = Mixed(Given(), inner, every).rank(asked(), ranking)  # type: ignore[arg-type]
    for part in range(3):
        mine = [row for row in ranked.rows.tolist() if flag[part][row]]
        values = [own[row] for row in mine]
        assert values == sorted(values, reverse=True)
    terms = [values for name, values in ranked.notes.items() if name.startswith("term:")]
    np.testing.assert_allclose(np.sum(terms, axis=0), ranked.scores, rtol=1e-9, atol=1e-9)
    if not arrivals:
        places = [place for place, row in enumerate(ranked.rows.tolist()) if flag[1][row]]
        assert all(place > max(places, default=-1) for place, row in enumerate(ranked.rows.tolist()) if flag[2][row])


class Given:
    """A score that is a note, whatever its sign."""

    def worth(self, ranking: Ranking) -> Ranking:
        return ranking

    def scored(self, ranking: Ranking) -> Ranking:
        return Ranking(ranking.rows, ranking.notes["own"], ranking.notes)

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[list[tuple[str, float]]]]:
        scored = self.scored(ranking)
        return scored.noted(**{"term:own": scored.scores}), [[] for _ in range(len(ranking))]
