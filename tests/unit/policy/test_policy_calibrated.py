"""Lists in the proportions of the shopper's history, against Steck's formula written out slowly."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.catalog import Catalog
from mercato.policy.calibrated import Calibrated, branches
from mercato.policy.places import relevance
from mercato.schema import Product, Ranking, Request
from shopping import BUY, VIEW, asked

N = 9
CODES = arrays(np.int32, N, elements=st.integers(-1, 3))
PASTS = st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from([VIEW, BUY]), st.integers(0, 300)), max_size=6)


def slow_divergence(codes: np.ndarray, request: Request, rows: list[int], alpha: float = 0.01) -> float:
    weights: dict[int, float] = {}
    for row, grade, at in zip(request.history.rows, request.history.grades, request.history.at, strict=True):
        weight = grade / 3 * 0.5 ** ((request.now - at) / 86_400 / 80)
        if codes[row] >= 0:
            weights[int(codes[row])] = weights.get(int(codes[row]), 0.0) + weight
    found = 0.0
    for code, weight in weights.items():
        p = weight / sum(weights.values())
        q = sum(codes[row] == code for row in rows) / len(rows)
        found += p * log(p / ((1 - alpha) * q + alpha * p))
    return found


@st.composite
def lists(draw: st.DrawFn) -> Ranking:
    rows = np.array(draw(st.lists(st.integers(0, N - 1), unique=True, min_size=1)), np.int32)
    return Ranking(rows, np.sort(draw(arrays(float, len(rows), elements=st.integers(0, 20))))[::-1].copy())


@given(ranking=lists(), codes=CODES, did=PASTS, strength=st.sampled_from([0.1, 0.5, 1.0]), first=st.integers(1, N))
def test_every_place_goes_to_the_best_trade(
    ranking: Ranking, codes: np.ndarray, did: list[tuple[int, int, float]], strength: float, first: int
) -> None:
    request, worth = asked(*did, k=1), relevance(ranking.scores)
    shown = Calibrated(codes, strength, first=first).apply(request, ranking)
    order = [ranking.rows.tolist().index(row) for row in shown.rows.tolist()]

    def worth_of(chosen: list[int]) -> float:
        divergence = slow_divergence(codes, request, ranking.rows[chosen].tolist())
        return (1 - strength) * worth[chosen].sum() - strength * divergence

    if not any(codes[row] >= 0 for row, _, _ in did):
        assert shown is ranking, "nothing is known of the shopper"
        return
    for place in range(min(first, len(ranking))):
        best = max(worth_of([*order[:place], row]) for row in order[place:])
        assert worth_of(order[: place + 1]) == pytest.approx(best, abs=1e-9)
    assert order[first:] == sorted(order[first:]), "the rest follows in its own order"


@given(ranking=lists(), codes=CODES, did=PASTS)
def test_the_divergence_is_stecks(ranking: Ranking, codes: np.ndarray, did: list[tuple[int, int, float]]) -> None:
    request = asked(*did)
    expected = slow_divergence(codes, request, ranking.rows.tolist())
    assert Calibrated(codes).divergence(request, ranking.rows) == pytest.approx(expected, abs=1e-9)


def test_a_third_of_the_history_is_a_third_of_the_list() -> None:
    codes = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1], np.int32)
    ranking = Ranking(np.arange(9, dtype=np.int32), 9.0 - np.arange(9))
    request = asked((0, BUY, 2), (1, BUY, 2), (6, BUY, 2))
    shown = Calibrated(codes, 0.9, first=6).apply(request, ranking)
    assert sorted(codes[shown.rows[:6]].tolist()) == [0, 0, 0, 0, 1, 1]
    assert Calibrated(codes).divergence(request, shown.rows[:6]) == pytest.approx(0.0, abs=1e-12)
    assert Calibrated(codes, 0.0).apply(request, ranking) is ranking


def test_branches_are_the_first_names_of_the_first_category() -> None:
    paths = [("b > x > y",), ("a > z", "b > x"), ("a",), ()]
    catalog = Catalog.build([Product(str(place), "", categories=given) for place, given in enumerate(paths)])
    broad, narrow = branches(catalog), branches(catalog, 2)
    assert broad[1] == broad[2] != broad[0]
    assert broad[3] == narrow[2] == narrow[3] == -1
    assert narrow[0] != narrow[1]
    assert branches(Catalog.build([Product("1", "bare")])).tolist() == [-1]
