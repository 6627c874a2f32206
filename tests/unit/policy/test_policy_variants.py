"""One row a group against a loop down the ranking."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mercato.policy.variants import best_of_groups, one_a_group
from mercato.schema import Ranking

SCORED = st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0.0, 0.5, 1.0, 2.0])), max_size=40)


def shown(scored: list[tuple[int, float]], seed: int) -> tuple[Ranking, np.ndarray]:
    """Rows of a larger catalogue, ascending, with scores; and the group of every catalogue row."""
    groups = np.random.default_rng(seed).integers(0, 7, 100).astype(np.int32)
    rows = np.arange(3, 3 + 2 * len(scored), 2).astype(np.int32)
    groups[rows] = [group for group, _ in scored]
    scores = np.array([score for _, score in scored], np.float64)
    return Ranking(rows, scores, {"lane:words": scores + 1}), groups


def walked(ranking: Ranking, groups: np.ndarray) -> tuple[list[int], list[int]]:
    """The first row of each group on the way down, and how many there are of it."""
    first: dict[int, int] = {}
    for row in ranking.rows.tolist():
        first.setdefault(int(groups[row]), row)
    sizes = [int((groups[ranking.rows] == group).sum()) for group in first]
    return list(first.values()), sizes


@given(SCORED, st.integers(0, 9))
def test_the_best_of_each_group_stands_for_it(scored: list[tuple[int, float]], seed: int) -> None:
    matched, groups = shown(scored, seed)
    ordered = Ranking.best_first(matched.rows, matched.scores, notes=matched.notes)
    rows, sizes = walked(ordered, groups)
    after = one_a_group(ordered, groups)
    assert (after.rows.tolist(), after.notes["variants"].tolist()) == (rows, sizes)
    before = best_of_groups(matched, groups)
    late = Ranking.best_first(before.rows, before.scores, notes=before.notes)
    assert (late.rows.tolist(), late.notes["variants"].tolist()) == (rows, sizes)
    assert late.notes["lane:words"].tolist() == after.notes["lane:words"].tolist()
    assert sum(sizes) == len(matched)


@given(SCORED, st.integers(0, 9), st.integers(1, 5))
def test_pages_hold_no_group_twice(scored: list[tuple[int, float]], seed: int, k: int) -> None:
    matched, groups = shown(scored, seed)
    leaders = best_of_groups(matched, groups)
    pages = [
        Ranking.best_first(leaders.rows, leaders.scores, (page + 1) * k).rows[page * k :].tolist()
        for page in range(len(leaders) // k + 1)
    ]
    rows = [row for page in pages for row in page]
    assert len(rows) == len(leaders)
    assert len({int(groups[row]) for row in rows}) == len(rows)


def test_in_another_order_another_variant_leads() -> None:
    groups = np.array([0, 0, 1], np.int32)
    cheapest_first = Ranking(np.array([1, 2, 0], np.int32), np.array([0.1, 0.9, 0.5]))
    after = one_a_group(cheapest_first, groups)
    assert after.rows.tolist() == [1, 2]
    assert after.notes["variants"].tolist() == [2, 1]
