"""Round edges: few digits, no part empty, parts of similar size where the numbers allow it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.facets.edges import round_edges

NUMBERS = st.lists(
    st.floats(-1e9, 1e9, allow_subnormal=False) | st.integers(-3, 30).map(float) | st.sampled_from([1.99, 4.99]),
    min_size=1,
    max_size=80,
)


@given(NUMBERS, st.integers(1, 7), st.booleans())
def test_no_part_is_empty_and_edges_ascend(numbers: list[float], parts: int, of_time: bool) -> None:
    edges = round_edges(np.sort(numbers), parts, of_time=of_time)
    assert len(edges) <= max(parts - 1, 0)
    assert (np.diff(edges) > 0).all()
    assert np.bincount(np.searchsorted(edges, numbers, "right"), minlength=len(edges) + 1).min() > 0


@given(st.integers(0, 1000), st.integers(1, 4))
def test_at_least_five_parts_where_numbers_differ(seed: int, scale: int) -> None:
    numbers = np.sort(np.random.default_rng(seed).lognormal(scale, 1, 400).round(2))
    edges = round_edges(numbers, 6)
    counts = np.bincount(np.searchsorted(edges, numbers, "right"))
    assert 5 <= len(counts) <= 6
    assert counts.max() <= 4 * counts.min()


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (np.arange(1, 2001) / 100, [4, 7, 10, 14, 17]),
        ([1.0] * 20, []),
        ([1, 2, 3, 4, 5] * 20, [2, 3, 4, 5]),
        ([0, 0, 0, 1e-9], [1e-9]),
        ([1.0, float(np.nextafter(1, 2))], [float(np.nextafter(1, 2))]),
        ([1000.01, 1000.02, 1000.03], [1000.02, 1000.03]),
    ],
)
def test_edges_a_person_would_choose(numbers: list[float], expected: list[float]) -> None:
    assert round_edges(np.sort(np.array(numbers, float)), 6).tolist() == expected


def test_times_are_cut_at_months_and_days() -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    of_two_years = begin + np.arange(730) * 86_400.0
    edges = [datetime.fromtimestamp(edge, UTC) for edge in round_edges(of_two_years, 6, of_time=True)]
    assert len(edges) == 5
    assert all((edge.day, edge.hour) == (1, 0) for edge in edges)
    of_a_day = begin + np.arange(24 * 60) * 60.0
    assert all(edge % 3600 == 0 for edge in round_edges(of_a_day, 6, of_time=True))
