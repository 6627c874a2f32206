"""Events as columns, by shopper, by session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import RequestError
from mercato.schema import Interaction
from mercato.stores import events
from mercato.stores.sqlite import ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path, create=True) as opened:
        yield opened


def view(number: int, shopper: str = "u1", session: str = "s1") -> Interaction:
    at = NOON + timedelta(seconds=number, microseconds=number)
    return Interaction("detail-page-view", shopper, at, f"p{number}", session_id=session, event_id=f"e{number}")


def test_the_columns_are_the_fields_of_an_interaction() -> None:
    assert tuple(events.COLUMNS) == tuple(one.name for one in fields(Interaction))


@settings(max_examples=50)
@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(exclude_categories=["Cs"])))
def test_a_row_gives_back_the_event(at: datetime, text: str) -> None:
    event = Interaction("search", text, at, query=text, event_id="e")
    assert events.event_of(events.event_row(event)) == event


def test_the_frame_equals_the_events_read_one_by_one(store: ShopStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_CHUNK", 7)
    monkeypatch.setattr(events, "_PAGE", 5)
    odd = Interaction("search", "u\0", NOON, query='"\\\n\u2028沙', value=-(2**63), position=2**63 - 1, event_id="odd")
    store.append([view(number) for number in range(20)] + [odd])
    for after in (0, 6, 7, 20, 21, 99):
        frame = store.events_frame(after)
        kept = list(store.read(after))
        assert frame.schema == {"seq": pl.Int64, **events.COLUMNS}
        assert frame["seq"].to_list() == [seq for seq, _ in kept]
        assert [Interaction(*row[1:]) for row in frame.iter_rows()] == [one for _, one in kept]


def test_the_frame_has_the_columns_asked_for(store: ShopStore) -> None:
    store.append([view(1)])
    assert store.events_frame(columns=["at", "product_id"]).rows() == [(1, view(1).at, "p1")]
    assert store.events_frame(columns=[]).columns == ["seq"]
    with pytest.raises(RequestError, match="no column 'seq; DROP TABLE'"):
        store.events_frame(columns=["seq; DROP TABLE"])


def test_the_newest_events_of_one_shopper_or_session_oldest_first(store: ShopStore) -> None:
    store.append([view(number, f"u{number % 2}", f"s{number % 3}") for number in range(1, 13)])
    assert [seq for seq, _ in store.shopper_events("u1", after=2, limit=3)] == [7, 9, 11]
    assert [seq for seq, _ in store.session_events("s0", limit=3)] == [6, 9, 12]
    assert store.shopper_events("u1", limit=1)[0][1] == view(11, "u1", "s2")
    assert store.session_events("none") == []
