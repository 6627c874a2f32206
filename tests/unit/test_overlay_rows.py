"""A catalogue with products put into it says what one built of them all says, whatever came in which order."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.catalog import NUMBERS, Catalog
from mercato.overlay.rows import Codes, patched
from mercato.schema import Product

PATHS = ("a", "a > b", "a > c", "d > e")


def product(number: int, dice: Random) -> Product:
    return Product(
        id=f"p{number}",
        title=f"thing {dice.randrange(5)}",
        brand=dice.choice(["", "Acme", "Bolt", "Zenit"]),
        categories=tuple(dice.sample(PATHS, dice.randrange(3))),
        price=dice.choice([None, 100, 250, 999]),
        currency="EUR",
        availability=dice.choice(["in-stock", "out-of-stock"]),
        quantity=dice.choice([None, 0, 3]),
        attributes=dice.choice([{}, {"colour": ("red", "blue")}, {"size": ("M",)}, {"new": (str(dice.randrange(4)),)}]),
        group_id=dice.choice(["", "g1", "g2", "g3"]),
        sellable=dice.random() > 0.2,
    )


def put(catalog: Catalog, products: list[Product], codes: Codes) -> Catalog:
    """Products in any order, at the rows they have or get."""
    known = [one for one in products if catalog.row(one.id) is not None]
    fresh = [one for one in products if catalog.row(one.id) is None]
    known.sort(key=lambda one: catalog.row(one.id) or 0)
    at = [*catalog.rows(one.id for one in known).tolist(), *range(len(catalog), len(catalog) + len(fresh))]
    return patched(catalog, [*known, *fresh], np.array(at, np.int32), codes)


def same_parts(one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
    """Whether two columns of codes tell the same rows apart."""
    return np.array_equal(one[:, None] == one[None, :], other[:, None] == other[None, :])


@given(st.integers(0, 10**6), st.lists(st.lists(st.integers(0, 14), max_size=5, unique=True), max_size=4))
def test_it_says_what_a_catalogue_built_anew_says(seed: int, rounds: list[list[int]]) -> None:
    dice = Random(seed)
    kept = {f"p{number}": product(number, dice) for number in range(8)}
    catalog = Catalog.build(kept.values(), "v")
    codes = Codes(catalog)
    for numbers in rounds:
        products = [product(number, dice) for number in numbers]
        catalog = put(catalog, products, codes)
        # what is new comes behind, in the order given
        kept |= {one.id: one for one in products}
    anew = Catalog.build(kept.values(), "v")
    assert catalog.ids == anew.ids
    assert [catalog.product(row) for row in range(len(anew))] == list(kept.values())
    assert all(np.array_equal(catalog.numbers[name], anew.numbers[name], equal_nan=True) for name in NUMBERS)
    assert np.array_equal(catalog.sellable, anew.sellable)
    assert same_parts(catalog.leaf, anew.leaf)
    assert np.array_equal(catalog.leaf < 0, anew.leaf < 0)
    assert same_parts(catalog.group, anew.group)
    everything = np.ones(len(anew), bool)
    for name, facet in anew.facets.items():
        assert catalog.facets[name].counts(everything) == facet.counts(everything)
        assert list(catalog.facets[name].values) == sorted(catalog.facets[name].values)
        for value in facet.values:
            wanted = [value]
            assert np.array_equal(catalog.passing(name, wanted), anew.passing(name, wanted)), (name, value)
    for name in set(catalog.facets) - set(anew.facets):
        assert catalog.facets[name].counts(everything) == {}, "a field nobody has any more counts nothing"
    for name, facet in anew.facets.items():
        own = catalog.facets[name]
        pairs = [(int(row), own.values[code]) for row, code in zip(own.rows, own.codes, strict=True)]
        assert pairs == [(int(row), facet.values[code]) for row, code in zip(facet.rows, facet.codes, strict=True)]


def test_a_price_put_over_and_over_takes_no_new_group() -> None:
    one = Product(id="p", title="thing", price=1, currency="EUR")
    catalog = Catalog.build([one, Product(id="q", title="other")], "v")
    codes = Codes(catalog)
    for price in range(50):
        catalog = put(catalog, [replace(one, price=price)], codes)
    assert catalog.group.max() == 1
    assert catalog.product(0).price == 49
