"""One live event or product: what is right is typed, what is wrong names its field."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mercato.data import interaction, product, review
from mercato.data.records import shopper
from mercato.errors import DataError
from mercato.schema import EVENT_TYPES, Interaction

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = {"type": "detail-page-view", "shopper_id": "u1", "product_id": "p1"}


def test_a_live_event_needs_no_time_and_no_id() -> None:
    assert interaction(VIEW, NOW) == Interaction("detail-page-view", "u1", product_id="p1")


def test_aliases_money_and_times() -> None:
    event = interaction(
        {
            "event": "Order Completed",
            "userId": 7,
            "timestamp": 1767225600000,
            "sku": 12.0,
            "price": "3.495",
            "currency": "usd",
        },
        NOW,
    )
    assert event == Interaction("purchase-complete", "7", NOW, "12", value=350, currency="USD")


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_is_accepted_with_what_it_needs(kind: str) -> None:
    assert interaction({"type": kind, "shopper_id": "u", "product_id": "p", "query": "q"}, NOW).type == kind


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "yodel"}, "type"),
        ({"type": ""}, "type"),
        ({"type": None}, "type"),
        ({"shopper_id": ""}, "shopper_id"),
        ({"shopper_id": "x" * 513}, "shopper_id"),
        ({"shopper_id": "a\x07b"}, "shopper_id"),
        ({"shopper_id": ["u"]}, "shopper_id"),
        ({"shopper_id": True}, "shopper_id"),
        ({"product_id": ""}, "product_id"),
        ({"product_id": {"id": 1}}, "product_id"),
        ({"at": NOW + timedelta(days=2)}, "at"),
        ({"at": "tomorrow"}, "at"),
        ({"at": math.nan}, "at"),
        ({"at": -5}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1e7}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"value": math.nan}, "value"),
        ({"value": math.inf}, "value"),
        ({"value": "-3"}, "value"),
        ({"value": "cheap"}, "value"),
        ({"value": 10**400}, "value"),
        ({"currency": "dollars"}, "currency"),
        ({"position": -1}, "position"),
        ({"session_id": "s" * 600}, "session_id"),
        ({"query": "q" * 2001}, "query"),
        ({"query": "\ud800"}, "query"),
        ({"type": "search"}, "query"),
        ({"type": "impression", "product_id": ""}, "product_id"),
    ],
)
def test_a_wrong_event_names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(DataError) as caught:
        interaction(VIEW | change, NOW)
    assert caught.value.where == field


def test_a_day_ahead_is_a_clock_that_differs() -> None:
    assert interaction(VIEW | {"at": NOW + timedelta(hours=23)}, NOW).at is not None


def test_a_product_with_everything() -> None:
    found = product(
        {
            "product_id": 5, "name": " Sofa ", "category": "Home>Sofas | Sale", "price": "1,299.00 EUR", "cost": 12,
            "availability": "https://schema.org/OutOfStock", "stock": "3", "images": ["a.jpg", "a.jpg"],
            "attributes": {"colour": ["blue"], "seats": {"numbers": [3]}}, "rating": 4.5, "active": "false",
            "created_at": "2025-01-02", "material": "oak",
        }
    )  # fmt: skip
    assert (found.id, found.title, found.categories) == ("5", "Sofa", ("Home > Sofas", "Sale"))
    assert (found.price, found.currency, found.cost) == (129900, "EUR", 1200)
    assert (found.availability, found.quantity, found.images, found.sellable) == ("out-of-stock", 3, ("a.jpg",), False)
    assert found.attributes == {"material": ("oak",), "colour": ("blue",), "seats": ("3",)}
    assert found.created_at == datetime(2025, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ""}, "id"),
        ({"title": "  "}, "title"),
        ({"title": "t" * 2001}, "title"),
        ({"price": "nan"}, "price"),
        ({"price": -1}, "price"),
        ({"price": 1e13}, "price"),
        ({"cost": "x"}, "cost"),
        ({"quantity": -2}, "quantity"),
        ({"rating": 11}, "rating"),
        ({"availability": "maybe"}, "availability"),
        ({"sellable": "perhaps"}, "sellable"),
        ({"attributes": 5}, "attributes"),
        ({"created_at": "soon"}, "created_at"),
        ({"group_id": "g\n1"}, "group_id"),
    ],
)
def test_a_wrong_product_names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(DataError) as caught:
        product({"id": "1", "title": "t"} | change)
    assert caught.value.where == field


def test_texts_are_read_as_people_read_them() -> None:
    given = {
        "id": "1",
        "title": "AT&amp;T&#xAE; 5 &lt; 6",
        "brand": "M&amp;M",
        "description": "<p>Big <b>red</b> <3</p>",
    }
    read = product(given)
    assert (read.title, read.brand, read.description) == ("AT&T® 5 < 6", "M&M", "Big  red  <3")


def test_long_descriptions_are_cut() -> None:
    assert len(product({"id": "1", "title": "t", "description": "d" * 200_000}).description) == 100_000


@pytest.mark.parametrize(
    ("written", "minor"),
    [("12,99", 1299), ("1,299", 129900), ("$5", 500), (".5", 50), ("1e2", 10000), (0.145, 15), ("€ 3.10", 310)],
)
def test_prices_as_people_write_them(written: Any, minor: int) -> None:
    assert product({"id": "1", "title": "t", "price": written}).price == minor


def test_reviews_and_shoppers() -> None:
    assert review({"asin": "p", "overall": 4, "reviewText": "good"}, NOW).rating == 4.0
    for wrong, field in (
        ({"product_id": "p"}, "rating"),
        ({"product_id": "p", "rating": 9}, "rating"),
        ({"text": "x"}, "product_id"),
    ):
        with pytest.raises(DataError) as caught:
            review(wrong, NOW)
        assert caught.value.where == field
    assert shopper({"user_id": 3, "age": "30-39", "traits": {"vip": True}}) == (
        "3",
        {"age": ("30-39",), "vip": ("True",)},
    )
