"""Each format is recognised by looking and gives the nouns its rows mean."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from mercato.data import Batch, interactions, open_source, products
from mercato.data.formats import FORMATS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GA4 = [
    {
        "event_name": "purchase", "event_timestamp": 1700000000000000, "user_pseudo_id": "c1",
        "event_params": [
            {"key": "ga_session_id", "value": {"int_value": 42, "string_value": None}},
            {"key": "currency", "value": {"string_value": "EUR"}},
        ],
        "items": [{"item_id": "p1", "price": 2.5, "quantity": 2}, {"item_id": "p2", "price": 1.0, "quantity": 1}],
    },
    {
        "event_name": "view_search_results", "event_timestamp": 1700000001000000, "user_id": "u1",
        "user_pseudo_id": "c1",
        "event_params": [{"key": "search_term", "value": {"string_value": "sofa"}}], "items": [],
    },
    {"event_name": "scroll", "event_timestamp": 1700000002000000, "user_pseudo_id": "c1"},
]  # fmt: skip
UBI = [
    {
        "query_id": "q1", "user_query": "lamp", "client_id": "c", "timestamp": "2025-01-01T00:00:00Z",
        "query_response_hit_ids": ["1"],
    },
    {
        "action_name": "click", "query_id": "q1", "client_id": "c", "timestamp": "2025-01-01T00:00:05Z",
        "event_attributes": {"object": {"object_id": "7", "object_id_field": "id"}, "position": {"ordinal": 3}},
    },
]  # fmt: skip
METARANK = [
    {
        "event": "item", "id": "e1", "item": "p1", "timestamp": "1700000000000",
        "fields": [
            {"name": "title", "value": "Lamp"}, {"name": "price", "value": 3.5},
            {"name": "colour", "value": ["red", "blue"]},
        ],
    },
    {"event": "user", "id": "e2", "user": "u1", "timestamp": "1700000000000", "fields": [{"name": "age", "value": 30}]},
    {
        "event": "ranking", "id": "r1", "user": "u1", "session": "s", "timestamp": "1700000000000",
        "fields": [{"name": "query", "value": "lamp"}], "items": [{"id": "p1"}, {"id": "p2"}],
    },
    {
        "event": "interaction", "id": "e4", "ranking": "r1", "user": "u1", "session": "s", "item": "p2",
        "type": "click", "timestamp": "1700000005000",
    },
]  # fmt: skip
GORSE = [
    {"UserId": "bob", "Labels": {"age": "30"}},
    {
        "ItemId": "1", "IsHidden": True, "Categories": ["a", "b"], "Timestamp": "2025-01-01",
        "Labels": {"colour": "red", "embedding": [0.1]}, "Comment": "Lamp",
    },
    {"FeedbackType": "star", "UserId": "bob", "ItemId": "1", "Value": 1.0, "Timestamp": "2025-01-02"},
]  # fmt: skip
AMAZON = [
    {
        "rating": 5.0, "title": "Great", "text": "Very good", "images": [], "asin": "B1", "parent_asin": "B0",
        "user_id": "A1", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": True,
    }
]  # fmt: skip
AMAZON_META = [
    {
        "main_category": "All Beauty", "title": "Soap", "average_rating": 4.8, "rating_number": 10,
        "features": ["mild"], "description": ["A soap."], "price": "None", "store": "Yes To",
        "images": [{"thumb": "t.jpg", "large": "l.jpg"}],
        "categories": ["Beauty", "Soap"], "details": {"Color": "white"}, "parent_asin": "B0",
    }
]  # fmt: skip
SHOPIFY_COLUMNS = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,"
    "Variant SKU,Variant Inventory Qty,Variant Price,Image Src,Status"
)
SHOPIFY = f"""{SHOPIFY_COLUMNS}
shirt,Shirt,"<p>Soft &amp; light</p>",Acme,Clothing > Shirts,Shirt,"new, summer",true,Size,S,SH-S,3,19.90,1.jpg,active
shirt,,,,,,,,,M,SH-M,0,21.90,2.jpg,
shirt,,,,,,,,,,,,,3.jpg,
mug,Mug,,Acme,,Kitchen,,true,Title,Default Title,,5,5.00,,draft
"""
MERCHANT = {
    "id": "A1", "title": "Sofa", "description": "Soft", "link": "https://s/1", "image_link": "https://i/1",
    "availability": "in_stock", "price": "15.00 USD", "sale_price": "12.50 USD", "brand": "Acme",
    "item_group_id": "G1", "product_type": "Home > Sofas", "google_product_category": "436", "color": "blue",
}  # fmt: skip


def lines(records: list[dict[str, Any]]) -> bytes:
    return b"\n".join(orjson.dumps(record) for record in records)


def read(tmp_path: Path, data: bytes | str, expected: str, kind: str | None = None) -> dict[str, Batch]:
    path = tmp_path / "data"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    source = open_source(path, kind, now=NOW)
    assert source.format == expected
    return {batch.kind: batch for batch in source.batches()}


def test_ga4_gives_an_event_for_each_item(tmp_path: Path) -> None:
    batch = read(tmp_path, lines(GA4), "ga4")["events"]
    events = list(interactions(batch.frame))
    assert [(e.type, e.product_id, e.value, e.quantity, e.session_id) for e in events] == [
        ("purchase-complete", "p1", 250, 2, "42"),
        ("purchase-complete", "p2", 100, 1, "42"),
        ("search", "", None, 1, ""),
    ]
    assert events[0].at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (events[2].shopper_id, events[2].query) == ("u1", "sofa")
    assert batch.rejected[0].reason == "unknown event type 'scroll'"


def test_ubi_queries_and_clicks(tmp_path: Path) -> None:
    search, click = interactions(read(tmp_path, lines(UBI), "ubi")["events"].frame)
    assert (search.type, search.query, search.slate_id) == ("search", "lamp", "q1")
    assert (click.type, click.product_id, click.position, click.slate_id) == ("detail-page-view", "7", 2, "q1")


def test_metarank_carries_impressions(tmp_path: Path) -> None:
    found = read(tmp_path, lines(METARANK), "metarank")
    (lamp,) = products(found["products"].frame)
    assert (lamp.id, lamp.title, lamp.price, lamp.attributes) == ("p1", "Lamp", 350, {"colour": ("red", "blue")})
    assert found["shoppers"].frame.to_dicts() == [{"id": "u1", "attributes": '{"age":["30"]}'}]
    events = list(interactions(found["events"].frame))
    assert [(e.type, e.product_id, e.position, e.slate_id) for e in events] == [
        ("search", "", None, "r1"),
        ("impression", "p1", 0, "r1"),
        ("impression", "p2", 1, "r1"),
        ("detail-page-view", "p2", None, "r1"),
    ]


def test_gorse_dump(tmp_path: Path) -> None:
    found = read(tmp_path, lines(GORSE), "gorse")
    (lamp,) = products(found["products"].frame)
    assert (lamp.title, lamp.categories, lamp.sellable, lamp.attributes) == (
        "Lamp",
        ("a", "b"),
        False,
        {"colour": ("red",)},
    )
    (star,) = interactions(found["events"].frame)
    assert (star.type, star.shopper_id, star.product_id, star.value) == ("detail-page-view", "bob", "1", None)
    assert found["shoppers"].frame["id"].to_list() == ["bob"]


def test_amazon_reviews_are_also_purchases(tmp_path: Path) -> None:
    found = read(tmp_path, lines(AMAZON), "amazon")
    assert found["reviews"].frame.select("product_id", "rating", "text").row(0) == ("B0", 5.0, "Very good")
    (event,) = interactions(found["events"].frame)
    assert (event.type, event.shopper_id) == ("purchase-complete", "A1")
    (soap,) = products(read(tmp_path, lines(AMAZON_META), "amazon")["products"].frame)
    assert (soap.title, soap.categories, soap.price, soap.images) == ("Soap", ("Beauty > Soap",), None, ("l.jpg",))


def test_shopify_variants_share_a_group(tmp_path: Path) -> None:
    small, medium, mug = products(read(tmp_path, SHOPIFY, "shopify")["products"].frame)
    assert (small.id, small.title, small.price, small.group_id) == ("SH-S", "Shirt (S)", 1990, "shirt")
    assert (medium.id, medium.title, medium.price, medium.brand) == ("SH-M", "Shirt (M)", 2190, "Acme")
    assert medium.description == "Soft & light"
    assert medium.images == ("1.jpg", "2.jpg", "3.jpg")
    assert medium.attributes == {"Size": ("M",), "tags": ("new", "summer")}
    assert (mug.id, mug.title, mug.sellable) == ("mug", "Mug", False)


def test_merchant_prices_carry_their_currency(tmp_path: Path) -> None:
    (sofa,) = products(
        read(tmp_path, "\n".join(map("\t".join, (MERCHANT, MERCHANT.values()))), "merchant")["products"].frame
    )
    assert (sofa.price, sofa.currency, sofa.group_id, sofa.url) == (1250, "USD", "G1", "https://s/1")
    assert (sofa.categories, sofa.attributes) == (("Home > Sofas",), {"color": ("blue",)})


def test_personalize_datasets(tmp_path: Path) -> None:
    data = (
        "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE\nu1,i1,1700000000,Purchase,9.5\nu1,i2,1700000001,click,0.7\n"
    )
    bought, seen = interactions(read(tmp_path, data, "personalize")["events"].frame)
    assert (bought.type, bought.value, seen.type, seen.value) == ("purchase-complete", 950, "detail-page-view", None)
    items = (
        "ITEM_ID,PRICE,CATEGORY_L1,CATEGORY_L2,CREATION_TIMESTAMP\ni1,3,Home,Sofas,1700000000\ni2,,Home,,1700000000\n"
    )
    one, two = products(read(tmp_path, items, "personalize")["products"].frame)
    assert (one.title, one.categories, one.price, two.categories) == ("i1", ("Home > Sofas",), 300, ("Home",))
    assert read(tmp_path, "USER_ID,AGE\nu1,30\n", "personalize")["shoppers"].frame["id"].to_list() == ["u1"]


def test_recbole_atomic_files(tmp_path: Path) -> None:
    inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t4\t881250949\n"
    found = read(tmp_path, inter, "recbole")
    (event,) = interactions(found["events"].frame)
    assert (event.type, event.shopper_id, event.product_id) == ("purchase-complete", "1", "2")
    assert found["reviews"].frame["rating"].to_list() == [4.0]
    header = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq"
    item = f"{header}\n1\tToy Story\t1995\tAnimation Comedy\n"
    (film,) = products(read(tmp_path, item, "recbole")["products"].frame)
    assert (film.title, film.categories, film.attributes) == (
        "Toy Story",
        ("Animation", "Comedy"),
        {"release_year": ("1995",)},
    )
    user = read(tmp_path, "user_id:token\tage:token\n1\t24\n", "recbole")["shoppers"]
    assert user.frame.to_dicts() == [{"id": "1", "attributes": '{"age":["24"]}'}]


def test_taobao_and_sequences_have_no_header(tmp_path: Path) -> None:
    taobao = read(tmp_path, "1,2268318,2520377,pv,1511544070\n1,2333346,2520771,buy,1511561733\n", "taobao")["events"]
    assert taobao.frame["type"].to_list() == ["detail-page-view", "purchase-complete"]
    events = list(interactions(read(tmp_path, "1 5 6 7\n2 5\n", "sequences")["events"].frame))
    assert [(e.shopper_id, e.product_id) for e in events] == [("1", "5"), ("1", "6"), ("1", "7"), ("2", "5")]
    assert [e.at for e in events] == [*sorted(e.at for e in events[:3] if e.at), events[0].at]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_is_one_thing(name: str) -> None:
    assert (FORMATS[name].rows is None) != (FORMATS[name].tables is None)
    assert FORMATS[name].kinds


def test_kind_chooses_among_the_kinds_of_a_format(tmp_path: Path) -> None:
    assert set(read(tmp_path, lines(METARANK), "metarank", kind="products")) == {"products"}
