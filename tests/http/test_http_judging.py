"""Judging over HTTP: sets, judgments, files, comparisons and reports, and refusals in the one error shape."""

import csv
import io

import pytest
from starlette.testclient import TestClient

import corner_shop
from corner_shop import product_id
from mercato.serve.app import create_app

OAT, WHOLE = product_id("Oat milk"), product_id("Whole milk")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A shop of this file's own: its searches would be in everybody's reports."""
    with corner_shop.build(tmp_path_factory.mktemp("judging") / "corner") as built:
        yield built


@pytest.fixture(scope="module")
def client(own):
    with TestClient(create_app(own)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _without_sets(own):
    yield
    for one in own.judging.sets():
        own.judging.delete(one["name"])


def test_a_set_is_written_judged_compared_and_taken_out(client):
    put = client.put("/v1/query-sets/weekly list", json={"queries": ["milk", "coffee"]})
    assert put.status_code == 200
    assert put.json()["queries"] == ["milk", "coffee"]
    for product, grade in ((OAT, 3), (WHOLE, 1.5)):
        told = client.put(
            "/v1/query-sets/weekly list/judgments",
            json={"query": "Milk", "product": product, "grade": grade, "by": "me"},
        )
        assert told.json() == {"query": "Milk", "product": product, "grade": grade}
    assert client.get("/v1/query-sets").json()["sets"][0]["judged"] == {"hand": 2, "clicks": 0, "model": 0}
    kept = client.get("/v1/query-sets/weekly list").json()["judgments"]
    assert {(one["query"], one["product_id"], one["grade"], one["by"]) for one in kept} == {
        ("milk", OAT, 3.0, "me"), ("milk", WHOLE, 1.5, "me"),
    }  # fmt: skip

    turned = client.post(
        "/v1/compare", json={"set": "weekly list", "knobs": {"weights": {"words": 0.1}, "rules": False, "typos": False}}
    )
    overall = turned.json()["overall"]
    assert overall["measured"] == 1
    assert overall["judgments"] == {"hand": 2, "clicks": 0, "model": 0}
    assert [row["query"] for row in turned.json()["queries"]] == ["milk", "coffee"]
    lists = client.post("/v1/compare:lists", json={"set": "weekly list", "query": "MILK", "k": 3}).json()
    assert len(lists["a"]) == len(lists["b"]) == 3
    assert set(lists["a"][0]) == {"id", "title", "category", "grades", "counts", "other"}
    assert lists["query"] == "milk"

    gone = {"query": "milk", "product": OAT, "grade": None}
    assert client.put("/v1/query-sets/weekly list/judgments", json=gone).status_code == 200
    assert len(client.get("/v1/query-sets/weekly list").json()["judgments"]) == 1
    assert client.delete("/v1/query-sets/weekly list").json() == {"deleted": "weekly list"}
    assert client.get("/v1/query-sets/weekly list").status_code == 404


def test_judgments_leave_and_come_as_a_file(client):
    client.put("/v1/query-sets/a", json={"queries": ["milk"]})
    csv_file = f"query,product_id,grade\nmilk,{OAT},3\nmilk,nowhere,1\n"
    sent = client.post("/v1/query-sets/a/judgments:import", content=csv_file, headers={"Content-Type": "text/csv"})
    assert sent.json() == {"judged": 1, "queries": 1, "of_unknown_products": 1}
    lines = f'{{"query": "milk", "product_id": "{WHOLE}", "grade": 2}}\n'
    sent = client.post(
        "/v1/query-sets/a/judgments:import", content=lines, headers={"Content-Type": "application/jsonl"}
    )
    assert sent.json()["judged"] == 1
    out = client.get("/v1/query-sets/a/judgments:export")
    assert out.headers["content-type"].startswith("text/csv")
    assert "attachment" in out.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(out.text)))
    assert {(row["product_id"], row["grade"], row["source"]) for row in rows} == {
        (OAT, "3.0", "hand"), (WHOLE, "2.0", "hand"),
    }  # fmt: skip
    bad = f"query,product_id,grade\nmilk,{OAT},9\n"
    refused = client.post("/v1/query-sets/a/judgments:import", content=bad, headers={"Content-Type": "text/csv"})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "grade"
    assert client.post("/v1/query-sets/a/judgments:import", content=csv_file).status_code == 415


def test_all_of_a_set_is_judged_by_model_or_clicks(client):
    client.put("/v1/query-sets/a", json={"queries": ["milk", "coffee"]})
    told = client.post("/v1/query-sets/a:judge", json={"source": "model"}).json()
    assert told["judged"] > 10
    assert "cosine" in told["rule"]
    assert client.post("/v1/query-sets/a:judge", json={"source": "clicks"}).json()["judged"] == 0
    assert client.get("/v1/query-sets").json()["sets"][0]["judged"]["model"] == told["judged"]
    silent = client.post("/v1/compare", json={"set": "a"}).json()["overall"]
    assert silent["judgments"]["model"] == 0
    assert silent["left_out"]["not_asked_for"] == told["judged"]
    asked = client.post("/v1/compare", json={"set": "a", "sources": ["model"]}).json()["overall"]
    assert asked["judgments"]["model"] == told["judged"]


def test_reports_and_suggestions_tell_what_shoppers_ask(client):
    for n in range(12):
        for query in ("milk", "coffee"):
            slate = client.post("/v1/search", json={"query": query, "shopper": f"s{n}"}).json()
            if query == "milk":
                event = {"type": "detail-page-view", "shopper_id": f"s{n}", "product_id": slate["items"][0]["id"]}
                client.post("/v1/events", json={"events": [{**event, "slate_id": slate["slate_id"], "position": 0}]})
    searches = client.get("/v1/console/searches").json()
    assert set(searches) == {"empty", "recent", "frequent", "unclicked"}
    assert {one["query"]: one["times"] for one in searches["frequent"]} == {"milk": 12, "coffee": 12}
    assert searches["unclicked"]["rate"] == 0.5
    assert [one["query"] for one in searches["unclicked"]["queries"]] == ["coffee"]
    suggested = client.get("/v1/query-sets:suggest", params={"how": "frequent", "k": 5}).json()
    assert sorted(suggested["queries"]) == ["coffee", "milk"]
    client.put("/v1/query-sets/a", json={"queries": ["milk"]})
    assert client.post("/v1/query-sets/a:judge", json={"source": "clicks"}).json()["queries"] == 1


def test_what_can_be_turned_is_told(client):
    told = client.get("/v1/compare").json()
    assert set(told) == {"terms", "meaning", "rules", "partial"}
    assert "words" in told["terms"]


REFUSED = [
    ("PUT", "/v1/query-sets/a:b", {"queries": ["milk"]}, "name"),
    ("PUT", "/v1/query-sets/b", {"queries": []}, "queries"),
    ("PUT", "/v1/query-sets/b", {"queries": [" "]}, "query"),
    ("PUT", "/v1/query-sets/a/judgments", {"query": "milk", "product": OAT, "grade": 4}, "grade"),
    ("PUT", "/v1/query-sets/a/judgments", {"query": "milk", "product": OAT, "grade": "3"}, "grade"),
    ("PUT", "/v1/query-sets/a/judgments", {"query": "milk", "product": OAT}, "grade"),
    ("POST", "/v1/query-sets/a:judge", {"source": "hand"}, "source"),
    ("POST", "/v1/compare", {"set": "a", "knobs": {"weights": {"magic": 1}}}, "weights"),
    ("POST", "/v1/compare", {"set": "a", "knobs": {"partial": 2}}, "partial"),
    ("POST", "/v1/compare", {"set": "a", "sources": ["me"]}, "sources.0"),
    ("POST", "/v1/compare:lists", {"set": "a", "query": ""}, "query"),
    ("GET", "/v1/query-sets:suggest?how=best", None, "how"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), REFUSED)
def test_nonsense_is_refused(client, method, path, body, field):
    client.put("/v1/query-sets/a", json={"queries": ["milk"]})
    response = client.request(method, path, json=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"]["field"] == field


def test_what_is_not_there_is_not_found(client):
    for method, path, body in (
        ("GET", "/v1/query-sets/a", None),
        ("DELETE", "/v1/query-sets/a", None),
        ("GET", "/v1/query-sets/a/judgments:export", None),
        ("POST", "/v1/query-sets/a:judge", {"source": "clicks"}),
        ("POST", "/v1/compare", {"set": "a"}),
        ("PUT", "/v1/query-sets/a/judgments", {"query": "milk", "product": OAT, "grade": 1}),
    ):
        assert client.request(method, path, json=body).status_code == 404, path


def test_an_untrained_shop_compares_nothing(untrained):
    client = TestClient(create_app(untrained))
    assert client.put("/v1/query-sets/a", json={"queries": ["milk"]}).status_code == 200
    assert client.post("/v1/compare", json={"set": "a"}).status_code == 503
    assert client.get("/v1/compare").status_code == 503
