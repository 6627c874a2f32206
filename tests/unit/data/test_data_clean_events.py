"""Whole columns at a time must say exactly what one record at a time says."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.data import interactions
from mercato.data.clean_events import clean_events
from mercato.data.event_ids import EventIds, Occurrences
from mercato.data.records import stored_interaction
from mercato.data.rows import LINE, from_records
from mercato.errors import DataError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDS = st.sampled_from(["u1", " u2 ", "", None, "a\tb", "x" * 513, "é" * 512, "\u3000"]) | st.text(max_size=3)
NUMBERS = st.sampled_from(
    ["", None, "1", "2.0", "2.5", "-1", "nan", "1e3", "12,99", "1000001", "007", " 4 ", "0.005", "1.005"]
)
TIMES = st.sampled_from(
    [
        "2025-01-02T03:04:05Z", "2025-01-02 03:04:05.123456", "2025-01-02T03:04:05+02:00", "2025-01-02T03:04:05.5+0530",
        "2025-01-02", "1700000000", "1700000000123", "1700000000123456", "1700000000.5", "2030-01-01T00:00:00Z", "",
        None, "1969-12-31T23:59:59Z", "2025-13-01T00:00:00Z", "now", "12345", "2025-01-02T03:04:05.1234567Z",
    ]
)  # fmt: skip
KINDS = st.sampled_from(
    ["pv", "Order Completed", "search", "impression", "ADD_TO_CART", "yodel", "", None, "subscribe"]
)
TEXT_EVENTS = st.fixed_dictionaries(
    {"type": KINDS, "shopper_id": IDS, "at": TIMES, "product_id": IDS},
    optional={
        "quantity": NUMBERS, "value": NUMBERS, "position": NUMBERS, "query": IDS, "slate_id": IDS, "event_id": IDS,
        "currency": st.sampled_from(["usd", "JPY", "KWD", "", None, "dollar", "ÄÖÜ"]),
    },
)  # fmt: skip
TYPED_EVENTS = st.fixed_dictionaries(
    {
        "type": st.just("purchase"),
        "shopper_id": st.none() | st.integers(-5, 2**60) | st.sampled_from([3.0, 3.5, math.nan, 1e20]),
        "at": st.integers(-10, 2 * 10**15)
        | st.floats(0, 2e9)
        | st.datetimes(datetime(1969, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001
        "product_id": st.integers(0, 9),
        "value": st.none() | st.floats() | st.integers(-3, 10**10),
        "quantity": st.none() | st.integers(-2, 2_000_000) | st.floats(),
        "position": st.none() | st.booleans(),
    }
)


def one_by_one(frame: pl.DataFrame) -> tuple[list[Any], list[tuple[int, str, str]]]:
    kept, refused = [], []
    for row in frame.iter_rows(named=True):
        line = row.pop(LINE)
        try:
            kept.append(stored_interaction(row, NOW))
        except DataError as error:
            refused.append((line, error.where, error.what))
    return kept, refused


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXT_EVENTS, min_size=1, max_size=6) | st.lists(TYPED_EVENTS, min_size=1, max_size=1))
def test_columns_agree_with_records(records: list[dict[str, Any]]) -> None:
    raw = from_records(list(enumerate(records, 1)))
    typed, rejected = clean_events(raw, NOW)
    kept, refused = one_by_one(raw)
    assert list(interactions(typed)) == kept
    assert [(one.line, one.field, one.reason) for one in rejected] == refused


def test_datetimes_with_zones_and_dates() -> None:
    for dtype in (pl.Datetime("ns"), pl.Datetime("ms", "Europe/Paris"), pl.Date):
        moment = pl.Series("at", [datetime(2025, 6, 1, tzinfo=UTC).replace(tzinfo=None)]).cast(dtype)
        raw = pl.DataFrame({LINE: [1], "type": ["buy"], "shopper_id": [1], "product_id": [2]}).with_columns(moment)
        typed, rejected = clean_events(raw, NOW)
        assert not rejected
        assert abs(typed["at"][0] - datetime(2025, 6, 1, tzinfo=UTC)) <= timedelta(hours=2)


@given(st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=8))
def test_occurrences_count_what_came_before(batches: list[list[int]]) -> None:
    seen, before = Occurrences(), list[int]()
    for batch in batches:
        wanted = [(before + batch[:place]).count(key) for place, key in enumerate(batch)]
        assert seen.number(np.array(batch, np.uint64)).tolist() == wanted
        before += batch


def test_ids_do_not_depend_on_how_rows_fall_into_batches() -> None:
    raw = from_records(
        [(n, {"type": "pv", "shopper_id": n % 2, "product_id": 1, "at": 1_700_000_000}) for n in range(6)]
    )
    typed, _ = clean_events(raw, NOW)
    whole = EventIds().fill(typed)[0]["event_id"].to_list()
    parts = EventIds()
    assert whole == [found for part in typed.iter_slices(2) for found in parts.fill(part)[0]["event_id"]]
    assert len(set(whole)) == 6
