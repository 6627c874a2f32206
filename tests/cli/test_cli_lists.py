"""search and recommend as typed: JSON, filters, explanations."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import corner_shop


def test_json_is_one_document_on_stdout_and_nothing_on_stderr(mercato, corner):
    said = mercato("search", corner, "milk", "--json")
    assert said.code == 0
    assert said.err == ""
    assert said.out.lstrip().startswith("{")
    assert {"slate_id", "items", "total", "degraded", "versions", "took_ms"} <= set(said.json)
    assert {"id", "title", "price", "currency", "image", "categories", "brand", "score"} <= set(said.json["items"][0])


@pytest.mark.parametrize("text", ["milk", "“ünïcode” 🥛 milk", "milk\u202e[red]bold[/red]", "", "  ", "'; DROP TABLE"])
def test_any_text_is_a_query(mercato, corner, text):
    assert mercato("search", corner, text, "--json").code == 0
    assert mercato("search", corner, text).code == 0


def test_a_typo_is_corrected_and_said(mercato, corner):
    said = mercato("search", corner, "chedar", "--json").json
    assert said["corrected"] == "cheddar"
    assert said["items"][0]["title"].startswith("Cheddar")
    assert "cheddar" in mercato("search", corner, "chedar").out


def test_where_narrows_to_exactly_that(mercato, corner):
    said = mercato("search", corner, "milk", "--where", "brand=Private, price<=3", "-k", "50", "--json").json
    assert said["items"]
    assert all(item["brand"] == "Private" and item["price"] <= 3 for item in said["items"])
    everything = mercato("search", corner, "milk", "-k", "50", "--json").json["items"]
    wanted = {item["id"] for item in everything if item["brand"] == "Private" and item["price"] <= 3}
    assert {item["id"] for item in said["items"]} == wanted
    assert said["total"] == len(wanted)


def test_where_on_a_recommendation(mercato, corner):
    said = mercato("recommend", corner, "--placement", "home", "--where", "maker='Maker 11'|x", "--json")
    assert said.code == 0
    picked = mercato("recommend", corner, "--placement", "home", "--where", "maker=Maker 11", "--json").json
    assert picked["items"]
    assert all(item["attributes"]["maker"] == ["Maker 11"] for item in picked["items"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "milk"),
        ("search", "chedar cheese"),
        ("search", ""),
        ("search", "milk", "--shopper", "s0"),
        ("recommend", "--placement", "home", "--shopper", "s1"),
        ("recommend", "--placement", "home", "--shopper", "nobody-ever"),
        ("recommend", "--placement", "discover", "--shopper", "s2"),
        ("recommend", "--placement", "buy-again", "--shopper", "s3"),
        ("recommend", "--placement", "similar", "--product", "p0"),
        ("recommend", "--placement", "together", "--product", "p0"),
        ("recommend", "--placement", "cart", "--cart", "p0", "--cart", "p13"),
        ("recommend", "--placement", "tail", "--shopper", "s0"),
        ("recommend", "--placement", "email", "--shopper", "s0"),
        ("recommend", "--placement", "session", "--shopper", "s0"),
    ],
    ids=" ".join,
)
def test_terms_add_up_to_the_score(mercato, corner, arguments):
    verb, *rest = arguments
    said = mercato(verb, corner, *rest, "--explain", "--json")
    assert said.code == 0, said.err
    slate = said.json
    scores = [item["score"] for item in slate["items"]]
    if verb == "search":  # a cap may move a surplus item behind a lower score in a recommendation
        assert scores == sorted(scores, reverse=True)
    for item in slate["items"]:
        assert sum(item["terms"].values()) == pytest.approx(item["score"], abs=1e-6)
        assert {"behaviour", "attribute", "relation"} <= set(item["terms"])
    assert len({item["id"] for item in slate["items"]}) == len(slate["items"])


def test_without_explain_there_are_no_terms(mercato, corner):
    said = mercato("search", corner, "milk", "--json").json
    assert not any("terms" in item and item["terms"] for item in said["items"])


def test_explain_prints_the_sum_and_the_reason(mercato, corner):
    said = mercato("recommend", corner, "--placement", "home", "--shopper", "s0", "--explain")
    assert "You bought this" in said.out
    assert " = behaviour " in said.out


def test_buy_again_and_discover_keep_their_promise(mercato, corner):
    bought = {event["product_id"] for event in corner_shop.events(datetime.now(UTC)) if event["shopper_id"] == "s4"}
    again = mercato("recommend", corner, "--placement", "buy-again", "--shopper", "s4", "-k", "48", "--json").json
    new = mercato("recommend", corner, "--placement", "discover", "--shopper", "s4", "-k", "48", "--json").json
    assert {item["id"] for item in again["items"]} <= bought
    assert new["items"]
    assert not {item["id"] for item in new["items"]} & bought


def test_similar_never_shows_the_product_itself(mercato, corner):
    said = mercato("recommend", corner, "--placement", "similar", "--product", "p0", "-k", "48", "--json").json
    assert said["items"]
    assert "p0" not in {item["id"] for item in said["items"]}


def test_reading_leaves_the_shop_untouched(mercato, corner):
    before = {path: path.read_bytes() for path in corner.glob("*") if path.name in ("mercato.toml", "lock")}
    counts = mercato("doctor", corner, "--json").json["counts"]
    mercato("search", corner, "milk")
    mercato("recommend", corner, "--placement", "home", "--shopper", "s0")
    assert {path: path.read_bytes() for path in before} == before
    assert mercato("doctor", corner, "--json").json["counts"] == counts
