"""The sidebar against filters: every count, of values and of buckets, is what filtering on it would list."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.catalog import NUMBERS, Catalog
from mercato.errors import RequestError, SettingsError
from mercato.facets import Facets, Narrowed, Sidebar, Spread
from mercato.schema import Mask, Product

VALUES = ("brand", "categories", "colour")
PRODUCTS = st.lists(
    st.builds(
        Product,
        id=st.just(""),
        title=st.just("x"),
        categories=st.lists(st.sampled_from(["food", "food > milk", "toys"]), max_size=2, unique=True).map(tuple),
        brand=st.sampled_from(["", "Acme", "Ápex Tools", "绿茶坊"]),
        price=st.none() | st.integers(0, 4000),
        currency=st.just("USD"),
        rating=st.none() | st.sampled_from([1.0, 3.5, 4.0, 4.5, 5.0]),
        quantity=st.none() | st.integers(0, 3),
        created_at=st.none() | st.integers(0, 700).map(lambda days: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days)),
        group_id=st.sampled_from(["", "g", "h"]),
        attributes=st.lists(st.sampled_from(["red", "blue", "green"]), max_size=2).map(lambda found: {"colour": found}),
        sellable=st.booleans(),
    ),
    max_size=25,
).map(lambda drawn: [replace(product, id=f"p{n}") for n, product in enumerate([ANCHOR, *drawn])])
ANCHOR = Product(id="", title="x", categories=("food",), brand="Acme", attributes={"colour": ("red",)}, sellable=False)
"""Has a value in every field, so that every field exists."""
BOUNDS = st.fixed_dictionaries(
    {}, optional={"min": st.integers(0, 30), "max": st.integers(5, 40), "below": st.integers(5, 40)}
)
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "brand": st.lists(st.sampled_from(["Acme", "Ápex Tools", "unheard-of"]), min_size=1, max_size=2),
        "categories": st.lists(st.sampled_from(["food", "food > milk"]), min_size=1, max_size=2),
        "colour": st.lists(st.sampled_from(["red", "blue"]), min_size=1, max_size=2),
        "attributes.colour": st.just(["blue", "green"]),
        "price": BOUNDS,
        "rating": BOUNDS | st.just([4.0]),
    },
)


def searched(products: list[Product], seed: int) -> tuple[Catalog, Sidebar, Mask]:
    """A catalogue with its sidebar, and what a query might find in it."""
    catalog = Catalog.build(products)
    found = catalog.sellable & (np.random.default_rng(seed).random(len(catalog)) < 0.8)
    return catalog, Facets().over(catalog), found


def listed(catalog: Catalog, found: Mask, where: dict[str, Any], groups: bool) -> int:
    """How many places the list has under a filter."""
    rows = found & catalog.allowed(where)
    return len(np.unique(catalog.group[rows])) if groups else int(rows.sum())


def ticked(where: dict[str, Any], name: str, condition: Any, disjunctive: bool) -> list[dict[str, Any]]:
    """The filters a tick stands for: instead of the field's own condition, or on top of it."""
    others = {field: wanted for field, wanted in where.items() if field.removeprefix("attributes.") != name}
    return [{**others, name: condition}] if disjunctive else [where, {name: condition}]


def after_tick(catalog: Catalog, found: Mask, filters: list[dict[str, Any]], groups: bool) -> int:
    within = np.logical_and.reduce([catalog.allowed(where) for where in filters])
    return listed(catalog, found & within, {}, groups)


@settings(max_examples=60)
@given(PRODUCTS, WHERE, st.integers(0, 9), st.booleans(), st.booleans())
def test_every_count_is_what_a_tick_gives(
    products: list[Product], where: dict[str, Any], seed: int, disjunctive: bool, groups: bool
) -> None:
    catalog, sidebar, found = searched(products, seed)
    narrowed = Narrowed.of(catalog, found, where)
    assert narrowed.rows().tolist() == (found & catalog.allowed(where)).tolist()
    counted = sidebar.count((*VALUES, *NUMBERS), narrowed, disjunctive=disjunctive, groups=groups)
    for name in VALUES:
        expected = {
            value: after_tick(catalog, found, ticked(where, name, [value], disjunctive), groups)
            for value in catalog.facets[name].values
        }
        assert counted.values[name] == {value: count for value, count in expected.items() if count}
        in_order = sorted(counted.values[name].items(), key=lambda pair: (-pair[1], pair[0]))
        assert list(counted.values[name].items()) == in_order
        assert counted.left_out[name] == 0
    for name, spread in counted.ranges.items():
        check_buckets(spread)
        for bucket in spread.buckets:
            filters = ticked(where, name, bucket.condition(), disjunctive)
            assert bucket.count == after_tick(catalog, found, filters, groups)
            assert bucket.count, "no bucket of chosen edges is empty"


def check_buckets(spread: Spread) -> None:
    assert spread.buckets[0].min is None
    assert spread.buckets[-1].below is None
    assert 1 <= len(spread.buckets) <= 7
    for one, other in zip(spread.buckets, spread.buckets[1:], strict=False):
        assert one.below == other.min
    edges = [bucket.below for bucket in spread.buckets[:-1]]
    assert edges == sorted(set(edges))


