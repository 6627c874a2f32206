"""One noun, one JSON form: what goes out comes back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato import codec, data
from mercato.errors import DataError
from mercato.schema import EVENT_TYPES, Impression, Interaction, Item, Product, Review, Slate
from shopping import NOW

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda one: one.strip() == one
)
CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", ""])
MINOR = st.integers(0, 10**12)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2026, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis asks for naive bounds
PRODUCTS = st.builds(
    Product,
    id=WORDS,
    title=WORDS,
    description=st.just("") | WORDS,
    categories=st.lists(WORDS, max_size=2).map(tuple),
    brand=st.just("") | WORDS,
    price=st.none() | MINOR,
    currency=CURRENCIES,
    cost=st.none() | MINOR,
    availability=st.sampled_from(["in-stock", "out-of-stock"]),
    quantity=st.none() | st.integers(0, 1000),
    images=st.lists(WORDS, max_size=2).map(tuple),
    attributes=st.dictionaries(WORDS, st.lists(WORDS, max_size=2).map(tuple), max_size=2),
    rating=st.none() | st.floats(0, 5),
    rating_count=st.none() | st.integers(0, 9),
    group_id=st.just("") | WORDS,
    created_at=st.none() | TIMES,
    url=st.just("") | WORDS,
    language=st.just("") | WORDS,
    sellable=st.booleans(),
)


def through_json(record: Any) -> Any:
    return json.loads(codec.dumps(record))


@given(PRODUCTS)
def test_a_product_comes_back(product: Product) -> None:
    assert codec.product_from_dict(through_json(codec.product_to_dict(product))) == product


@given(amount=st.integers(-(10**12), 10**12), currency=CURRENCIES)
def test_money_comes_back_to_the_last_minor_unit(amount: int, currency: str) -> None:
    assert codec.to_minor(codec.to_major(amount, currency), currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("3.495", "USD", 350),
        (-3.495, "USD", -350),
        (0.1 + 0.2, "EUR", 30),
        (120.5, "JPY", 121),
        ("1.2345", "KWD", 1235),
    ],
)
def test_halves_go_away_from_zero(amount: Any, currency: str, minor: int) -> None:
    assert codec.to_minor(amount, currency) == minor


@given(TIMES)
def test_a_time_comes_back_in_every_spelling(moment: datetime) -> None:
    assert codec.to_time(codec.from_time(moment)) == moment
    whole = moment.replace(microsecond=0)
    assert codec.to_time(whole.timestamp()) == codec.to_time(whole.isoformat()) == whole
    assert codec.to_time(whole.astimezone(timezone(timedelta(hours=-7)))) == whole
    assert codec.to_time(moment.replace(tzinfo=None)) == moment, "a time without a zone is UTC"


def test_milliseconds_are_seen() -> None:
    assert codec.to_time(1767323045000) == codec.to_time(1767323045)
    assert codec.to_time("") is codec.to_time(None) is codec.from_time(None) is None


@pytest.mark.parametrize("wrong", ["yesterday", math.inf, math.nan, 1e30, "2026-13-01"])
def test_what_is_no_time_is_said(wrong: Any) -> None:
    with pytest.raises(DataError) as refusal:
        codec.to_time(wrong, "created_at")
    assert refusal.value.where == "created_at"


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_on_the_wire_is_read_as_the_same_event(kind: str) -> None:
    event = Interaction(kind, "u1", NOW - timedelta(hours=1), "p1", 2, 349, "USD", "milk", "slate", 0, "s1", "e1")
    assert data.interaction(through_json(codec.interaction_to_dict(event)), NOW) == event


def test_a_review_on_the_wire_is_read_as_the_same_review() -> None:
    given_review = Review("p1", "u1", 4.5, "Good", "Very good", NOW - timedelta(days=1), "en")
    assert data.review(through_json(codec.review_to_dict(given_review)), NOW) == given_review


def test_an_impression_comes_back_with_nan_for_what_json_cannot_hold() -> None:
    shown = Impression(
        "s",
        "home",
        NOW,
        "u",
        "",
        "",
        ("p1", "p2"),
        (1.5, 0.5),
        {"lane:popular": (3.0, 0.0)},
        2,
        {"model": "m"},
        ("meaning",),
    )
    assert codec.impression_from_dict(through_json(codec.impression_to_dict(shown))) == shown
    odd = replace(shown, notes={"x": (math.nan, math.inf)})
    back = codec.impression_from_dict(through_json(codec.impression_to_dict(odd)))
    assert all(math.isnan(value) for value in back.notes["x"])
    with pytest.raises(DataError):
        codec.impression_from_dict({**codec.impression_to_dict(shown), "at": None})


def test_a_slate_has_the_shape_of_the_contract() -> None:
    product = Product(id="p1", title="T", price=349, currency="USD", images=("i",), brand="b", categories=("a > b",))
    item = Item(product, 1.5, {"behaviour": 1.5}, "Because.", ("lane:popular=1.5",))
    slate = Slate("s", (item,), 7, versions={"model": "m"}, took_ms=1.0)
    plain, told = codec.slate_to_dict(slate), codec.slate_to_dict(slate, explain=True)
    assert set(plain) == {"slate_id", "items", "total", "degraded", "versions", "took_ms"}
    wanted = {"id", "title", "price", "currency", "image", "categories", "brand", "score"}
    assert wanted <= set(plain["items"][0])
    assert not {"terms", "reason"} & set(plain["items"][0])
    assert (told["items"][0]["terms"], told["items"][0]["reason"]) == ({"behaviour": 1.5}, "Because.")
    assert plain["items"][0]["price"] == 3.49
    full = codec.slate_to_dict(replace(slate, facets={"brand": {"b": 1}}, corrected="c", relaxed="r"))
    assert (full["facets"], full["corrected"], full["relaxed"]) == ({"brand": {"b": 1}}, "c", "r")


def test_numpy_numbers_are_json_and_nan_is_null() -> None:
    assert through_json({"a": np.float32(1.5), "b": np.arange(2), "c": math.nan}) == {"a": 1.5, "b": [0, 1], "c": None}
