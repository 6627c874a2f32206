"""Which queries may be offered to others: asked by enough, of nobody, answered; what was chosen and asked next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.feedback.asked import EVENTS, SEARCHES, Asked, asked
from mercato.schema import Impression, Interaction, Product
from mercato.stores.impressions import SEARCH_COLUMNS
from mercato.stores.sqlite import ShopStore

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
CATALOG = Catalog.build(Product(f"p{n}", f"Product {n}") for n in range(5))
TIME = pl.Datetime("us", "UTC")
KINDS = {"at": TIME} | {name: pl.String for name in EVENTS if name != "at"}


def event(type: str, who: str, minute: float = 0, **more: str) -> dict[str, Any]:
    return {"type": type, "shopper_id": who, "at": BEGIN + timedelta(minutes=minute), **more}


def learned(events: list[dict[str, Any]], searches: list[dict[str, Any]] | None = None, **more: Any) -> Asked:
    empty = dict.fromkeys(("product_id", "session_id", "query", "slate_id"), "")
    log = pl.DataFrame([{**empty, **one} for one in events], schema=KINDS)
    lists = pl.DataFrame([{"shopper_id": "", "session_id": "", **one} for one in searches or ()], schema=SEARCH_COLUMNS)
    return asked(log, lists, CATALOG, **more)


def regulars(query: str, n: int = 3, minute: float = 0, product: str = "p1") -> Iterator[dict[str, Any]]:
    """``n`` shoppers who ask and look at a product."""
    for who in range(n):
        yield event("search", f"u{who}", minute, query=query)
        yield event("detail-page-view", f"u{who}", minute + 1, product_id=product)


def test_a_query_is_offered_once_three_shoppers_asked_it() -> None:
    assert learned([*regulars("oat milk", 2), *regulars("oat milk", 2)]).texts == ()
    found = learned([*regulars("oat milk"), *regulars("Oat  Milks", 2, 40)])
    assert found.popular() == [("oat milk", 3, 1)]
    assert learned([*regulars("oat milk", 1)], least=1).texts == ("oat milk",)


def test_a_misspelt_query_counts_as_what_the_shop_read() -> None:
    log = [*regulars("oat mlik"), *regulars("oat milk", 1)]
    found = learned(log, corrected=lambda query: "oat milk" if "mlik" in query else "")
    assert found.popular() == [("oat milk", 3, 1)]


@pytest.mark.parametrize(
    "private",
    [
        "jo@example.com",
        "milk for JO @example.com x@y",
        "555-123-4567",
        "(555) 123 45 67",
        "4111111111111111",
        "１２３４５６７",
    ],
)
def test_what_may_say_who_somebody_is_never_is(private: str) -> None:
    assert learned(list(regulars(private, 9))).texts == ()


@pytest.mark.parametrize("harmless", ["13 inch tv", "iphone 15 pro", "2x4 12 ft", "b07xj8c8f5", "1/2 in 90 elbow"])
def test_numbers_of_things_are_harmless(harmless: str) -> None:
    assert learned(list(regulars(harmless))).texts == (harmless,)


def test_a_query_that_found_nothing_or_led_nowhere_is_not_offered() -> None:
    asks = [event("search", f"u{who}", query="tofu") for who in range(5)]
    assert learned(asks).texts == ()
    nothing = {"slate_id": "a", "query": "tofu", "total": 0, "at": BEGIN}
    looked = [*asks, *(event("detail-page-view", f"u{who}", 1, product_id="p2") for who in range(2))]
    assert learned(looked, [nothing]).texts == ()
    assert learned(looked, [nothing, {**nothing, "slate_id": "b", "total": 3}]).popular() == [("tofu", 5, 2)]


def test_lists_that_were_answered_count_as_asked_and_say_what_was_chosen() -> None:
    lists = [
        {"slate_id": f"l{n}", "query": "rice", "total": 9, "at": BEGIN, "shopper_id": "", "session_id": f"s{n}"}
        for n in range(3)
    ]
    bought = event("purchase-complete", "u9", 600, product_id="p3", slate_id="l1")
    found = learned([bought], lists)
    assert found.popular() == [("rice", 3, 3)]
    assert learned([bought], [{**one, "session_id": ""} for one in lists]).texts == (), "of nobody known"
    elsewhere = event("detail-page-view", "u9", 600, product_id="p3", slate_id="home")
    assert learned([elsewhere], lists).texts == (), "a list that was no search"


def test_what_is_done_within_half_an_hour_counts_for_the_last_search() -> None:
    log = [
        *regulars("oat milk", 3, 0, "p1"),
        *regulars("soy milk", 3, 10, "p2"),
        event("detail-page-view", "u0", 39, product_id="p4"),
        event("detail-page-view", "u0", 41, product_id="p0"),
        event("purchase-complete", "u0", 12, product_id="p3"),
        event("detail-page-view", "u7", 12, product_id="p3"),
        event("detail-page-view", "u0", 12, product_id="gone"),
    ]
    found = learned(log)
    pairs = zip(found.queries.tolist(), found.rows.tolist(), found.weights.tolist(), strict=True)
    assert {(found.texts[query], row, n) for query, row, n in pairs} == {
        ("oat milk", 1, 3),
        ("soy milk", 2, 3),
        ("soy milk", 4, 1),
    }


def test_steps_are_of_one_visit_and_of_enough_shoppers() -> None:
    log = [
        *regulars("wine", 3, 0),
        *regulars("corkscrew", 3, 20),
        *regulars("candles", 3, 100),
        *regulars("olives", 2, 110),
    ]
    log += regulars("olives", 1, 500)
    found = learned(log)
    steps = zip(found.first.tolist(), found.then.tolist(), found.walkers.tolist(), strict=True)
    assert [(found.texts[one], found.texts[other], n) for one, other, n in steps] == [("wine", "corkscrew", 3)]


QUERIES = ("milk", "oat milk", "Milks", "a@b.c")
LOG = st.lists(
    st.tuples(st.sampled_from(QUERIES), st.integers(0, 4), st.integers(0, 100), st.sampled_from(["", "p1", "p2"])),
    max_size=30,
)


@settings(max_examples=25)
@given(LOG, st.integers(1, 4))
def test_never_fewer_shoppers_than_the_floor(log: list[tuple[str, int, int, str]], least: int) -> None:
    events = []
    for query, who, minute, product in log:
        events.append(event("search", f"u{who}", minute, query=query))
        if product:
            events.append(event("detail-page-view", f"u{who}", minute, product_id=product))
    found = learned(events, least=least)
    who_asked = {"milk": {one[1] for one in log if one[0] != "oat milk" and "@" not in one[0]}}
    who_asked["oat milk"] = {one[1] for one in log if one[0] == "oat milk"}
    for text, shoppers, favourite in found.popular():
        assert shoppers == len(who_asked[text.removesuffix("s")]) >= least
        assert favourite in (1, 2)
    assert found.walkers.min(initial=least) >= least
    assert sorted(found.shoppers.tolist(), reverse=True) == found.shoppers.tolist()


def test_the_shop_hands_over_what_is_read(tmp_path: Path) -> None:
    shown = Impression("l1", "search", BEGIN, "u1", "s1", "rice", ("p1",), (1.0,), {}, 7, {})
    with ShopStore.open(tmp_path / "shop", create=True) as store:
        for one in ("l1", "l2"):
            store.log_impression(
                Impression(**{**{name: getattr(shown, name) for name in shown.__slots__}, "slate_id": one})
            )
        store.log_impression(Impression("l3", "home", BEGIN, "u1", "", "", ("p1",), (1.0,), {}, 7, {}))
        store.append([Interaction("search", "u1", BEGIN, query="rice", event_id="e1")])
        frame = store.searches_frame(BEGIN)
        assert tuple(frame.columns) == SEARCHES
        assert frame.row(0) == ("l2", "rice", 7, BEGIN, "u1", "s1")
        assert len(frame) == 2
        assert len(store.searches_frame(BEGIN + timedelta(seconds=1))) == 0
        assert len(store.searches_frame(BEGIN, most=1)) == 1
        assert asked(store.events_frame(columns=EVENTS), frame, CATALOG).texts == ()
