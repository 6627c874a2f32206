"""Taste: the fold-in is what ALS itself would solve, and its sources add up to the prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from mercato.retrieve.taste import Taste, TasteLane
from shopping import BUY, CART, NOW, VIEW, asked

KNOWN = np.array([1, 2, 4, 5, 7, 8], np.int32)
N = 10
RECIPE = Taste(factors=3, regularization=0.7)
HISTORIES = st.lists(
    st.tuples(st.integers(0, N - 1), st.sampled_from([0, VIEW, CART, BUY, 4]), st.integers(0, 300)), max_size=8
)


def lane(recipe: Taste = RECIPE) -> TasteLane:
    factors = np.random.default_rng(3).normal(0, 0.6, (len(KNOWN), recipe.factors)).astype(np.float32)
    return TasteLane(factors, KNOWN, recipe)


def confidence(did: list[tuple[int, int, int]], recipe: Taste) -> np.ndarray:
    """What each known product's events weigh, (m,)."""
    weights = np.zeros(len(KNOWN))
    newest = min((days for _, grade, days in did if grade), default=0)
    for row, grade, days in did:
        if row in KNOWN and grade:
            weights[KNOWN.tolist().index(row)] += grade / 3 * 0.5 ** ((days - newest) / recipe.half_life_days)
    return recipe.alpha * np.log1p(recipe.gain * weights)


@settings(deadline=None)
@given(did=HISTORIES)
def test_the_fold_in_is_what_als_solves_for_a_new_shopper(did: list[tuple[int, int, int]]) -> None:
    folded = lane()
    weights = confidence(did, RECIPE)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=RECIPE.factors, regularization=RECIPE.regularization, alpha=1.0, dtype=np.float64
        )
    model.item_factors = folded.factors.astype(np.float64)
    theirs = model.recalculate_user(0, sp.csr_matrix(weights[None]))
    expected = np.maximum(folded.factors @ np.ravel(theirs), 0)
    np.testing.assert_allclose(folded.score(asked(*did), KNOWN), expected, atol=1e-5)


@settings(deadline=None)
@given(did=HISTORIES, target=st.sampled_from(KNOWN.tolist()))
def test_sources_add_up_to_the_prediction_and_the_largest_is_named(
    did: list[tuple[int, int, int]], target: int
) -> None:
    traced = lane()
    weights = confidence(did, RECIPE)
    factors = traced.factors.astype(float)
    left = factors.T @ factors + RECIPE.regularization * np.eye(RECIPE.factors)
    for factor, weight in zip(factors, weights, strict=True):
        if weight:
            left += (weight - 1) * np.outer(factor, factor)
    aim = factors[KNOWN.tolist().index(target)]
    given_by = {int(row): weights[at] * aim @ np.linalg.inv(left) @ factors[at] for at, row in enumerate(KNOWN)}
    predicted = traced.score(asked(*did), np.array([target], np.int32))[0]
    np.testing.assert_allclose(max(sum(given_by.values()), 0), predicted, atol=1e-5)
    others = {row: worth for row, worth in given_by.items() if row != target and worth > 0}
    named = traced.source(asked(*did), target)
    if named is None:
        assert not others
    else:
        assert others[named] == pytest.approx(max(others.values()), abs=1e-9)


def test_rows_without_factors_and_empty_pasts_score_nothing() -> None:
    everything = np.arange(N, dtype=np.int32)
    scores = lane().score(asked((1, BUY, 0)), everything)
    assert not scores[~np.isin(everything, KNOWN)].any()
    assert not lane().score(asked(), everything).any()
    assert lane().source(asked((1, BUY, 0)), 0) is None
    assert lane().source(asked(), 1) is None


def test_rare_products_get_no_factor_and_old_purchases_count_less() -> None:
    now = int(NOW.timestamp())
    shoppers = np.repeat(np.arange(6), 2)
    rows = np.array([0, 1] * 5 + [0, 2], np.int32)
    fitted = Taste(factors=2, support=5).fit(shoppers, rows, np.full(12, now), n=4, now=now)
    assert fitted.known.tolist() == [0, 1]
    nobody = Taste(factors=2, support=99).fit(shoppers, rows, np.full(12, now), n=4, now=now)
    assert len(nobody.known) == 0
    assert not nobody.score(asked((0, BUY, 0)), np.arange(4, dtype=np.int32)).any()
    assert nobody.source(asked((0, BUY, 0)), 1) is None


def test_the_same_events_give_the_same_factors_and_they_survive_the_disk(tmp_path: Path) -> None:
    random, now = np.random.default_rng(5), int(NOW.timestamp())
    shoppers, rows = random.integers(0, 20, 200), random.integers(0, N, 200).astype(np.int32)
    at = now - random.integers(0, 90 * 86_400, 200)
    recipe = Taste(factors=4, iterations=3)
    one, other = (recipe.fit(shoppers, rows, at, n=N, now=now) for _ in range(2))
    assert np.array_equal(one.factors, other.factors)
    one.save(tmp_path / "taste")
    loaded = TasteLane.load(tmp_path / "taste", recipe)
    request = asked((3, BUY, 1))
    assert np.array_equal(loaded.score(request, loaded.known), one.score(request, one.known))
