"""Bundles of a whole shop: what is deleted, hidden or costs something else is so in the next answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from shutil import rmtree

import numpy as np
import pytest

import corner_shop
import mercato
from corner_shop import product_id
from mercato import build
from mercato.codec import slate_to_dict
from mercato.parts import Parts
from mercato.schema import Request
from mercato.settings import parse
from shopping import NOW

MILK, FLAKES, BANANAS = map(product_id, corner_shop.HABITS[0])
SPAGHETTI, SAUCE, CHEDDAR = map(product_id, corner_shop.HABITS[1])
COFFEE, COOKIES, SKIM = map(product_id, corner_shop.HABITS[2])
COLA, SALTED, PAPRIKA = map(product_id, corner_shop.HABITS[3])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with corner_shop.build(tmp_path_factory.mktemp("bundles") / "corner") as built:
        yield built


def sets(shop: mercato.Shop, product: str) -> list[set[str]]:
    return [set(bundle.ids) for bundle in shop.recommend("together", product=product).bundles]


def test_what_went_in_one_basket_is_offered_on_the_page(shop: mercato.Shop) -> None:
    (bundle,) = shop.recommend("together", product=COFFEE).bundles
    assert bundle.ids[0] == COFFEE
    assert set(bundle.ids) == {COFFEE, COOKIES, SKIM}
    assert bundle.price == sum(product.price or 0 for product in bundle.products) == 799 + 289 + 229
    assert (bundle.currency, bundle.baskets) == ("USD", 90)
    assert sets(shop, COLA) in ([{COLA, SALTED}], [{COLA, PAPRIKA}]), "two kinds of chips would do for each other"
    assert sets(shop, SPAGHETTI) == [{SPAGHETTI, CHEDDAR}], "pasta and its sauce stand on one shelf"


def test_only_where_something_goes_with_it(shop: mercato.Shop) -> None:
    assert "26 sets" in shop.learned()["learned"]["bundles"]
    assert not shop.recommend("home").bundles
    assert not shop.recommend("similar", product=COFFEE).bundles
    assert not sets(shop, product_id("Sponges"))
    assert "bundles" not in slate_to_dict(shop.recommend("home"))


def test_a_cart_is_completed(shop: mercato.Shop) -> None:
    (bundle,) = shop.recommend("cart", cart=[COFFEE, SKIM, "nobody sells this"]).bundles
    assert bundle.ids == (COOKIES,)
    said = sorted(shop.product(product).title for product in (COFFEE, SKIM))
    assert bundle.reason == f"Bought together with {said[1]} and {said[0]} in 90 baskets."
    assert not shop.recommend("cart", cart=[COFFEE, SKIM, COOKIES]).bundles
    beside = shop.recommend("together", product=COFFEE, cart=[COFFEE, COOKIES]).bundles
    assert [bundle.ids for bundle in beside] == [(SKIM,)]


def test_a_filter_holds_for_every_product(shop: mercato.Shop) -> None:
    assert sets(shop, COFFEE)
    assert not shop.recommend("together", product=COFFEE, where={"price": {"max": 5}}).bundles
    (bundle,) = shop.recommend("cart", cart=[COFFEE], where={"price": {"max": 2.5}}).bundles
    assert bundle.ids == (SKIM,)


def test_what_a_rule_hides_is_in_no_bundle(shop: mercato.Shop) -> None:
    shop.rules.put({"id": "h", "when": {"placements": ["together"]}, "hide": {"products": [COOKIES]}})
    assert sets(shop, COFFEE) == [{COFFEE, SKIM}]
    assert len(shop.recommend("cart", cart=[COFFEE]).bundles[0].products) == 2
    shop.rules.delete("h")
    assert sets(shop, COFFEE) == [{COFFEE, COOKIES, SKIM}]


def test_a_new_price_and_a_product_that_is_gone(shop: mercato.Shop) -> None:
    shop.put_products([replace(shop.product(FLAKES), price=999)])
    (bundle,) = shop.recommend("together", product=MILK).bundles
    assert bundle.price == 249 + 59 + 999
    shop.put_products([replace(shop.product(FLAKES), availability="out-of-stock")])
    assert sets(shop, MILK) == [{MILK, BANANAS}]
    shop.delete_product(BANANAS)
    assert sets(shop, MILK) == []


def test_a_snapshot_without_them_has_none(shop: mercato.Shop) -> None:
    (newest,) = (path for path in (shop.home / "snapshots").iterdir() if path.is_dir())
    assert Parts.load(newest, parse({})).bundles is not None
    rmtree(newest / "bundles")
    old = Parts.load(newest, parse({}))
    request = Request("together", NOW, product=COFFEE, anchors=old.catalog.rows([COFFEE]))
    slate, _ = build.engine(parse({}), old, None, {}).recommend(request, np.empty(0, np.int32), "s")
    assert slate.items
    assert not slate.bundles
