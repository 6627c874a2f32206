"""Products and shoppers over HTTP."""

import pytest
from starlette.testclient import TestClient

import corner_shop
from mercato.serve.app import create_app


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A shop of its own: these tests change it."""
    with corner_shop.build(tmp_path_factory.mktemp("products") / "own") as shop, TestClient(create_app(shop)) as client:
        yield client


def test_a_product_comes_back_as_it_was_put(own: TestClient):
    body = {"title": "Blue cheese · 8 OZ", "categories": ["Dairy > Cheese"], "price": 5.25, "currency": "USD"}
    put = own.put("/v1/products/new-1", json=body)
    assert put.status_code == 200, put.text
    got = own.get("/v1/products/new-1").json()
    assert got == put.json()
    assert {name: got[name] for name in ("id", "title", "price", "currency", "categories")} == {"id": "new-1", **body}


def test_an_id_with_a_slash_is_an_id(own: TestClient):
    assert own.put("/v1/products/a%2Fb", json={"title": "Odd"}).json()["id"] == "a/b"
    assert own.get("/v1/products/a%2Fb").json()["title"] == "Odd"
    assert own.get("/v1/products/a%2Fb/reviews:summary").json()["count"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [({"price": 3}, "title"), ({"title": "x", "price": "dear"}, "price"), ({"title": "x", "id": "other"}, "id")],
)
def test_a_bad_product_is_refused_with_its_field(own: TestClient, body, field):
    response = own.put("/v1/products/bad", json=body)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field
    assert own.get("/v1/products/bad").status_code == 404


def test_a_product_that_is_no_object_is_refused(own: TestClient):
    assert own.put("/v1/products/bad", json=[1]).status_code == 400


def test_a_deleted_product_is_gone_from_the_next_list(own: TestClient):
    product = corner_shop.product_id("Goat cheese")
    found = own.post("/v1/search", json={"query": "goat cheese"}).json()
    assert product in [item["id"] for item in found["items"]]
    assert own.delete(f"/v1/products/{product}").json() == {"deleted": product}
    assert own.get(f"/v1/products/{product}").status_code == 404
    found = own.post("/v1/search", json={"query": "goat cheese"}).json()
    assert product not in [item["id"] for item in found["items"]]
    assert own.delete(f"/v1/products/{product}").status_code == 404


def test_import_as_json_tells_good_rows_from_bad(own: TestClient):
    rows = [{"id": "i1", "title": "Pears"}, {"id": "i2"}, "no", {"id": "i3", "title": "Plums", "price": 2}]
    answer = own.post("/v1/products:import", json={"products": rows}).json()
    assert answer["accepted"] == 2
    assert [refused["index"] for refused in answer["rejected"]] == [1, 2]
    assert own.get("/v1/products/i3").json()["title"] == "Plums"


def test_import_as_a_file(own: TestClient):
    lines = b'{"id": "f1", "title": "Figs"}\n{"id": "f2", "title": "Dates"}\n'
    response = own.post("/v1/products:import", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert response.status_code == 200, response.text
    assert own.get("/v1/products/f2").json()["title"] == "Dates"
    response = own.post("/v1/products:import", content=b"id,title\nc1,Kiwis\n", headers={"Content-Type": "text/csv"})
    assert response.status_code == 200, response.text
    assert own.get("/v1/products/c1").json()["title"] == "Kiwis"


def test_a_shopper_is_known_by_what_they_did(client: TestClient):
    known = client.get("/v1/shoppers/s0").json()
    assert known["purchases"] >= corner_shop.BASKETS * 3
    assert known["top_categories"][0]["count"] >= corner_shop.BASKETS
    assert {"type", "at", "product_id", "title"} <= set(known["recent"][0])
    assert client.get("/v1/shoppers/nobody").status_code == 404


def test_shoppers_by_prefix(client: TestClient):
    found = client.get("/v1/shoppers", params={"prefix": "s1", "k": 5}).json()["shoppers"]
    assert len(found) == 5
    assert all(one["id"].startswith("s1") and one["purchases"] for one in found)
