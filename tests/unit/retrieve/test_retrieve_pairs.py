"""Pair matrices by hand and by brute force, and the checkerboard: block-structured purchases have one right answer."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.ports import Retriever
from mercato.retrieve.pairs import Neighbours, PairLane, Together, Transitions, load, save
from mercato.retrieve.taste import Taste
from shopping import BUY, NOW, VIEW, asked


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def rows(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def test_transitions_of_one_short_sequence() -> None:
    graph = Transitions(window=5, back=0.5, power=0.0).fit(ints(0, 0, 0), rows(2, 0, 1), 4).toarray()
    expected = np.zeros((4, 4))
    expected[2, 0] = expected[0, 1] = 1  # neighbours
    expected[2, 1] = 1 / 2  # two apart
    expected[0, 2] = expected[1, 0] = 1 / 2  # backwards counts half
    expected[1, 2] = 1 / 4
    np.testing.assert_allclose(graph, expected)


def test_transitions_stop_at_the_window_and_at_the_next_shopper() -> None:
    graph = Transitions(window=1).fit(ints(0, 0, 0, 1), rows(0, 1, 2, 3), 4).toarray()
    assert graph[0, 1] > 0
    assert graph[0, 2] == 0, "two apart is outside the window"
    assert not graph[3].any(), "another shopper's first product follows nothing"
    assert not graph[:, 3].any()


@settings(deadline=None)
@given(
    sequences=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=4),
    window=st.integers(1, 4),
    power=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_transitions_against_a_double_loop(sequences: list[list[int]], window: int, power: float) -> None:
    owner = ints(*(shopper for shopper, sequence in enumerate(sequences) for _ in sequence))
    flat = [row for sequence in sequences for row in sequence]
    expected = np.zeros((6, 6))
    for sequence in sequences:
        for first, then in combinations(range(len(sequence)), 2):
            one, other = sequence[first], sequence[then]
            if then - first <= window and one != other:
                expected[one, other] += 1 / (then - first)
                expected[other, one] += 0.5 / (then - first)
    damping = np.array([max(flat.count(row), 1) ** -power for row in range(6)])
    found = Transitions(window=window, back=0.5, power=power).fit(owner, rows(*flat), 6).toarray()
    np.testing.assert_allclose(found, expected * np.outer(damping, damping), rtol=1e-5)


def test_two_lucky_baskets_prove_less_than_twenty() -> None:
    baskets = np.repeat(np.arange(22), 2)
    bought = rows(*[0, 1] * 2, *[2, 3] * 20)
    matrix = Together(shrink=10).fit(baskets, bought, 4).toarray()
    assert 0 < matrix[0, 1] < matrix[2, 3]
    np.testing.assert_allclose([matrix[0, 1], matrix[2, 3]], [2 / 12, 20 / 30], rtol=1e-5)


def test_a_basket_counts_its_newest_lines_and_each_product_once() -> None:
    matrix = Together(shrink=0, largest=2).fit(ints(7, 7, 7, 7), rows(0, 1, 2, 2), 3).toarray()
    np.testing.assert_allclose(matrix[1, 2], 1, rtol=1e-5)
    assert not matrix[0].any(), "the oldest line was cut off"


def test_neighbours_leave_out_what_too_few_shoppers_had() -> None:
    shoppers, bought = np.repeat(np.arange(5), 2), rows(0, 1, 0, 1, 0, 1, 0, 2, 0, 2)
    matrix = Neighbours(support=3, shrink=0).fit(shoppers, bought, 3).toarray()
    assert matrix[0, 1] > 0
    assert not matrix[2].any()
    assert not matrix[:, 2].any()


def lane(**fields: object) -> PairLane:
    dense = np.array([[0, 1, 0.5, 0], [1, 0, 0, 0], [0, 0, 0, 2], [0, 0, 2, 0]], np.float32)
    return PairLane(sp.csr_array(dense), **fields)


def test_a_history_event_halves_with_age_and_decays_with_what_came_after() -> None:
    request = asked((0, BUY, 20), (2, BUY, 0))
    np.testing.assert_allclose(lane(half_life_days=20.0).score(request, rows(0, 1, 2, 3)), [0, 0.5, 0.25, 2])
    np.testing.assert_allclose(
        lane(half_life_days=1e9, decay=0.5).score(request, rows(0, 1, 2, 3)), [0, 0.5, 0.25, 2], rtol=1e-6
    )


def test_only_so_many_products_are_looked_at_and_only_wanted_ones() -> None:
    request = asked((0, BUY, 2), (2, BUY, 1), (1, 0, 0))
    assert lane(newest=1).seeds(request)[0].tolist() == [2]
    assert lane().seeds(request)[0].tolist() == [0, 2], "an event without a grade says nothing"


def test_recent_reads_the_last_hours_and_anchors_read_the_anchors() -> None:
    request = asked((0, VIEW, 1), (2, VIEW, 0.01), anchors=(1,))
    everything = rows(0, 1, 2, 3)
    lately = lane(context="recent", recent_seconds=3600, half_life_days=1e9)
    np.testing.assert_allclose(lately.score(request, everything), [0, 0, 0, 2], rtol=1e-6)
    assert lane(context="anchors").score(request, everything).tolist() == [1, 0, 0, 0]
    assert not lane(context="recent", recent_seconds=60).score(request, everything).any()


def test_a_second_hop_reaches_further() -> None:
    request = asked(anchors=(0,))
    assert lane(context="anchors").score(request, rows(3))[0] == 0
    np.testing.assert_allclose(lane(context="anchors", hops=0.1).score(request, rows(3)), 0.1 * 0.5 * 2)


def test_the_source_is_the_seed_that_gave_most() -> None:
    dense = np.zeros((4, 4), np.float32)
    dense[0, 3], dense[1, 3] = 1.0, 3.0
    traced = PairLane(sp.csr_array(dense), half_life_days=1.0)
    assert traced.source(asked((0, BUY, 0), (1, BUY, 1)), 3) == 1, "1.0 against 3.0 / 2"
    assert traced.source(asked((0, BUY, 0), (1, BUY, 4)), 3) == 0, "1.0 against 3.0 / 16"
    assert traced.source(asked((2, BUY, 0)), 3) is None
    assert traced.source(asked(), 3) is None


def test_a_saved_matrix_comes_back(tmp_path: Path) -> None:
    matrix = Together(shrink=1).fit(np.repeat(np.arange(6), 2), rows(0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 0, 2), 5)
    save(matrix, tmp_path / "pairs")
    assert np.array_equal(load(tmp_path / "pairs").toarray(), matrix.toarray())


@pytest.mark.parametrize("recipe", [Together(), Neighbours(), Transitions()], ids=lambda one: type(one).__name__)
def test_no_events_make_an_empty_matrix(recipe: Together | Neighbours | Transitions) -> None:
    matrix = recipe.fit(np.empty(0, np.int64), np.empty(0, np.int32), 3)
    assert matrix.shape == (3, 3)
    assert matrix.nnz == 0


BLOCKS, SIZE = 4, 6
N = BLOCKS * SIZE


def checkerboard() -> tuple[np.ndarray, np.ndarray]:
    """Unit u has every product of its block but product u (implicit's test: there is one right answer)."""
    pairs = [(unit, row) for unit in range(N) for row in range(N) if row // SIZE == unit // SIZE and row != unit]
    return ints(*(unit for unit, _ in pairs)), rows(*(row for _, row in pairs))


def fitted(name: str) -> Retriever:
    units, bought = checkerboard()
    now = int(NOW.timestamp())
    if name == "taste":
        recipe = Taste(factors=8, regularization=1.0)
        return recipe.fit(units, bought, np.full(len(bought), now), n=N, now=now)
    fit = Neighbours(support=2).fit if name == "neighbours" else Together().fit
    return PairLane(fit(units, bought, N), "anchors" if name == "together" else "history")


@pytest.mark.parametrize("name", ["together", "neighbours", "taste"])
def test_the_missing_product_of_the_block_is_recommended(name: str) -> None:
    retriever = fitted(name)
    units, bought = checkerboard()
    for unit in range(N):
        theirs = bought[units == unit]
        request = asked(*((int(row), BUY, 0) for row in theirs), anchors=tuple(theirs))
        allowed = np.ones(N, bool)
        allowed[theirs] = False
        assert retriever.retrieve(request, allowed, 1).rows.tolist() == [unit]
        others = rows(*(row for row in range(N) if row // SIZE != unit // SIZE))
        assert retriever.score(request, others).max() < 0.1 * retriever.score(request, rows(unit))[0]
