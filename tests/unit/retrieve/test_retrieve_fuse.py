"""Reciprocal-rank fusion against its definition; a lane that fails is left out and named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.retrieve.fuse import Fused
from mercato.retrieve.popular import PopularIndex
from mercato.schema import Mask, Ranking, Request, Rows, Scores
from shopping import asked

N = 6
COUNTS = arrays(float, N, elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0]))


@dataclass(frozen=True)
class Broken:
    """A lane whose index was lost: it fails from the first call on, or only when it scores."""

    retrieves: bool = False

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        if not self.retrieves:
            raise OSError("gone")
        return Ranking(np.array([5], np.int32), np.array([1.0]))

    def score(self, request: Request, rows: Rows) -> Scores:
        raise OSError("gone")


def fused(counts: list[np.ndarray], **fields: Any) -> Fused:
    return Fused({f"l{number}": PopularIndex(one) for number, one in enumerate(counts)}, **fields)


@given(counts=st.lists(COUNTS, min_size=1, max_size=3), allowed=arrays(bool, N), depth=st.integers(1, 7), watch=COUNTS)
def test_the_pool_is_the_union_scored_by_places(
    counts: list[np.ndarray], allowed: Mask, depth: int, watch: np.ndarray
) -> None:
    gathered, failed = fused(counts, observers={"watch": PopularIndex(watch)}, depth=depth).gather(asked(), allowed)
    expected: dict[int, float] = {}
    for count in counts:
        best = sorted((row for row in range(N) if allowed[row] and count[row] > 0), key=lambda row: (-count[row], row))
        for place, row in enumerate(best[:depth], start=1):
            expected[row] = expected.get(row, 0.0) + 1 / (60 + place)
    assert failed == ()
    assert set(gathered.rows.tolist()) == set(expected)
    np.testing.assert_allclose(gathered.scores, [expected[row] for row in gathered.rows], rtol=1e-12)
    assert np.array_equal(np.lexsort((gathered.rows, -gathered.scores)), np.arange(len(gathered)))
    for number, count in enumerate(counts):
        assert np.array_equal(gathered.notes[f"lane:l{number}"], count[gathered.rows]), "also of rows others found"
    assert np.array_equal(gathered.notes["lane:watch"], watch[gathered.rows])


@given(counts=st.lists(COUNTS, min_size=1, max_size=3), k=st.integers(1, 7))
def test_the_k_best_are_the_beginning_of_the_pool(counts: list[np.ndarray], k: int) -> None:
    both, everything = fused(counts), np.ones(N, bool)
    whole = both.gather(asked(), everything)[0]
    assert np.array_equal(both.retrieve(asked(), everything, k).rows, whole.rows[:k])


def test_a_lane_that_fails_is_left_out_and_named() -> None:
    good = PopularIndex(np.array([3.0, 2.0, 0.0, 0.0, 0.0, 0.0]))
    alone, _ = Fused({"good": good}).gather(asked(), np.ones(N, bool))
    found, failed = Fused({"bad": Broken(), "good": good}).gather(asked(), np.ones(N, bool))
    assert failed == ("bad",)
    assert found.rows.tolist() == alone.rows.tolist() == [0, 1]
    assert set(found.notes) == {"lane:good"}


def test_a_lane_or_observer_that_fails_to_score_is_named_too() -> None:
    good = PopularIndex(np.array([3.0, 2.0, 0.0, 0.0, 0.0, 0.0]))
    lanes = {"half": Broken(retrieves=True), "good": good}
    found, failed = Fused(lanes, {"watch": Broken()}).gather(asked(), np.ones(N, bool))
    assert failed == ("half", "watch")
    assert {0, 1} <= set(found.rows.tolist())
    assert set(found.notes) == {"lane:good"}


def test_when_every_lane_fails_the_pool_is_empty() -> None:
    found, failed = Fused({"bad": Broken(), "worse": Broken()}).gather(asked(), np.ones(N, bool))
    assert len(found) == 0
    assert failed == ("bad", "worse")
