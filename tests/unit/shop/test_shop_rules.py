"""The shopkeeper's rules in the running shop: kept at once, versioned, told with what is wrong, or refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import made_up_shop
import mercato
from mercato.policy.applied import Applied
from mercato.shop.rulebook import Rulebook

PINNED = made_up_shop.PRODUCTS[0]["id"]
GONE = next(one["id"] for one in made_up_shop.PRODUCTS if one.get("sellable") is False)
SOFAS = {"id": "sofas", "when": {"query": "sofa"}, "pins": [{"product": PINNED, "position": 1}]}
WORDS = {"id": "words", "synonyms": [{"words": ["sofa", "couch"]}]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("rules") / "shop"
    made_up_shop.build(home, "[sequence]\ntrain = 'never'\n").close()
    return home


@pytest.fixture
def shop(trained: Path, tmp_path: Path) -> Iterator[mercato.Shop]:
    """A copy of the trained shop, so that no test sees another's rules."""
    shutil.copytree(trained, tmp_path / "shop")
    with mercato.open(tmp_path / "shop", clock=lambda: made_up_shop.NOW) as opened:
        yield opened


def applied(shop: mercato.Shop, query: str = "sofa") -> Applied:
    """What the served snapshot makes of a query."""
    live = shop._live
    assert live is not None
    return live.merchandise.active(query, {}, made_up_shop.NOW)


def test_a_rule_is_in_force_when_the_call_returns_and_outlives_a_restart(shop: mercato.Shop, tmp_path: Path) -> None:
    assert shop.rules.all() == {"version": 0, "rules": [], "status": {}, "unread": []}
    assert "rules" not in shop.search("sofa").versions
    told = shop.rules.put(SOFAS)
    assert told["rule"] == {**SOFAS, "enabled": True, "priority": 0, "when": {"query": "sofa", "match": "exact"}}
    assert told["status"] == {"state": "in force", "unknown": [], "resting": [], "broken": []}
    assert applied(shop).rules == ("sofas",)
    assert applied(shop, "lamp").rules == ()
    assert shop.search("sofa").versions["rules"] == "1"
    assert shop.rules.one("sofas") == told
    shop.close()
    with mercato.open(tmp_path / "shop", clock=lambda: made_up_shop.NOW) as again:
        assert again.rules.one("sofas") == told
        assert applied(again).rules == ("sofas",)
        again.reload()
        assert applied(again).rules == ("sofas",)
        again.set_lists("home", personal=0)
        again.rules.put(WORDS)
        assert applied(again).rules == ("sofas", "words")
        assert set(again.search("sofa").versions) >= {"lists", "rules"}


def test_every_change_is_a_version_one_can_go_back_to(shop: mercato.Shop) -> None:
    shop.rules.put(SOFAS)
    shop.rules.put({**SOFAS, "note": "again"})
    shop.rules.put({**SOFAS, "note": "again"})
    made = shop.rules.add({"when": {"always": True}, "banner": {"text": "Hello"}})["rule"]["id"]
    shop.rules.delete("sofas")
    assert applied(shop).rules == (made,)
    told = shop.rules.versions()
    assert [(one["number"], one["what"]) for one in told] == [
        (4, "deleted sofas"), (3, f"added {made}"), (2, "changed sofas"), (1, "added sofas"),
    ]  # fmt: skip
    assert told[-1]["changed"] == ["sofas"]
    assert told[-1]["at"] == "2026-03-01T12:00:00Z"
    assert [rule["id"] for rule in shop.rules.at(3)["rules"]] == [made, "sofas"]

    back = shop.rules.rollback(1)
    assert back["version"] == 5
    assert [(rule["id"], rule.get("note")) for rule in back["rules"]] == [("sofas", None)]
    assert applied(shop).rules == ("sofas",)
    assert shop.rules.versions(1)[0]["what"] == "back to version 1"
    assert sorted(shop.rules.versions(1)[0]["changed"]) == sorted([made, "sofas"])
    assert shop.rules.rollback(5)["version"] == 5, "what is already so is no change"
    assert shop.rules.rollback(0)["rules"] == []
    assert applied(shop).rules == ()
    with pytest.raises(mercato.NotFound, match="no version 7"):
        shop.rules.rollback(7)


def test_all_rules_are_replaced_together_and_nobody_s_change_is_lost(shop: mercato.Shop) -> None:
    shop.rules.put(WORDS)
    told = shop.rules.replace([SOFAS, {**SOFAS, "id": "other", "priority": 3}], version=1)
    assert [rule["id"] for rule in told["rules"]] == ["other", "sofas"]
    assert told == shop.rules.all()
    with pytest.raises(mercato.RequestError, match="version 2 by now"):
        shop.rules.replace([], version=1)
    with pytest.raises(mercato.RequestError) as refused:
        shop.rules.replace([SOFAS, {**SOFAS, "pins": []}])
    assert refused.value.where == "rules[1]"
    with pytest.raises(mercato.RequestError, match="same id"):
        shop.rules.replace([SOFAS, SOFAS])
    assert shop.rules.all() == told
    assert shop.rules.replace(told["rules"], told["version"]) == told, "what is read can be written back"


