"""Histories: the snapshot and what was recorded since are one past, in order, with the same grades."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.feedback.histories import Events, Histories
from mercato.schema import GRADES, REPEAT_GRADE, History, Interaction, Product
from shopping import BUY, CART, NOW, VIEW

CATALOG = Catalog.build(Product(id=f"p{row}", title="x") for row in range(5))
TYPES = ("detail-page-view", "add-to-cart", "purchase-complete", "search", "remove-from-cart")
SECONDS = int(NOW.timestamp())
SCHEMA = {
    "type": pl.String, "shopper_id": pl.String, "product_id": pl.String, "at": pl.Datetime("us", "UTC"),
    "session_id": pl.String,
}  # fmt: skip


def event(kind: str, product: int, minutes: float = 0, shopper: str = "u", session: str = "") -> Interaction:
    """What ``shopper`` did that many minutes before NOW."""
    return Interaction(kind, shopper, NOW - timedelta(minutes=minutes), f"p{product}", session_id=session)


def buy(product: int, minutes: float = 0, shopper: str = "u", session: str = "") -> Interaction:
    return event("purchase-complete", product, minutes, shopper, session)


def snapshot(events: list[Interaction]) -> Events:
    rows = [{name: getattr(one, name) for name in SCHEMA} for one in events]
    return Events.from_frame(pl.DataFrame(rows, schema=SCHEMA), CATALOG)


def histories(kept: list[Interaction], live: list[Interaction] | None = None) -> Histories:
    found = Histories(snapshot(kept), CATALOG)
    found.add(live or [])
    return found


def told(history: History) -> list[tuple[int, int, int]]:
    """(row, grade, minutes before NOW) of each event."""
    minutes = (SECONDS - history.at) // 60
    return list(zip(history.rows.tolist(), history.grades.tolist(), minutes.tolist(), strict=True))


def test_only_graded_events_of_known_products_are_kept_and_the_rest_is_counted() -> None:
    events = snapshot(
        [event("detail-page-view", 0, 9), event("search", 1, 8), event("add-to-cart", 1, 7), buy(99, 6), buy(2, 5)]
    )
    assert told(events.history(0)) == [(0, VIEW, 9), (1, CART, 7), (2, BUY, 5)]
    assert events.unknown == 1
    assert len(events) == 3


def test_a_second_purchase_of_a_product_is_a_repeat_and_a_view_after_it_is_not() -> None:
    events = snapshot(
        [event("detail-page-view", 0, 9), buy(0, 8), event("detail-page-view", 0, 7), buy(0, 6), buy(1, 5)]
    )
    assert [grade for _, grade, _ in told(events.history(0))] == [VIEW, BUY, VIEW, REPEAT_GRADE, BUY]


def test_each_shopper_has_their_own_past_whatever_the_order_of_the_log() -> None:
    events = snapshot([buy(1, 1, "b"), buy(0, 9, "a"), buy(2, 5, "b"), buy(0, 3, "a")])
    assert events.shoppers == ("a", "b")
    assert told(events.history(0)) == [(0, BUY, 9), (0, REPEAT_GRADE, 3)]
    assert told(events.history(1)) == [(2, BUY, 5), (1, BUY, 1)]


def test_baskets_are_sessions_or_days_and_never_shared_between_shoppers() -> None:
    day = 24 * 60
    events = snapshot(
        [buy(0, 1, "a", "s1"), buy(1, 3 * day, "a", "s1"), buy(2, 2, "a"), buy(3, 5, "a"), buy(4, day, "a"),
         buy(0, 1, "b", "s1"), buy(2, 2, "b")]
    )  # fmt: skip
    basket = {
        (events.shoppers[owner], int(row)): int(number)
        for owner, row, number in zip(events.owner, events.rows, events.baskets, strict=True)
    }
    assert basket["a", 0] == basket["a", 1], "one session"
    assert basket["a", 2] == basket["a", 3] != basket["a", 4], "one day"
    assert len(set(basket.values())) == 5


def test_a_snapshot_comes_back_from_the_disk(tmp_path: Path) -> None:
    events = snapshot([buy(0, 9), buy(1, 8, "ü", "s"), event("add-to-cart", 2, 7)])
    events.save(tmp_path / "events")
    loaded = Events.load(tmp_path / "events")
    assert loaded.shoppers == events.shoppers
    for name in ("owner", "rows", "grades", "at", "baskets"):
        assert np.array_equal(getattr(loaded, name), getattr(events, name))


def test_no_events_are_an_empty_snapshot(tmp_path: Path) -> None:
    empty = snapshot([])
    empty.save(tmp_path / "events")
    assert len(Events.load(tmp_path / "events")) == 0
    assert len(Histories(empty, CATALOG).of("u", "", SECONDS)) == 0


@settings(deadline=None)
@given(
    drawn=st.lists(
        st.tuples(st.sampled_from(TYPES), st.integers(0, 5), st.integers(-3, 60), st.sampled_from("ab")), max_size=12
    ),
    cut=st.integers(0, 12),
)
def test_what_was_recorded_live_counts_as_if_it_had_been_in_the_snapshot(drawn: list[Any], cut: int) -> None:
    log = [event(*one) for one in sorted(drawn, key=lambda one: -one[2])]
    whole, joined = histories(log), histories(log[:cut], log[cut:])
    for shopper in "ab":
        mine = [one for one in log if one.shopper_id == shopper and one.at <= NOW and one.product_id != "p5"]
        expected = [(one.product_id, one.at) for one in mine if GRADES.get(one.type)]
        found = joined.of(shopper, "", SECONDS)
        assert [CATALOG.ids[row] for row in found.rows] == [product for product, _ in expected]
        assert told(found) == told(whole.of(shopper, "", SECONDS))


def test_live_events_that_come_late_are_put_in_their_place() -> None:
    found = histories([buy(0, 30), buy(1, 10)], [buy(3, 5), buy(2, 20)]).of("u", "", SECONDS)
    assert [row for row, _, _ in told(found)] == [0, 2, 1, 3]


def test_the_future_is_not_known_yet() -> None:
    both = histories([buy(0, 30), buy(1, 10)], [buy(2, 5)])
    assert [row for row, _, _ in told(both.of("u", "", SECONDS - 7 * 60))] == [0, 1]
    assert len(both.of("u", "", SECONDS - 3600)) == 0


def test_a_session_speaks_for_a_shopper_never_seen_and_adds_to_a_known_one() -> None:
    live = [event("detail-page-view", 3, 2, "", "s1"), event("detail-page-view", 4, 1, "guest", "s1")]
    both = histories([buy(0, 30)], live)
    assert [row for row, _, _ in told(both.of("", "s1", SECONDS))] == [3, 4]
    assert [row for row, _, _ in told(both.of("u", "s1", SECONDS))] == [0, 3, 4]
    assert [row for row, _, _ in told(both.of("u", "", SECONDS))] == [0]
    assert len(both.of("nobody", "nowhere", SECONDS)) == 0


def test_an_event_of_shopper_and_session_counts_once() -> None:
    both = histories([], [event("add-to-cart", 3, 2, "u", "s1")])
    assert told(both.of("u", "s1", SECONDS)) == [(3, CART, 2)]


def test_a_forgotten_shopper_has_no_live_past_and_nor_has_their_session() -> None:
    both = histories([], [buy(3, 2, "u", "s1"), buy(4, 1, "v", "s1")])
    both.forget("u")
    assert len(both.of("u", "", SECONDS)) == 0
    assert [row for row, _, _ in told(both.of("", "s1", SECONDS))] == [4]


@pytest.mark.parametrize(
    "wrong", [buy(99), replace(buy(1), product_id=""), event("search", 1), replace(buy(1), at=None)]
)
def test_live_events_that_say_nothing_are_passed_over(wrong: Interaction) -> None:
    assert len(histories([], [wrong]).of("u", "", SECONDS)) == 0
