"""How often queries are asked and clicked: visits are one search, and few clicks are surely few."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.errors import RequestError
from mercato.feedback.searches import asked, sample, unclicked, wilson
from mercato.stores.impressions import CLICK_COLUMNS, SEARCH_COLUMNS

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def shown(*lists: tuple[Any, ...]) -> pl.DataFrame:
    """(slate, query, total, minutes after noon, shopper) of each list."""
    rows = [
        (slate, query, total, NOON + timedelta(minutes=at), shopper, "") for slate, query, total, at, shopper in lists
    ]
    return pl.DataFrame(rows, SEARCH_COLUMNS, orient="row")


def clicked(*clicks: tuple[Any, ...]) -> pl.DataFrame:
    """(slate, position, shopper) of each click."""
    rows = [(slate, "p", position, shopper) for slate, position, shopper in clicks]
    return pl.DataFrame(rows, CLICK_COLUMNS, orient="row")


def told(frame: pl.DataFrame) -> dict[str, tuple[int, int, int, int]]:
    return {row[0]: tuple(row[1:]) for row in frame.select("query", "times", "found", "clicked", "first").iter_rows()}


def test_lists_of_one_visit_are_one_search() -> None:
    searches = shown(
        ("s1", "Oat  milk", 4, 0, "u"),
        ("s2", "oat milk", 4, 20, "u"),  # the next page, or back from a product
        ("s3", "oat milk", 4, 45, "u"),  # within half an hour of the one before
        ("s4", "oat milk", 4, 100, "u"),
        ("s5", "oat milk", 4, 1, "v"),
        ("s6", "oat milk", 4, 1, ""),
        ("s7", "oat milk", 4, 1, ""),  # nobody knows whether that was the same one
        ("s8", "OAT MILK", 0, 2, "w"),
        ("s9", "  ", 9, 2, "w"),
    )
    clicks = clicked(("s2", 3, "u"), ("s4", 0, "u"), ("s4", 1, "u"), ("s5", 0, "u"), ("s6", None, "x"), ("s?", 0, "u"))
    assert told(asked(searches, clicks)) == {"oat milk": (6, 5, 3, 1)}, "a click by another than the list was made for"
    assert asked(searches, clicks)["last_at"][0] == NOON + timedelta(minutes=100)


def test_without_searches_nothing_is_told() -> None:
    nothing = asked(shown(), clicked())
    assert nothing.is_empty()
    few, rate = unclicked(nothing)
    assert few.is_empty()
    assert rate == 0.0


LISTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "A ", "b"]), st.integers(0, 1), st.integers(0, 200), st.sampled_from(["", "u", "v"])
    ),
    max_size=15,
)


@given(lists=LISTS, hits=st.lists(st.tuples(st.integers(0, 15), st.sampled_from([None, 0, 1])), max_size=10))
def test_counts_are_those_of_a_slow_clerk(
    lists: list[tuple[str, int, int, str]], hits: list[tuple[int, int | None]]
) -> None:
    searches = shown(*((f"s{n}", query, total, at, who) for n, (query, total, at, who) in enumerate(lists)))
    clicks = [(f"s{n}", position, lists[n][3] or "x") for n, position in hits if n < len(lists)]
    visits: list[dict[str, Any]] = []
    for n in sorted(range(len(lists)), key=lambda n: lists[n][2]):
        query, total, at, who = lists[n]
        key = query.strip().lower()
        visit = next((one for one in visits if who and one["of"] == (key, who) and at - one["at"] <= 30), None)
        if visit is None:
            visit = {"of": (key, who), "found": False, "clicked": False, "first": False}
            visits.append(visit)
        visit["at"] = at
        mine = [position for slate, position, _ in clicks if slate == f"s{n}"]
        visit["found"] |= total > 0
        visit["clicked"] |= bool(mine)
        visit["first"] |= 0 in mine
    expected: dict[str, Counter[str]] = {}
    for one in visits:
        expected.setdefault(one["of"][0], Counter()).update(
            times=1, **{name: int(one[name]) for name in ("found", "clicked", "first")}
        )
    found = {query.lower(): counts for query, counts in told(asked(searches, clicked(*clicks))).items()}
    assert found == {
        key: tuple(one[name] for name in ("times", "found", "clicked", "first")) for key, one in expected.items()
    }


def counted(*rows: tuple[str, int, int]) -> pl.DataFrame:
    kinds = {"query": pl.String, "found": pl.Int64, "clicked": pl.Int64}
    return pl.DataFrame(rows, kinds, orient="row")


def test_few_clicks_are_told_only_where_they_are_surely_few() -> None:
    queries = counted(("usual", 100, 60), ("never", 20, 0), ("seldom", 100, 20), ("unlucky", 5, 1), ("lost", 0, 0))
    few, rate = unclicked(queries)
    assert rate == pytest.approx(81 / 225)
    assert few["query"].to_list() == ["seldom", "never"], "most missing clicks first"
    assert few["missing"].to_list() == pytest.approx([100 * rate - 20, 20 * rate])
    assert unclicked(queries, least=21)[0]["query"].to_list() == ["seldom"]
    assert unclicked(counted(("a", 50, 0), ("b", 50, 0)))[0].is_empty(), "nobody clicks anything"


@given(tries=st.integers(1, 500), share=st.floats(0, 1))
def test_the_interval_is_where_the_score_test_turns(tries: int, share: float) -> None:
    hits = round(share * tries)
    low, high = (float(end[0]) for end in wilson(np.array([hits]), np.array([tries])))
    assert 0 <= low + 1e-12 <= hits / tries + 1e-9
    assert hits / tries <= high + 1e-9
    for end in (low, high):
        if 1e-6 < end < 1 - 1e-6:
            assert abs(hits / tries - end) == pytest.approx(1.959964 * np.sqrt(end * (1 - end) / tries), rel=1e-4)


def test_samples() -> None:
    queries, times = [f"q{n}" for n in range(100)], [1000 if n < 3 else 1 for n in range(100)]
    assert sample(queries, times, "frequent", 3) == ["q0", "q1", "q2"]
    assert sample(queries, times, "weighted", 200) == queries
    heavy = [len({"q0", "q1", "q2"} & set(sample(queries, times, "weighted", 10, seed))) for seed in range(20)]
    light = [len({"q0", "q1", "q2"} & set(sample(queries, times, "random", 10, seed))) for seed in range(20)]
    assert min(heavy) == 3
    assert np.mean(light) < 1
    for how in ("weighted", "random"):
        drawn = sample(queries, times, how, 10, seed=1)
        assert drawn == sample(queries, times, how, 10, seed=1)
        assert len(set(drawn)) == 10
    assert sample([], [], "weighted", 5) == []
    with pytest.raises(RequestError, match="no sample"):
        sample(queries, times, "best", 5)
