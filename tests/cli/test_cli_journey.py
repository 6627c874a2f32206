"""A shopkeeper's first hour as typed: new, import, doctor, train, evaluate, search, recommend."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

import corner_shop

EVENTS = len(corner_shop.events(datetime.now(UTC)))


def test_from_nothing_to_a_list(mercato, tmp_path, products_csv, events_csv):
    shop = tmp_path / "shop"
    assert mercato("new", shop, "--json").json == {"shop": str(shop)}

    first = mercato("import", shop, products_csv, events_csv, "--json")
    assert first.code == 0
    assert first.json["kept"] == {"products": len(corner_shop.PRODUCTS), "events": EVENTS}
    assert first.json["rejected"] == 0
    assert not (shop / "rejected").exists()

    trained = mercato("train", shop, "--json")
    assert trained.code == 0
    assert trained.json["data"]["events"] == EVENTS
    assert trained.json["data"]["products"] == len(corner_shop.PRODUCTS)

    found = mercato("search", shop, "rye bread", "-k", "3", "--json").json
    assert found["items"][0]["title"].startswith("Rye bread")

    home = mercato("recommend", shop, "--placement", "home", "--shopper", "s0", "--json").json
    habit = {corner_shop.product_id(title) for title in corner_shop.HABITS[0]}
    assert habit <= {item["id"] for item in home["items"]}


def test_new_from_a_file_imports_and_trains_at_once(mercato, tmp_path, products_csv):
    shop = tmp_path / "shop"
    made = mercato("new", shop, "--from", "own", products_csv, "--json")
    assert made.code == 0, made.err
    assert made.json["kept"] == {"products": len(corner_shop.PRODUCTS)}
    assert mercato("search", shop, "cheddar", "--json").json["total"] > 0


def test_importing_twice_keeps_nothing_new(mercato, tmp_path, products_csv, events_csv):
    shop = tmp_path / "shop"
    mercato("new", shop)
    once = mercato("import", shop, products_csv, events_csv, "--json").json
    before = mercato("doctor", shop, "--json").json["counts"]
    again = mercato("import", shop, products_csv, events_csv, "--json")
    assert again.code == 0
    assert again.json["kept"].get("events", 0) == 0
    assert again.json["duplicates"]["events"] == once["kept"]["events"]
    assert mercato("doctor", shop, "--json").json["counts"] == before


def test_importing_products_twice_counts_them_as_already_there(mercato, tmp_path, products_csv):
    shop = tmp_path / "shop"
    mercato("new", shop)
    mercato("import", shop, products_csv)
    again = mercato("import", shop, products_csv, "--json").json
    assert again["kept"].get("products", 0) == 0
    assert "nothing new" in mercato("import", shop, products_csv).out


def test_events_without_ids_twice_are_kept_once(mercato, tmp_path, products_csv):
    shop, events = tmp_path / "shop", tmp_path / "events.jsonl"
    rows = [{"type": "purchase-complete", "shopper_id": "u", "product_id": "p0", "at": 1_700_000_000}] * 2
    events.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    mercato("new", shop)
    assert mercato("import", shop, products_csv, events, "--json").json["kept"]["events"] == 2
    assert mercato("import", shop, events, "--json").json["kept"].get("events", 0) == 0


def test_a_rejected_row_is_said_and_kept(mercato, tmp_path):
    shop, products = tmp_path / "shop", tmp_path / "products.csv"
    products.write_text("id,title,price\na,Oat milk,3\nb,Soy milk,-1\n", encoding="utf-8")
    mercato("new", shop)
    said = mercato("import", shop, products)
    assert said.code == 0
    assert "Rejected 1 row" in said.out
    (kept,) = (shop / "rejected").iterdir()
    (line,) = map(json.loads, kept.read_text(encoding="utf-8").splitlines())
    assert (line["line"], line["field"]) == (3, "price")
    assert line["reason"]
    assert "Soy milk" in line["row"]
    assert kept.name in said.out.replace("\n", "")


def test_doctor_names_what_is_wrong(mercato, corner):
    said = mercato("doctor", corner)
    assert said.code == 0
    assert "catalogue" in said.out
    found = mercato("doctor", corner, "--json").json
    assert found["counts"]["products"] == len(corner_shop.PRODUCTS)
    assert {"severity", "what", "count", "share", "cost", "hint"} <= set(found["events"][0])


def test_doctor_of_an_untrained_shop(mercato, tmp_path):
    mercato("new", tmp_path / "shop")
    found = mercato("doctor", tmp_path / "shop", "--json")
    assert found.code == 0
    assert found.json["catalogue"][0]["severity"] == "error"
    assert "mercato train" in found.json["catalogue"][0]["hint"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    home = tmp_path_factory.mktemp("evaluate") / "shop"
    corner_shop.build(home).close()
    # the corner shop's replay is cut an hour after everybody's basket: what was "just chosen" would rule every list
    (home / "mercato.toml").write_text("[lists]\nrecent_weight = 0.0\n", encoding="utf-8")
    return home


def test_evaluate_shows_the_nulls_beside_us(mercato, judged):
    said = mercato("evaluate", judged, "--part", "recommend", "--json")
    assert said.code == 0, said.err
    tasks = {task["name"]: task for task in said.json["recommend"]["tasks"]}
    rows = {row["model"]: row for row in tasks["next basket"]["rows"]}
    assert {"mercato", "popularity", "personal frequency", "item-kNN"} <= set(rows)
    for row in rows.values():
        quality = row["ndcg@10"]
        assert 0 <= quality["low"] <= quality["mean"] <= quality["high"] <= 1
    assert rows["mercato"]["ndcg@10"]["mean"] > rows["popularity"]["ndcg@10"]["mean"]


def test_evaluate_prints_tables(mercato, judged, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    said = mercato("evaluate", judged, "--part", "recommend")
    assert said.code == 0
    assert "next basket" in said.out
    assert "popularity" in said.out


def test_relative_paths_are_seen_from_where_one_stands(mercato, tmp_path, products_csv, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mercato("new", "shop").code == 0
    said = mercato("import", "shop", products_csv.name)
    assert said.code == 0
    assert said.out.splitlines()[-1] == "Next: mercato train shop"


def test_friends_are_imported_once_and_wrong_rows_named(mercato, tmp_path):
    shop, friends = tmp_path / "shop", tmp_path / "friends.csv"
    mercato("new", shop)
    friends.write_text("userID,friendID\ns1,s2\ns2,s1\ns3,\n", encoding="utf-8")
    first = mercato("import", shop, friends, "--as", "relations", "--json").json
    assert first["kept"] == {"relations": 1}
    assert first["duplicates"] == {"relations": 1}
    assert first["reasons"] == {"friend_id: missing": 1}
    again = mercato("import", shop, friends, "--as", "relations", "--json").json
    assert again["kept"] == {"relations": 0}
