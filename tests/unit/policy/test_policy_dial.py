"""From everybody's order to the shopper's own, one step at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.errors import SettingsError
from mercato.policy.dial import Dial
from mercato.schema import Ranking
from shopping import asked

N = 10
CONSENSUS = arrays(float, N, elements=st.integers(0, 3))
LISTS = st.lists(st.integers(0, N - 1), unique=True).map(
    lambda rows: Ranking(np.array(rows, np.int32), np.ones(len(rows)))
)


def swaps(order: list[int], other: list[int]) -> int:
    """Pairs in another order (Kendall's distance)."""
    place = {row: at for at, row in enumerate(other)}
    return sum(place[a] > place[b] for at, a in enumerate(order) for b in order[at + 1 :])


@given(ranking=LISTS, consensus=CONSENSUS)
def test_a_hundred_is_the_shoppers_own(ranking: Ranking, consensus: np.ndarray) -> None:
    assert Dial(consensus, 100).apply(asked(), ranking).rows.tolist() == ranking.rows.tolist()


@given(ranking=LISTS, consensus=CONSENSUS, random=st.randoms(use_true_random=False))
def test_nought_is_one_order_for_all(ranking: Ranking, consensus: np.ndarray, random: object) -> None:
    shuffled = ranking.rows.tolist()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    other = Ranking(np.array(shuffled, np.int32), ranking.scores)
    expected = sorted(ranking.rows.tolist(), key=lambda row: (-consensus[row], row))
    assert Dial(consensus, 0).apply(asked(), ranking).rows.tolist() == expected
    assert Dial(consensus, 0).apply(asked(), other).rows.tolist() == expected


@given(ranking=LISTS, consensus=CONSENSUS)
def test_turning_it_up_only_ever_brings_a_list_nearer_to_the_shoppers_own(
    ranking: Ranking, consensus: np.ndarray
) -> None:
    own = ranking.rows.tolist()
    lists = [Dial(consensus, dial).apply(asked(), ranking).rows.tolist() for dial in range(0, 101, 5)]
    for less, more in pairwise(lists):
        assert swaps(less, own) >= swaps(more, own)
        assert swaps(less, lists[0]) <= swaps(more, lists[0])


@given(ranking=LISTS, consensus=CONSENSUS, dial=st.integers(0, 100))
def test_places_are_a_weighted_geometric_mean(ranking: Ranking, consensus: np.ndarray, dial: int) -> None:
    own = ranking.rows.tolist()
    shared = sorted(own, key=lambda row: (-consensus[row], row))

    def mean(row: int) -> float:
        return float(dial * np.log2(own.index(row) + 1.0) + (100 - dial) * np.log2(shared.index(row) + 1.0))

    expected = sorted(own, key=lambda row: (mean(row), row))
    assert Dial(consensus, dial).apply(asked(), ranking).rows.tolist() == expected


@pytest.mark.parametrize("dial", [-1, 101])
def test_the_dial_has_ends(dial: int) -> None:
    with pytest.raises(SettingsError, match="personal"):
        Dial(np.zeros(1), dial)
