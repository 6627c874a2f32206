"""Metrics against numbers worked out by hand and against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.evaluate.metrics import bootstrap, coverage, gini, head, hit, ndcg, paired, precision
from mercato.evaluate.offline import Case, compare
from shopping import asked

RANKED = st.lists(st.integers(0, 15), unique=True, max_size=12)
WANTED = st.lists(st.integers(0, 15), unique=True, max_size=8)


def rows(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def test_by_hand() -> None:
    ranked, wanted = rows(5, 1, 7, 2), rows(1, 2, 9)
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(ranked, wanted, 4) == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / best)
    assert precision(ranked, wanted, 4) == 0.5
    assert precision(ranked, wanted, 10) == 0.2, "a short list is not forgiven"
    assert (hit(ranked, wanted, 1), hit(ranked, wanted, 2)) == (0, 1)
    assert ndcg(rows(1, 2, 9), wanted, 10) == pytest.approx(1)


@given(ranked=RANKED, wanted=WANTED, k=st.integers(1, 12))
def test_against_the_definitions(ranked: list[int], wanted: list[int], k: int) -> None:
    hits = [row in wanted for row in ranked[:k]]
    gain = sum(1 / math.log2(place + 2) for place, good in enumerate(hits) if good)
    best = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
    assert ndcg(rows(*ranked), rows(*wanted), k) == pytest.approx(gain / best if best else 0)
    assert hit(rows(*ranked), rows(*wanted), k) == float(any(hits))
    assert precision(rows(*ranked), rows(*wanted), k) == pytest.approx(sum(hits) / k)


@given(lists=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), max_size=5))
def test_coverage_and_gini_against_their_definitions(lists: list[list[int]]) -> None:
    shown = [one for each in lists for one in each]
    counts = [shown.count(row) for row in range(5)]
    found = [rows(*each) for each in lists]
    assert coverage(found, 5) == pytest.approx(len(set(shown)) / 5)
    apart = sum(abs(one - other) for one in counts for other in counts)
    assert gini(found, 5) == pytest.approx(apart / (2 * 5 * sum(counts)) if shown else 0)


def test_gini_of_equal_and_of_lonely_shares() -> None:
    assert gini([rows(0, 1, 2, 3)], 4) == 0
    assert gini([rows(2, 2, 2)], 4) == pytest.approx(3 / 4)
    assert coverage([], 4) == gini([], 4) == 0


def test_head_is_the_smallest_set_of_best_sellers_that_holds_the_share() -> None:
    assert head(np.array([1.0, 5, 2, 2]), 0.7).tolist() == [False, True, True, False]
    assert head(np.array([8.0, 2]), 0.8).tolist() == [True, False]
    assert not head(np.zeros(3)).any()
    assert len(head(np.empty(0))) == 0


def test_an_interval_holds_its_mean_and_narrows_with_more_cases() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    few, many = bootstrap(values[:50]), bootstrap(values)
    assert few.low < few.mean < few.high
    assert many.high - many.low < few.high - few.low
    assert many.mean == pytest.approx(values.mean())
    # the normal approximation: the mean plus and minus 1.96 standard errors
    assert many.high - many.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert bootstrap(values) == many, "the same seed, the same interval"
    assert math.isnan(bootstrap([]).mean)
    assert bootstrap([2.0, 2.0]).to_dict() == {"mean": 2.0, "low": 2.0, "high": 2.0}


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_a_paired_difference_is_seen_and_no_difference_is_not(shift: float) -> None:
    theirs = np.random.default_rng(1).normal(0, 1, 200)
    noise = np.random.default_rng(2).normal(0, 0.5, 200)
    ahead, p = paired(theirs + shift + noise, theirs)
    assert ahead.low > 0
    assert p < 0.01
    behind, p = paired(theirs, theirs + shift + noise)
    assert behind.high < 0
    assert p < 0.01
    same, p = paired(theirs + noise - noise.mean(), theirs)
    assert same.low < 0 < same.high
    assert p > 0.5


def test_rankers_are_compared_on_the_same_cases() -> None:
    cases = [Case(asked(), rows(number % 3)) for number in range(30)]
    good, bad = rows(0, 1, 2), rows(5, 4)
    table = compare(cases, {"bad": lambda _: bad, "ours": lambda _: good}, "ours", np.array([9.0, 9, 9, 9, 1, 1]), k=3)
    null, ours = table
    assert (null["model"], ours["ours"]) == ("bad", True)
    assert ours["hr@3"]["mean"] == 1
    assert ours["ndcg@3"]["mean"] == pytest.approx((1 + 1 / math.log2(3) + 0.5) / 3, abs=1e-4)
    assert (ours["coverage@3"], ours["tail_share@3"], null["tail_share@3"]) == (0.5, 0, 1)
    assert null["hr@3"]["mean"] == 0
    assert null["ours_ahead"]["mean"] == ours["ndcg@3"]["mean"]
    assert null["ours_ahead"]["p"] < 0.01
    assert "ours_ahead" not in ours
