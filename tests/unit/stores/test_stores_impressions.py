"""What was shown: kept without waiting, read back, bounded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mercato.schema import Impression, Interaction
from mercato.stores import writer
from mercato.stores.sqlite import ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOWN = Impression(
    "s1", "search", NOON, "u1", "", "sofa", ("p1", "p2"), (2.0, 1.5), {"term:words": (1.0, 0.5)}, 2,
    {"index": "7"}, ("dense",),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path, create=True) as opened:
        yield opened


def test_an_impression_comes_back_whole(store: ShopStore) -> None:
    store.log_impression(SHOWN)
    assert store.impression("s1") == SHOWN
    assert store.impression("none") is None


def test_a_number_that_json_cannot_hold_comes_back_as_nan(store: ShopStore) -> None:
    store.log_impression(replace(SHOWN, scores=(math.nan, 1.0)))
    found = store.impression("s1")
    assert found is not None
    assert math.isnan(found.scores[0])
    assert found.scores[1] == 1.0


def test_closing_writes_what_was_logged(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        for number in range(50):
            store.log_impression(replace(SHOWN, slate_id=f"s{number}"))
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert [one.slate_id for one in store.recent_impressions(3)] == ["s49", "s48", "s47"]
        assert store.record_counts()["slates"] == 50


def test_what_was_shown_is_on_disk_before_what_it_led_to(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store, ShopStore.open(tmp_path, read_only=True) as reader:
        for number in range(20):
            name = f"s{number}"
            store.log_impression(replace(SHOWN, slate_id=name))
            store.append([Interaction("detail-page-view", "u1", NOON, "p1", slate_id=name, event_id=name)])
            assert reader.impression(name) is not None


def test_a_slate_twice_keeps_the_first(store: ShopStore) -> None:
    store.log_impression(SHOWN)
    store.log_impression(replace(SHOWN, query="lamp"))
    assert store.impression("s1") == SHOWN
    assert store.impressions_dropped == 0


def test_too_many_waiting_drop_the_oldest_and_are_counted(store: ShopStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ASIDES", 10)
    with store.bulk():  # nothing else is written meanwhile
        for number in range(100):
            store.log_impression(replace(SHOWN, slate_id=f"s{number}"))
    store.flush()
    kept = store.record_counts()["slates"]
    assert kept + store.impressions_dropped == 100
    assert [one.slate_id for one in store.recent_impressions(10)] == [f"s{number}" for number in range(99, 89, -1)]


def test_an_impression_that_cannot_be_kept_is_counted_not_raised(store: ShopStore) -> None:
    store.log_impression(replace(SHOWN, query="\ud800"))
    store.log_impression(replace(SHOWN, slate_id="s2"))
    assert store.impressions_dropped == 1
    assert [one.slate_id for one in store.recent_impressions()] == ["s2"]


def test_searches_that_found_nothing(store: ShopStore) -> None:
    searches = [("sofa", 3), ("lmap", 0), ("zebra", 0), ("lmap", 0), ("", 0), ("lmap", 1)]
    for minute, (query, total) in enumerate(searches):
        at = NOON + timedelta(minutes=minute)
        store.log_impression(replace(SHOWN, slate_id=f"s{minute}", query=query, total=total, at=at))
    assert store.empty_searches() == [
        ("lmap", 2, NOON + timedelta(minutes=3)),
        ("zebra", 1, NOON + timedelta(minutes=2)),
    ]
    assert len(store.empty_searches(1)) == 1


def test_lists_that_somebody_acted_on_come_back_with_what_was_done(store: ShopStore) -> None:
    for number in range(5):
        shown = replace(SHOWN, slate_id=f"s{number}", placement="home", at=NOON + timedelta(days=number))
        store.log_impression(shown)
    store.log_impression(replace(SHOWN, slate_id="found"))
    did = [("s4", "detail-page-view"), ("s3", "impression"), ("s2", "detail-page-view"), ("s2", "purchase-complete")]
    did += [("s0", "add-to-cart"), ("found", "add-to-cart"), ("", "add-to-cart"), ("never shown", "add-to-cart")]
    store.append(
        [Interaction(kind, "u1", NOON, "p1", slate_id=slate, event_id=f"{n}") for n, (slate, kind) in enumerate(did)]
    )
    found = list(store.answered(NOON + timedelta(days=1), ("home",), 10))
    assert [shown.slate_id for shown, _ in found] == ["s2", "s4"], "not viewed, too old, search, no list, no such list"
    assert sorted(found[0][1]) == [("p1", "detail-page-view", "u1"), ("p1", "purchase-complete", "u1")]
    assert [shown.slate_id for shown, _ in store.answered(NOON, ("home",), 1)] == ["s4"]
