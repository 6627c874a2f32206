"""EASE against the regression it solves, one product at a time; its sparse form, and the checkerboard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import DataError
from mercato.retrieve.ease import Ease
from shopping import BUY, asked

N = 7
PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, N - 1)), max_size=40)


def arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    ordered = sorted(pairs, key=lambda pair: pair[0])
    return np.array([one for one, _ in ordered], np.int64), np.array([row for _, row in ordered], np.int32)


def regressed(pairs: list[tuple[int, int]], penalty: float, support: int, sparse: bool) -> np.ndarray:
    """Each product from all others (``sparse``: all it shares a shopper with) by ridge regression, positive weights
    only: the definition, column by column."""
    taken = np.zeros((6, N))
    taken[tuple(np.array(pairs, int).reshape(-1, 2).T)] = 1
    known = np.flatnonzero(taken.sum(axis=0) >= support)
    weights = np.zeros((N, N))
    for target in known:
        shared = taken.T @ taken[:, target] > 0
        others = known[(known != target) & (shared[known] | (not sparse))]
        gram = taken[:, others].T @ taken[:, others] + penalty * np.eye(len(others))
        weights[others, target] = np.linalg.solve(gram, taken[:, others].T @ taken[:, target])
    return np.maximum(weights, 0)


@settings(deadline=None)
@given(
    pairs=PAIRS,
    penalty=st.sampled_from([0.5, 3.0]),
    support=st.integers(1, 3),
    largest=st.sampled_from([2, N]),
)
def test_every_product_is_regressed_on_all_others(
    pairs: list[tuple[int, int]], penalty: float, support: int, largest: int
) -> None:
    recipe = Ease(regularization=penalty, support=support, largest=largest, neighbourhood=N)
    counts = np.bincount([row for _, row in set(pairs)], minlength=N)
    sparse = (counts >= support).sum() > largest
    found = recipe.fit(*arrays(pairs), N).toarray()
    np.testing.assert_allclose(found, regressed(pairs, penalty, support, bool(sparse)), atol=2e-5)


@settings(deadline=None)
@given(pairs=PAIRS, m=st.integers(1, 3), largest=st.sampled_from([2, N]))
def test_each_row_keeps_its_largest_weights(pairs: list[tuple[int, int]], m: int, largest: int) -> None:
    found = (
        Ease(regularization=2.0, support=1, largest=largest, neighbours=m, neighbourhood=N)
        .fit(*arrays(pairs), N)
        .toarray()
    )
    known = len({row for _, row in pairs})
    whole = regressed(pairs, 2.0, 1, known > largest)
    for kept, row in zip(found, whole, strict=True):
        assert (kept > 0).sum() <= m
        np.testing.assert_allclose(np.sort(kept)[::-1][:m], np.sort(row)[::-1][:m], atol=2e-5)


def test_blocks_of_products_are_mirrored_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    pairs = [
        (int(one), int(row)) for one, row in zip(random.integers(0, 6, 40), random.integers(0, N, 40), strict=True)
    ]
    whole = Ease(regularization=2.0, support=1).fit(*arrays(pairs), N).toarray()
    monkeypatch.setattr("mercato.retrieve.ease._BLOCK", 3)
    np.testing.assert_allclose(Ease(regularization=2.0, support=1).fit(*arrays(pairs), N).toarray(), whole, atol=1e-6)


def test_the_checkerboard_is_completed() -> None:
    # shoppers of even number take even products, all but one of them
    pairs = [(one, row) for one in range(20) for row in range(one % 2, 10, 2) if row != (one // 2 % 5) * 2 + one % 2]
    recipe = Ease(regularization=1.0)
    lane = recipe.lane(recipe.fit(*arrays(pairs), 10))
    request = asked((2, BUY, 3), (4, BUY, 2), (6, BUY, 1))
    assert lane.retrieve(request, ~np.isin(np.arange(10), [2, 4, 6]), 5).rows.tolist() == [8, 0]
    assert lane.source(request, 8) == 6, "the newest counts most"


def test_nothing_to_learn_from_is_an_empty_matrix_and_no_penalty_an_error() -> None:
    nobody = np.empty(0, np.int64), np.empty(0, np.int32)
    assert Ease().fit(*nobody, 5).shape == (5, 5)
    assert Ease().fit(*nobody, 5).nnz == 0
    twins = arrays([(0, 1), (0, 2)])
    with pytest.raises(DataError, match="cannot be inverted"):
        Ease(regularization=0.0, support=1).fit(*twins, 5)


def test_only_the_last_events_of_a_shopper_count() -> None:
    shoppers, rows = arrays([(0, 5), (0, 1), (0, 2), (1, 1), (1, 2)])
    found = Ease(regularization=2.0, support=1, longest=2).fit(shoppers, rows, N).toarray()
    np.testing.assert_allclose(found, regressed([(0, 1), (0, 2), (1, 1), (1, 2)], 2.0, 1, sparse=False), atol=2e-5)
