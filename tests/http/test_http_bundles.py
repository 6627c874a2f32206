"""Bundles over HTTP: their shape, and what they promise of any cart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import corner_shop
from corner_shop import product_id

BUNDLE = {"ids", "products", "price", "currency", "baskets", "reason", "items"}
IDS = [product["id"] for product in corner_shop.PRODUCTS]


def bundles(client: TestClient, placement: str, **body: Any) -> list[dict[str, Any]]:
    response = client.post("/v1/recommend", json={"placement": placement, **body})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json().get("bundles", [])
    return found


def test_a_page_offers_what_went_in_one_basket(client: TestClient) -> None:
    milk = product_id("Whole milk")
    (bundle,) = bundles(client, "together", product=milk)
    assert set(bundle) == BUNDLE
    assert bundle["ids"][0] == milk
    assert set(bundle["ids"]) == set(map(product_id, corner_shop.HABITS[0]))
    assert bundle["products"] == 3
    assert (bundle["price"], bundle["currency"], bundle["baskets"]) == (6.37, "USD", 90)
    assert bundle["reason"] == "Bought together in 90 baskets."
    assert [item["id"] for item in bundle["items"]] == bundle["ids"]


@settings(max_examples=40)
@given(
    cart=st.lists(st.sampled_from([*IDS, "nobody sells this"]), min_size=1, max_size=6),
    where=st.sampled_from([{}, {"price": {"max": 3}}, {"brand": ["National"]}]),
    product=st.sampled_from(["", *IDS]),
)
def test_what_every_bundle_promises(client: TestClient, cart: list[str], where: dict[str, Any], product: str) -> None:
    asked = {"placement": "together", "product": product} if product else {"placement": "cart"}
    found = bundles(client, **asked, cart=cart, where=where)
    shown = [one for bundle in found for one in bundle["ids"]]
    assert len(found) <= 3
    assert not set(shown) & set(cart)
    others = [one for one in shown if one != product]
    assert len(set(others)) == len(others)
    for bundle in found:
        items = bundle["items"]
        assert bundle["products"] == len(items) == len(bundle["ids"]) in (1, 2, 3)
        assert bundle["price"] == pytest.approx(sum(item["price"] for item in items), abs=1e-9)
        assert bundle["baskets"] >= 5
        assert str(bundle["baskets"]) in bundle["reason"]
        assert len({item["categories"][0] for item in items}) == len(items)
        assert all(item["price"] <= where.get("price", {}).get("max", 100) for item in items)
        assert all(item["brand"] in where.get("brand", [item["brand"]]) for item in items)
