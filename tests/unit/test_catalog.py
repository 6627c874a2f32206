"""The catalogue: filters and facet counts against a loop over the products, and a snapshot that survives the disk."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.catalog import NUMBERS, Catalog
from mercato.errors import ArtifactError, RequestError
from mercato.schema import Product

BRANDS, PATHS, COLOURS = ("", "acme", "apex"), ("food", "food > milk", "food > milk > oat", "toys"), ("red", "blue")
PRODUCTS = st.lists(
    st.builds(
        Product,
        id=st.sampled_from([f"p{number}" for number in range(12)]),
        title=st.just("x"),
        categories=st.lists(st.sampled_from(PATHS), max_size=2, unique=True).map(tuple),
        brand=st.sampled_from(BRANDS),
        price=st.none() | st.integers(0, 5).map(lambda units: 100 * units),
        currency=st.sampled_from(["USD", "JPY"]),
        quantity=st.none() | st.integers(0, 3),
        rating=st.none() | st.sampled_from([1.0, 4.5]),
        created_at=st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
        group_id=st.sampled_from(["", "g"]),
        attributes=st.fixed_dictionaries(
            {"brand": st.just(("anchor",))},
            optional={"colour": st.lists(st.sampled_from(COLOURS), max_size=3).map(tuple)},
        ),
        sellable=st.booleans(),
    ),
    max_size=10,
).map(lambda drawn: [ANCHOR, *drawn])
ANCHOR = Product(
    id="anchor", title="x", categories=("food",), brand="acme", attributes={"colour": ("red",), "brand": ("anchor",)}
)
"""Has a value in every field, so that every field exists."""
BOUNDS = st.fixed_dictionaries({}, optional={"min": st.integers(-1, 500), "max": st.integers(-1, 500)})
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "brand": st.lists(st.sampled_from(["acme", "apex", "unheard-of"]), max_size=2) | st.just("acme"),
        "categories": st.lists(st.sampled_from(PATHS), min_size=1, max_size=2),
        "colour": st.lists(st.sampled_from(COLOURS), min_size=1, max_size=2),
        "price": BOUNDS | st.lists(st.integers(0, 5), min_size=1, max_size=2),
        "rating": BOUNDS,
        "quantity": BOUNDS | st.lists(st.integers(0, 3), min_size=1, max_size=2),
    },
)


def kept(products: list[Product]) -> list[Product]:
    return list({product.id: product for product in products}.values())


def values(product: Product, field: str) -> set[str]:
    if field == "categories":
        return {
            " > ".join(path.split(" > ")[:depth])
            for path in product.categories
            for depth in range(1, len(path.split(" > ")) + 1)
        }
    return {product.brand} - {""} if field == "brand" else set(product.attributes.get(field, ()))


def passes(product: Product, field: str, condition: Any) -> bool:
    if field in ("price", "rating", "quantity"):
        number = getattr(product, field)
        if field == "price" and number is not None and product.currency == "USD":
            number /= 100
        if isinstance(condition, dict):
            return number is not None and condition.get("min", -1e9) <= number <= condition.get("max", 1e9)
        return number in condition
    wanted = [condition] if isinstance(condition, str) else condition
    return bool(values(product, field) & set(wanted))


@settings(deadline=None)
@given(products=PRODUCTS, where=WHERE)
def test_filters_and_counts_against_a_loop(products: list[Product], where: dict[str, Any]) -> None:
    catalog = Catalog.build(products)
    allowed = catalog.allowed(where)
    assert allowed.tolist() == [
        product.sellable and all(passes(product, field, condition) for field, condition in where.items())
        for product in kept(products)
    ]
    inside = [product for product, flag in zip(kept(products), allowed, strict=True) if flag]
    for field, counts in catalog.count(("brand", "categories", "colour"), allowed).items():
        expected = {
            value: sum(value in values(product, field) for product in inside) for value in {*PATHS, *BRANDS, *COLOURS}
        }
        assert counts == {value: count for value, count in expected.items() if count}
        assert list(counts) == sorted(counts, key=lambda value: (-counts[value], value)), "most first, ties by value"


@settings(deadline=None, max_examples=30)
@given(products=PRODUCTS, where=WHERE)
def test_a_snapshot_comes_back_from_the_disk(products: list[Product], where: dict[str, Any]) -> None:
    catalog = Catalog.build(products, "v7")
    with tempfile.TemporaryDirectory() as folder:
        catalog.save(Path(folder) / "catalog")
        loaded = Catalog.load(Path(folder) / "catalog")
        assert (loaded.ids, loaded.version, list(loaded.facets)) == (catalog.ids, "v7", list(catalog.facets))
        assert [loaded.product(row) for row in range(len(loaded))] == kept(products)
        assert np.array_equal(loaded.allowed(where), catalog.allowed(where))
        for name in ("leaf", "group", "sellable"):
            assert np.array_equal(getattr(loaded, name), getattr(catalog, name))
        for name in NUMBERS:
            assert np.array_equal(loaded.numbers[name], catalog.numbers[name], equal_nan=True)


@given(PRODUCTS)
def test_leaves_and_groups_are_equal_where_the_products_say_so(products: list[Product]) -> None:
    catalog, last = Catalog.build(products), kept(products)
    for one in range(len(last)):
        assert (catalog.leaf[one] == -1) == (not last[one].categories)
        for other in range(one):
            if last[one].categories and last[other].categories:
                same = last[one].categories[0] == last[other].categories[0]
                assert (catalog.leaf[one] == catalog.leaf[other]) == same
            together = last[one].group_id == last[other].group_id != ""
            assert (catalog.group[one] == catalog.group[other]) == together


def test_an_empty_catalogue_is_legal(tmp_path: Path) -> None:
    empty = Catalog.build([])
    empty.save(tmp_path / "catalog")
    assert len(Catalog.load(tmp_path / "catalog")) == len(empty) == 0
    assert len(empty.allowed({})) == 0


def test_ids_find_their_rows() -> None:
    catalog = Catalog.build([ANCHOR, Product(id="b", title="x")])
    assert (catalog.row("b"), catalog.row("gone")) == (1, None)
    assert catalog.rows(["b", "gone", "anchor", "b"]).tolist() == [1, 0, 1]


def test_an_attribute_named_like_a_field_is_kept_apart() -> None:
    catalog = Catalog.build([ANCHOR])
    assert catalog.allowed({"attributes.brand": ["anchor"]}).all()
    assert not catalog.allowed({"brand": ["anchor"]}).any()
    assert catalog.allowed({"attributes.colour": ["red"]}).all(), "the prefix may be written anyway"


def test_an_unknown_field_is_named_with_the_known_ones() -> None:
    catalog = Catalog.build([ANCHOR])
    with pytest.raises(RequestError, match="'brnd'") as refusal:
        catalog.allowed({"brnd": ["acme"]})
    assert refusal.value.where == "where.brnd"
    for known in ("brand", "categories", "colour", *NUMBERS):
        assert known in refusal.value.hint
    with pytest.raises(RequestError, match="'brnd'"):
        catalog.count(["brnd"], np.ones(1, bool))


@pytest.mark.parametrize(
    ("field", "condition"),
    [
        ("brand", {"min": 1}),
        ("brand", [["acme"]]),
        ("brand", None),
        ("price", {"from": 1}),
        ("price", {"min": "cheap"}),
        ("price", {"max": float("nan")}),
        ("price", ["cheap"]),
        ("price", [float("nan")]),
    ],
)
def test_a_condition_of_another_shape_is_refused(field: str, condition: Any) -> None:
    with pytest.raises(RequestError) as refusal:
        Catalog.build([ANCHOR]).allowed({field: condition})
    assert refusal.value.where == f"where.{field}"


@pytest.mark.parametrize("lost", ["catalog.json", "products.arrow", "leaf.npy", "facet-0-rows.npy"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_an_incomplete_snapshot_is_an_artifact_error(tmp_path: Path, lost: str, content: bytes | None) -> None:
    Catalog.build([ANCHOR]).save(tmp_path / "catalog")
    path = tmp_path / "catalog" / lost
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArtifactError):
        Catalog.load(tmp_path / "catalog")
