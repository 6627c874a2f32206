"""Completions of a trained shop: what is for sale, one of each group, for whom it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import mercato

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRODUCTS = [
    {
        "id": "m1",
        "title": "Oat milk",
        "categories": ["Dairy > Milk"],
        "brand": "Milka",
        "price": 2.5,
        "currency": "USD",
    },
    {"id": "m2", "title": "Mild cheese", "categories": ["Dairy > Cheese"], "brand": "Acme"},
    {"id": "m3", "title": "Milk jug, blue", "categories": ["Home > Jugs"], "group_id": "jug", "images": ["blue.jpg"]},
    {"id": "m4", "title": "Milk jug, white", "categories": ["Home > Jugs"], "group_id": "jug"},
    {"id": "m5", "title": "Milk coupon", "categories": ["Coupons"], "sellable": False},
    {"id": "m6", "title": "Milk pan", "categories": ["Home > Pans"]},
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    events = [
        {"type": "purchase-complete", "shopper_id": f"u{n}", "product_id": "m1", "at": NOW.isoformat()}
        for n in range(5)
    ]
    events.append({"type": "purchase-complete", "shopper_id": "cook", "product_id": "m6", "at": NOW.isoformat()})
    home = tmp_path_factory.mktemp("suggest") / "shop"
    with mercato.create(home, products=PRODUCTS, events=events) as made:
        made.train()
        yield made


def ids(found: dict[str, list[dict[str, str]]]) -> list[str]:
    return [product["id"] for product in found["products"]]


def test_groups_of_suggestions(shop: mercato.Shop) -> None:
    found = shop.suggest("mil")
    assert ids(found)[0] == "m1", "bought most"
    assert "m5" not in ids(found), "not for sale"
    assert len({"m3", "m4"} & set(ids(found))) == 1, "one of a group"
    assert found["brands"] == [{"brand": "Milka", "count": 1}]
    assert found["categories"] == [{"path": "Dairy > Milk", "name": "Milk", "parent": "Dairy", "count": 1}]
    assert found["products"][0]["price"] == 2.5
    assert found["products"][0]["categories"] == ["Dairy > Milk"]
    assert len(shop.suggest("mil", 2)["products"]) == 2


def test_a_shopper_sees_their_own_kind_first(shop: mercato.Shop) -> None:
    assert ids(shop.suggest("milk"))[0] == "m1"
    assert ids(shop.suggest("milk", shopper="cook"))[0] == "m6"
    assert ids(shop.suggest("milk", shopper="never seen")) == ids(shop.suggest("milk"))


def test_a_product_taken_out_is_not_suggested(shop: mercato.Shop) -> None:
    shop.delete_product("m1")
    assert "m1" not in ids(shop.suggest("milk"))
