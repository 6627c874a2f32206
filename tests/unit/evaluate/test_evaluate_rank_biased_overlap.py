"""Rank-biased overlap: the bounds, symmetry, and the sum it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.evaluate.metrics import rank_biased_overlap

ORDERS = st.permutations(list(range(12))).map(lambda rows: np.array(rows, np.int32))


@given(one=ORDERS, other=ORDERS)
def test_of_two_orders_of_the_same_things_it_is_the_infinite_sum(one: np.ndarray, other: np.ndarray) -> None:
    depths = range(1, 2000)
    shared = [len(set(one[:depth].tolist()) & set(other[:depth].tolist())) / min(depth, 12) for depth in depths]
    endless = sum(0.1 * 0.9 ** (depth - 1) * each for depth, each in zip(depths, shared, strict=True))
    assert rank_biased_overlap(one, other) == pytest.approx(endless, abs=1e-9)


@given(one=ORDERS, other=ORDERS, first=st.integers(0, 12), second=st.integers(0, 12))
def test_it_is_symmetric_and_within_bounds(one: np.ndarray, other: np.ndarray, first: int, second: int) -> None:
    one, other = one[:first], other[:second]
    value = rank_biased_overlap(one, other)
    assert -1e-12 <= value <= 1 + 1e-12
    assert value == pytest.approx(rank_biased_overlap(other, one))
    assert rank_biased_overlap(one, one) == pytest.approx(1.0)


def test_a_swap_at_the_top_costs_more() -> None:
    kept = np.arange(10)
    top, end = kept.copy(), kept.copy()
    top[:2] = 1, 0
    end[-2:] = 9, 8
    assert rank_biased_overlap(kept, top) < rank_biased_overlap(kept, end) < 1