@settings(max_examples=30)
@given(PRODUCTS, WHERE, st.integers(0, 9))
def test_a_range_says_the_smallest_and_the_largest(products: list[Product], where: dict[str, Any], seed: int) -> None:
    catalog, sidebar, found = searched(products, seed)
    counted = sidebar.count(NUMBERS, Narrowed.of(catalog, found, where), disjunctive=False)
    inside = found & catalog.allowed(where)
    for name in NUMBERS:
        known = catalog.numbers[name][inside & ~np.isnan(catalog.numbers[name])]
        assert (name in counted.ranges) == (len(known) > 0)
        if len(known):
            spread = counted.ranges[name]
            assert (spread.min, spread.max) == (known.min(), known.max())
            assert sum(bucket.count for bucket in spread.buckets) == len(known)


@settings(max_examples=30)
@given(PRODUCTS, WHERE, st.integers(0, 9), st.integers(0, 4))
def test_the_most_frequent_values_and_how_many_are_left_out(
    products: list[Product], where: dict[str, Any], seed: int, most: int
) -> None:
    catalog, sidebar, found = searched(products, seed)
    narrowed = Narrowed.of(catalog, found, where)
    every, some = sidebar.count(VALUES, narrowed), sidebar.count(VALUES, narrowed, most=most)
    for name in VALUES:
        assert list(some.values[name].items()) == list(every.values[name].items())[:most]
        assert some.left_out[name] == len(every.values[name]) - len(some.values[name])


@settings(max_examples=30)
@given(PRODUCTS, WHERE, st.integers(0, 9), st.sampled_from(["", "a", "TOOL", "ape", "绿", "茶", "pex", "x"]))
def test_values_are_found_by_the_beginning_of_a_word(
    products: list[Product], where: dict[str, Any], seed: int, prefix: str
) -> None:
    catalog, sidebar, found = searched(products, seed)
    narrowed = Narrowed.of(catalog, found, where)
    words = {"Acme": ("acme",), "Ápex Tools": ("apex", "tools"), "绿茶坊": ("绿茶坊", "茶坊", "坊")}
    every = sidebar.count(["brand"], narrowed).values["brand"]
    fitting = [
        (brand, n) for brand, n in every.items() if any(word.startswith(prefix.lower()) for word in words[brand])
    ]
    values, left_out = sidebar.matching("brand", prefix, narrowed, k=2)
    assert list(values.items()) == fitting[:2]
    assert left_out == len(fitting) - len(values)


def test_a_shop_may_fix_the_edges() -> None:
    prices = [100, 499, 500, 999, 1000, 5000]
    catalog = Catalog.build(
        Product(id=f"p{n}", title="x", price=price, currency="USD") for n, price in enumerate(prices)
    )
    sidebar = Facets(edges={"price": [5, 10, 100]}).over(catalog)
    spread = sidebar.count(["price"], Narrowed.of(catalog, catalog.sellable, {})).ranges["price"]
    assert spread.to_dict() == {
        "min": 1.0,
        "max": 50.0,
        "buckets": [
            {"below": 5.0, "count": 2},
            {"min": 5.0, "below": 10.0, "count": 2},
            {"min": 10.0, "below": 100.0, "count": 2},
            {"min": 100.0, "count": 0},
        ],
    }


@pytest.mark.parametrize("edges", [{"brand": [1, 2]}, {"price": [2, 1]}, {"price": [1, 1]}, {"price": [float("nan")]}])
def test_edges_that_cannot_be_are_refused(edges: dict[str, list[float]]) -> None:
    with pytest.raises(SettingsError):
        Facets(edges=edges).over(Catalog.build([ANCHOR]))


def test_unknown_fields_are_named() -> None:
    catalog = Catalog.build([replace(ANCHOR, id="a")])
    sidebar, narrowed = Facets().over(catalog), Narrowed.of(catalog, catalog.sellable, {})
    with pytest.raises(RequestError, match="'colr'"):
        sidebar.count(["colr"], narrowed)
    with pytest.raises(RequestError, match="'price' is a number"):
        sidebar.matching("price", "1", narrowed)
    with pytest.raises(RequestError) as refusal:
        Narrowed.of(catalog, catalog.sellable, {"colr": ["red"]})
    assert refusal.value.where == "where.colr"


def test_a_tick_on_one_colour_leaves_the_others_standing() -> None:
    colours = ["red", "red", "blue", "green"]
    catalog = Catalog.build(
        Product(id=f"p{n}", title="x", attributes={"colour": (colour,)}) for n, colour in enumerate(colours)
    )
    narrowed = Narrowed.of(catalog, catalog.sellable, {"colour": ["red"]})
    sidebar = Facets().over(catalog)
    assert sidebar.count(["colour"], narrowed).values == {"colour": Counter(colours)}
    assert sidebar.count(["colour"], narrowed, disjunctive=False).values == {"colour": {"red": 2}}
    assert sidebar.count(["attributes.colour"], narrowed).values == {"attributes.colour": Counter(colours)}
