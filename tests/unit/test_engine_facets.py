"""Whatever one asks of search: total, pages, facets and filters agree with a loop over the products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

import pytest

import made_up_shop
import mercato
from made_up_shop import AISLES, BRANDS, COLOURS, PRODUCTS, SIZES
from mercato.catalog import Catalog

BY_ID = {product["id"]: product for product in PRODUCTS}
FACETS = ("brand", "categories", "availability", "colour", "size")
SORTS = ("", "", "price", "-price", "rating", "-rating", "quantity", "created_at", "-created_at")
QUERIES = (
    "", "", " ", "sofa", "sofas", "velvet sofa", "lamp", "coffee", "coffe grindr", "bike", "red", "acme", "o'neill",
    "tool & co", "tent for garden", "p017", "wok pan knife", "steel kettle pro", "xyzzy", "ürün", "sof",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One combination."""

    query: str
    where: dict[str, Any]
    sort: str
    k: int
    more: dict[str, Any] = field(repr=False)
    """A condition to add."""


def condition(dice: Random) -> tuple[str, Any]:
    """A random field with a random condition; some match nothing."""
    low, high = sorted((dice.uniform(0, 200), dice.uniform(0, 200)))
    paths = [*AISLES, *{path.split(" > ")[0] for path in AISLES}, "Sale", "Nowhere"]
    name, values = dice.choice(
        [
            ("brand", [*BRANDS, "Nobody"]),
            ("categories", paths),
            ("colour", list(COLOURS)),
            ("size", list(SIZES)),
            ("availability", ["in-stock", "out-of-stock"]),
            ("price", {"min": low, "max": high}),
            ("price", {"min": low}),
            ("rating", {"min": dice.choice([1, 2.5, 4])}),
            ("quantity", {"max": dice.choice([0, 10, 40])}),
        ]
    )
    return name, values if isinstance(values, dict) else dice.sample(values, dice.randint(1, 2))


def combination(dice: Random) -> Asked:
    where = dict(condition(dice) for _ in range(dice.choice([0, 0, 1, 1, 2])))
    more = dict([condition(dice)])
    while set(more) & set(where):
        more = dict([condition(dice)])
    return Asked(dice.choice(QUERIES), where, dice.choice(SORTS), dice.choice([12, 25, 60, 150, 400]), more)


def values(product: dict[str, Any], name: str) -> set[str]:
    """What a product counts for in a facet; every beginning of a category path is one."""
    if name == "categories":
        parts = [path.split(" > ") for path in product.get("categories", ())]
        return {" > ".join(path[:depth]) for path in parts for depth in range(1, len(path) + 1)}
    if name == "availability":
        return {product.get("availability", "in-stock")}
    return {product["brand"]} if name == "brand" and "brand" in product else set(product["attributes"].get(name, ()))


def passes(product: dict[str, Any], where: dict[str, Any]) -> bool:
    for name, wanted in where.items():
        if isinstance(wanted, dict):
            number = product.get(name)
            if number is None or not wanted.get("min", 0) <= number <= wanted.get("max", 1e9):
                return False
        elif not values(product, name) & set(wanted):
            return False
    return product.get("sellable", True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with made_up_shop.build(tmp_path_factory.mktemp("facets") / "shop") as built:
        yield built


def pages(shop: mercato.Shop, asked: Asked) -> list[mercato.Slate]:
    """Every page up to the first empty one, and that one."""
    found = []
    while not found or found[-1].items:
        found.append(
            shop.search(asked.query, asked.k, page=len(found), where=asked.where, sort=asked.sort, facets=FACETS)
        )
    return found


def check(shop: mercato.Shop, asked: Asked) -> int:
    """Hold one combination to everything; gives back its total."""
    found = pages(shop, asked)
    first = found[0]
    ids = [product_id for page in found for product_id in page.ids]
    assert len(ids) == first.total, "total is what all pages hold"
    assert len(set(ids)) == len(ids), "no product twice"
    assert {page.total for page in found} == {first.total}, "one total on every page"
    assert all(page.facets == first.facets for page in found), "one count on every page"
    assert all(len(page.items) == asked.k for page in found[:-2]), "only the last page is short"
    listed = [BY_ID[product_id] for product_id in ids]
    assert all(passes(product, asked.where) for product in listed)
    for name in FACETS:
        counted = Counter(value for product in listed for value in values(product, name))
        assert first.facets[name] == counted, name
    if asked.sort:
        assert sort_keys(listed, asked.sort) == sorted(sort_keys(listed, asked.sort)), (
            "in order, none without a value first"
        )
    elif ids:
        scores = [score for page in found for score in page.scores]
        assert scores == sorted(scores, reverse=True)
    narrower = shop.search(asked.query, 1000, where={**asked.where, **asked.more})
    assert set(narrower.ids) == {one["id"] for one in listed if passes(one, asked.more)}, "a filter narrows, no more"
    return first.total


def sort_keys(listed: list[dict[str, Any]], sort: str) -> list[tuple[bool, float]]:
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    given = [product.get(name) for product in listed]
    numbers = [datetime.fromisoformat(one).timestamp() if isinstance(one, str) else one for one in given]
    return [(number is None, 0 if number is None else sign * number) for number in numbers]


@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_random_searches(shop: mercato.Shop, seed: int) -> None:
    dice = Random(seed)
    totals = [check(shop, combination(dice)) for _ in range(100)]
    assert sum(total > 0 for total in totals) > 40, "the combinations must ask for something"


def test_browsing_lists_everything_for_sale_once(shop: mercato.Shop) -> None:
    slate = shop.search("", 1000)
    assert sorted(slate.ids) == [product["id"] for product in PRODUCTS if product.get("sellable", True)]


def test_the_oracle_reads_the_products_as_the_catalogue_does(shop: mercato.Shop) -> None:
    live: Catalog = Catalog.build(shop.store.products())
    assert set(live.ids) == set(BY_ID)
    assert set(FACETS) == set(live.facets)
