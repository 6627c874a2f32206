"""Knobs turned in the running shop: in force at once, kept over a restart, refused when they make no sense."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

import made_up_shop
import mercato

WRITTEN = "[lists.personal]\ndiscover = 60\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lists") / "shop"
    made_up_shop.build(home, WRITTEN + "[sequence]\ntrain = 'never'\n").close()
    return home


@pytest.fixture
def shop(trained: Path, tmp_path: Path) -> Iterator[mercato.Shop]:
    """A copy of the trained shop, so that no test sees another's turns."""
    shutil.copytree(trained, tmp_path / "shop")
    with mercato.open(tmp_path / "shop", clock=lambda: made_up_shop.NOW) as opened:
        yield opened


def listed(shop: mercato.Shop, placement: str = "home", shopper: str = "u01") -> tuple[str, ...]:
    return shop.recommend(placement, shopper=shopper).ids


def knob(shop: mercato.Shop, placement: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.lists()["placements"][placement][name]
    return found


def test_without_a_turn_lists_are_as_mercato_toml_says(shop: mercato.Shop) -> None:
    known = shop.lists()
    assert known["turns"] == []
    assert known["version"] == ""
    assert knob(shop, "home", "personal") == {"value": 100, "written": 100, "turned": False}
    assert knob(shop, "discover", "personal") == {"value": 60, "written": 60, "turned": False}
    assert "lists" not in shop.recommend("home", shopper="u01").versions


def test_a_turn_is_in_force_for_the_next_list_and_only_there(shop: mercato.Shop) -> None:
    home, email = listed(shop), listed(shop, "email")
    told = shop.set_lists("home", personal=0)
    assert told["placements"]["home"]["personal"] == {"value": 0, "written": 100, "turned": True}
    assert listed(shop) != home
    assert listed(shop, "email") == email
    assert shop.recommend("home", shopper="u01").versions["lists"] == "1"
    parts = shop._live.parts  # type: ignore[union-attr]
    counts = parts.behaviour.popular.counts[parts.catalog.rows(listed(shop))]
    assert counts[0] == counts.max(), "what sells comes first"


def test_erasing_goes_back_to_mercato_toml(shop: mercato.Shop) -> None:
    home, discover = listed(shop), listed(shop, "discover")
    shop.set_lists("home", personal=10, diverse=0.8)
    shop.set_lists("discover", personal=100)
    shop.set_lists("home", personal=None)
    assert knob(shop, "home", "diverse")["value"] == 0.8, "what is not named stays"
    shop.set_lists("home", diverse=None)
    shop.set_lists("discover", personal=None)
    assert listed(shop) == home
    assert listed(shop, "discover") == discover
    assert knob(shop, "discover", "personal") == {"value": 60, "written": 60, "turned": False}
    assert [turn["number"] for turn in shop.lists()["turns"]] == [5, 4, 3, 2, 1]
    assert shop.lists()["turns"][2]["knobs"] == {"personal": None}
    assert shop.lists()["turns"][0]["at"].startswith("2026-03-01")


def test_turns_outlive_a_restart(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.set_lists("home", personal=0)
    turned = listed(shop)
    shop.reload()
    assert listed(shop) == turned
    shop.close()
    with mercato.open(tmp_path / "shop", clock=lambda: made_up_shop.NOW) as again:
        assert listed(again) == turned
        assert again.recommend("home", shopper="u01").versions["lists"] == "1"
        assert again.set_lists("home", personal=None)["version"] == "2"


@pytest.mark.parametrize(
    ("placement", "knobs", "where", "hint"),
    [
        ("nowhere", {"personal": 1}, "placement", "home"),
        ("search", {"personal": 1}, "placement", "home"),
        ("home", {}, "knobs", "personal"),
        ("home", {"louder": 1}, "louder", "diverse"),
        ("home", {"personal": 101}, "personal", "0 the same for everybody"),
        ("home", {"personal": -1}, "personal", "0 the same for everybody"),
        ("home", {"personal": 50.5}, "personal", "0 the same for everybody"),
        ("home", {"personal": float("nan")}, "personal", "0 the same for everybody"),
        ("home", {"personal": True}, "personal", "0 the same for everybody"),
        ("home", {"tail": 1.01}, "tail", "0 leaves lists alone"),
        ("home", {"calibrated": "much"}, "calibrated", "0 leaves lists alone"),
        ("home", {"personal": 5, "diverse": float("inf")}, "diverse", "0 leaves lists alone"),
    ],
)
def test_nonsense_is_refused_and_turns_nothing(
    shop: mercato.Shop, placement: str, knobs: dict[str, Any], where: str, hint: str
) -> None:
    before = shop.lists()
    for ask in (shop.set_lists, shop.try_lists):
        with pytest.raises(mercato.RequestError) as refused:
            ask(placement, **knobs)
        assert refused.value.where == where
        assert hint in refused.value.hint
    assert shop.lists() == before


def test_a_turn_that_cannot_be_kept_is_not_in_force(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.close()
    with mercato.open(tmp_path / "shop", read_only=True, clock=lambda: made_up_shop.NOW) as reading:
        home = listed(reading)
        with pytest.raises(mercato.MercatoError):
            reading.set_lists("home", personal=0)
        assert listed(reading) == home
        assert not knob(reading, "home", "personal")["turned"]


def test_a_shop_not_trained_yet_keeps_turns_for_later(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "new", products=made_up_shop.PRODUCTS[:20]) as shop:
        shop.set_lists("home", personal=30)
        shop.train()
        assert shop.recommend("home").versions["lists"] == "1"


def test_what_another_version_turned_is_passed_over(shop: mercato.Shop) -> None:
    shop.store.set_meta(
        "lists", '{"values": {"attic": {"tail": 1}, "home": {"louder": 3, "personal": 20}}, "turns": []}'
    )
    shop.reload()
    assert knob(shop, "home", "personal")["value"] == 20
    assert "attic" not in shop.lists()["placements"]


def test_a_request_sees_all_old_or_all_new_knobs(shop: mercato.Shop) -> None:
    """Two knobs of one placement are turned together over and over while lists are asked for."""
    either = ({"personal": 0, "diverse": 0.0}, {"personal": 100, "diverse": 1.0})
    allowed = [(shop.set_lists("home", **knobs), listed(shop))[1] for knobs in either]
    assert allowed[0] != allowed[1]
    done, seen = Event(), set()

    def ask() -> None:
        while not done.is_set():
            slate = shop.recommend("home", shopper="u01")
            seen.add((slate.ids, (int(slate.versions["lists"]) - 1) % 2))

    asking = [Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    for n in range(20):
        shop.set_lists("home", **either[n % 2])
    done.set()
    for thread in asking:
        thread.join()
    assert seen <= {(allowed[0], 0), (allowed[1], 1)}


def test_two_who_turn_at_once_both_count(shop: mercato.Shop) -> None:
    turning = [
        Thread(target=shop.set_lists, args=(placement,), kwargs={"tail": 0.5})
        for placement in shop.lists()["placements"]
    ]
    for thread in turning:
        thread.start()
    for thread in turning:
        thread.join()
    known = shop.lists()
    assert all(knobs["tail"]["turned"] for knobs in known["placements"].values())
    assert sorted(turn["number"] for turn in known["turns"]) == list(range(1, len(turning) + 1))


def test_a_trial_shows_the_list_before_it_is_turned(shop: mercato.Shop) -> None:
    before = listed(shop)
    seen = shop.try_lists("home", personal=0).compared(shopper="u01")
    assert [item["id"] for item in seen["now"]] == list(before)
    assert listed(shop) == before, "looking turns nothing"
    for item in seen["turned"]:
        assert item["was"] == (before.index(item["id"]) if item["id"] in before else None)
    shop.set_lists("home", personal=0)
    assert [item["id"] for item in seen["turned"]] == list(listed(shop))


@pytest.mark.parametrize("placement", ["similar", "together", "cart", "session", "buy-again", "tail"])
def test_every_placement_can_be_tried(shop: mercato.Shop, placement: str) -> None:
    trial = shop.try_lists(placement, diverse=0.5)
    seen = trial.compared(shopper="u01")
    assert (seen["product"] is not None) == (placement in ("similar", "together", "cart"))
    assert trial.sampled(5)["shoppers"] == 5
    with pytest.raises(mercato.RequestError):
        shop.try_lists("similar", tail=0.5).compared(product="nobody")


def test_a_list_near_the_consensus_still_keeps_its_places_for_the_tail(shop: mercato.Shop) -> None:
    alone = shop.try_lists("discover", personal=50).sampled(20)["turned"]
    both = shop.try_lists("discover", personal=50, tail=0.5).sampled(20)["turned"]
    assert both["tail_share"] > alone["tail_share"]


def test_a_sample_says_how_lists_change(shop: mercato.Shop) -> None:
    same = shop.try_lists("home", personal=100).sampled(20)
    assert same["kept"] == 1
    assert same["now"] == same["turned"]
    turned = shop.try_lists("home", personal=0).sampled(20)
    assert turned["kept"] < 1
    assert turned["turned"]["overlap"] > turned["now"]["overlap"]


@pytest.mark.train
def test_what_knobs_cost_is_measured_and_dated(shop: mercato.Shop) -> None:
    shop.set_lists("discover", tail=0.2, diverse=0.3)
    found = shop.evaluate("lists")["lists"]
    assert found["measured_at"].startswith("2026-03-01")
    assert [task["name"] for task in found["tasks"]] == ["home", "email", "discover"]
    for task in found["tasks"]:
        rows = dict(zip(map(str, task["knobs"]), task["rows"], strict=True))
        assert rows["{}"]["ours"]
        assert rows["{'personal': 0.0}"]["overlap"] > rows["{}"]["overlap"]
        assert rows["{'tail': 0.3}"]["tail_share"] >= rows["{}"]["tail_share"]
        assert rows["{'diverse': 0.3}"]["variety"] > rows["{}"]["variety"]
        gap = rows["{}"]["ndcg@10"]["mean"] - rows["{'personal': 0.0}"]["ndcg@10"]["mean"]
        assert rows["{'personal': 0.0}"]["ours_ahead"]["mean"] == pytest.approx(gap, abs=2e-4)
    assert {"personal": 60.0, "tail": 0.2, "diverse": 0.3} in found["tasks"][2]["knobs"], (
        "what is in force stands there"
    )
    assert shop.metrics()["lists"] == found