def test_what_cannot_be_is_refused_and_nothing_is_kept(shop: mercato.Shop) -> None:
    shop.rules.put({"id": "one-way", "synonyms": [{"from": "tablet", "words": ["ipad"]}]})
    before = shop.rules.all()
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"id": "back", "synonyms": [{"from": "ipad", "words": ["tablet"]}]}, "circle"),
        ({**SOFAS, "hide": {"where": {"fabric": ["silk"]}}}, "no field 'fabric'"),
        ({**SOFAS, "enabled": False, "boosts": [{"where": {"brand": {"min": 3}}, "by": 1}]}, "not a number"),
        ({**SOFAS, "pins": [{"product": PINNED, "position": 0}]}, "position"),
    ]
    for record, what in refusals:
        with pytest.raises(mercato.RequestError, match=what):
            shop.rules.put(record)
    with pytest.raises(mercato.RequestError, match="already"):
        shop.rules.add({"id": "one-way", "synonyms": [{"words": ["a", "b"]}]})
    with pytest.raises(mercato.NotFound, match="'nobody'"):
        shop.rules.delete("nobody")
    with pytest.raises(mercato.NotFound):
        shop.rules.one("nobody")
    assert shop.rules.all() == before


def test_what_a_rule_cannot_do_now_is_told_and_harms_nothing(shop: mercato.Shop) -> None:
    places = [{"product": product, "position": n + 1} for n, product in enumerate((GONE, "nobody", PINNED))]
    status = shop.rules.put({**SOFAS, "pins": places})["status"]
    assert status["unknown"] == ["nobody"]
    assert status["resting"] == [
        {"product": GONE, "why": "not for sale"}, {"product": "nobody", "why": "not in the trained catalogue"},
    ]  # fmt: skip
    shop.put_products([mercato.Product("nobody", "New sofa")])
    assert shop.rules.one("sofas")["status"]["unknown"] == [], "it waits for the next training"
    shop.delete_product(PINNED)
    assert shop.rules.one("sofas")["status"]["unknown"] == [PINNED]
    waiting = shop.rules.put({**SOFAS, "start": (made_up_shop.NOW + timedelta(days=1)).isoformat()})
    assert waiting["status"]["state"] == "waiting"
    assert applied(shop).rules == ()


def test_a_rule_of_a_newer_mercato_is_passed_over_and_can_be_taken_out(shop: mercato.Shop) -> None:
    shop.rules.put(SOFAS)
    shop.store.rules.change({"future": {"id": "future", "hologram": True}}, "x", made_up_shop.NOW, after=1)
    shop.reload()
    assert applied(shop).rules == ("sofas",)
    assert shop.rules.all()["unread"] == ["future"]
    shop.rules.put(WORDS)
    assert shop.rules.all()["unread"] == ["future"], "another change leaves it alone"
    shop.rules.delete("future")
    assert shop.rules.all()["unread"] == []


def test_rules_are_kept_before_the_first_training(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "new", products=made_up_shop.PRODUCTS[:4]) as shop:
        assert shop.rules.put({**SOFAS, "pins": [{"product": "x", "position": 1}]})["status"]["unknown"] == ["x"]
        assert shop.rules.put(SOFAS)["status"] == {"state": "in force", "unknown": [], "resting": [], "broken": []}
        with pytest.raises(mercato.RequestError, match="not been trained"):
            shop.rules.preview("sofa")


def test_a_shop_opened_beside_another_process_reads_rules_and_cannot_write_them(shop: mercato.Shop) -> None:
    shop.rules.put(SOFAS)
    with mercato.open(shop.home, read_only=True) as beside:
        assert [rule["id"] for rule in beside.rules.all()["rules"]] == ["sofas"]
        assert applied(beside).rules == ("sofas",)
        with pytest.raises(mercato.BackendError, match="read-only"):
            beside.rules.delete("sofas")


def test_many_write_at_once_and_every_change_is_kept(shop: mercato.Shop) -> None:
    def write(n: int) -> None:
        for step in range(3):
            shop.rules.put({**SOFAS, "id": f"r{n}", "note": str(step)})
            shop.search("sofa")

    threads = [Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = shop.rules.all()
    assert {rule["id"]: rule["note"] for rule in told["rules"]} == {f"r{n}": "2" for n in range(4)}
    assert told["version"] == 12
    assert applied(shop).rules == ("r0", "r1", "r2", "r3")
    assert shop.search("sofa").versions["rules"] == "12"


def test_what_has_to_change_is_only_what_differs(shop: mercato.Shop) -> None:
    shop.rules.put(SOFAS)
    shop.rules.put(WORDS)
    book = Rulebook.of(shop.store)
    assert book.towards(book.rules) == {}
    assert book.towards({"sofas": book.rules["sofas"]}) == {"words": None}
    assert Rulebook.of(shop.store, 1).towards(book.rules) == {"words": book.rules["words"]}
