"""What a stranger does with the demo shop: search, filter, recommend, look, buy, and see the lists change."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.demo


def post(url: str, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = httpx.post(url + path, json=body, timeout=30)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def event(shopper: str, kind: str, product: str, slate: str = "", position: int = 0) -> dict[str, Any]:
    return {
        "type": kind,
        "shopper_id": shopper,
        "product_id": product,
        "slate_id": slate,
        "position": position,
        "event_id": uuid.uuid4().hex,
    }


def test_pages_and_health(demo_url: str) -> None:
    for page in ("/", "/console", "/docs"):
        answer = httpx.get(demo_url + page, follow_redirects=True)
        assert answer.status_code == 200
        assert "text/html" in answer.headers["content-type"]
    assert "mercato" in httpx.get(f"{demo_url}/metrics").text


def test_search_finds_and_counts(demo_url: str) -> None:
    body = {"query": "shredded chese", "k": 20, "facets": ["brand", "categories"]}
    found = post(demo_url, "/v1/search", body)
    assert any("cheese" in item["title"].lower() for item in found["items"][:5])
    assert sum(found["facets"]["brand"].values()) <= found["total"]
    brand, count = next(iter(found["facets"]["brand"].items()))
    narrowed = post(demo_url, "/v1/search", {**body, "where": {"brand": [brand]}})
    assert narrowed["total"] == count
    assert all(item["brand"] == brand for item in narrowed["items"])


def test_reasons_add_up(demo_url: str) -> None:
    body = {"placement": "home", "k": 10, "shopper": "1", "explain": True}
    found = post(demo_url, "/v1/recommend", body)
    assert len(found["items"]) == 10
    for item in found["items"]:
        assert sum(item["terms"].values()) == pytest.approx(item["score"], abs=1e-6)
        assert item["reason"]


def test_placements_keep_their_word(demo_url: str) -> None:
    again = post(demo_url, "/v1/recommend", {"placement": "buy-again", "k": 50, "shopper": "1"})
    new = post(demo_url, "/v1/recommend", {"placement": "discover", "k": 50, "shopper": "1"})
    assert again["items"]
    assert new["items"]
    assert not {item["id"] for item in again["items"]} & {item["id"] for item in new["items"]}


def test_a_click_changes_the_next_list_and_the_terms_say_so(demo_url: str) -> None:
    shopper = f"stranger-{uuid.uuid4().hex[:8]}"
    home = {"placement": "home", "k": 12, "shopper": shopper, "explain": True}
    before = post(demo_url, "/v1/recommend", home)
    found = post(demo_url, "/v1/search", {"query": "dog food", "k": 5, "shopper": shopper})
    clicked = found["items"][0]["id"]
    kept = {"accepted": 1, "rejected": []}
    look = event(shopper, "detail-page-view", clicked, found["slate_id"])
    assert post(demo_url, "/v1/events", {"events": [look]}, 202)["accepted"] == kept["accepted"]
    after = post(demo_url, "/v1/recommend", home)
    assert [item["id"] for item in after["items"]] != [item["id"] for item in before["items"]]
    assert any(item["terms"].get("session", 0) > 0 and "chose" in item["reason"] for item in after["items"])


def test_what_is_bought_leaves_discover_and_joins_buy_again(demo_url: str) -> None:
    shopper = f"stranger-{uuid.uuid4().hex[:8]}"
    found = post(demo_url, "/v1/recommend", {"placement": "discover", "k": 3, "shopper": shopper})
    bought = found["items"][0]["id"]
    sale = event(shopper, "purchase-complete", bought, found["slate_id"])
    post(demo_url, "/v1/events", {"events": [sale]}, 202)
    again = post(demo_url, "/v1/recommend", {"placement": "buy-again", "k": 10, "shopper": shopper})
    assert [item["id"] for item in again["items"]] == [bought]
    fresh = post(demo_url, "/v1/recommend", {"placement": "discover", "k": 50, "shopper": shopper})
    assert bought not in {item["id"] for item in fresh["items"]}


def test_nonsense_gets_a_clear_answer(demo_url: str) -> None:
    error = post(demo_url, "/v1/recommend", {"placement": "nowhere"}, 400)["error"]
    assert "nowhere" in error["message"]
    assert error["hint"]
    assert post(demo_url, "/v1/search", {"query": "milk", "where": {"colour": ["red"]}}, 400)["error"]["field"]
    assert post(demo_url, "/v1/recommend", {"placement": "similar", "product": "none"}, 404)["error"]
