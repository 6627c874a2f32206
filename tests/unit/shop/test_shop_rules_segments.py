"""Rules for some shoppers only: those in a segment get them, by what they say or by their record, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_shop
import mercato
from mercato.errors import RequestError
from mercato.schema import PLACEMENTS, Impression, Slate
from mercato.shop.segments import segments_of_record

PRODUCT = made_up_shop.PRODUCTS[0]["id"]
VIP = {"id": "vip", "when": {"query": "sofa", "segments": ["VIP"]}, "banner": {"text": "For you alone"}}
WORKED = [{"product": product["id"], "position": at} for at, product in enumerate(made_up_shop.PRODUCTS[:9], start=1)]
DOES: tuple[dict[str, Any], ...] = (
    {"pins": WORKED},
    {"hide": {"where": {"brand": ["Acme", "Bolt"]}}},
    {"boosts": [{"where": {"categories": ["Home"]}, "by": -1}]},
    {"banner": {"text": "Not for you"}},
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    home = tmp_path_factory.mktemp("segments") / "shop"
    with made_up_shop.build(home, "[sequence]\ntrain = 'never'\n") as built:
        people = [{"id": "u01", "loyalty": "Gold", "income": "35,000"}, {"id": "u02", "attributes": {"tags": ["VIP"]}}]
        built.import_([people], kind="shoppers")
        yield built


@pytest.fixture(autouse=True)
def _without_rules(shop: mercato.Shop) -> Iterator[None]:
    yield
    shop.rules.replace([])


def said(slate: Slate) -> list[str]:
    return [banner.text for banner in slate.banners]


def test_a_segment_comes_with_the_request_or_from_the_record(shop: mercato.Shop) -> None:
    gold = {"id": "gold", "when": {"segments": ["loyalty:gold", "income:35 000"]}, "banner": {"text": "Gold"}}
    home = {"id": "home", "when": {"segments": ["tags:vip", "vip"], "placements": ["home"]}, "banner": {"text": "Home"}}
    shop.rules.replace([VIP, gold, home])
    assert said(shop.search("sofa")) == []
    assert said(shop.search("sofa", segments=["vip"])) == ["For you alone"]
    assert said(shop.search("lamp", segments=["vip"])) == []
    assert said(shop.search("sofa", segments=[" Vip ", "other"], shopper="u01")) == ["Gold", "For you alone"]
    assert said(shop.search("lamp", shopper="u01")) == ["Gold"]
    assert said(shop.search("lamp", shopper="nobody")) == []
    assert said(shop.search("lamp", shopper="nobody", segments=["income:35,000"])) == ["Gold"]
    assert said(shop.recommend("home", shopper="u02")) == ["Home"]
    assert said(shop.recommend("home", segments=["VIP"])) == ["Home"]
    assert said(shop.recommend("home", shopper="u01")) == []
    assert said(shop.recommend("discover", shopper="u02")) == []


def test_a_record_changed_counts_at_once(shop: mercato.Shop) -> None:
    shop.rules.put({"id": "silver", "when": {"segments": ["loyalty:silver"]}, "banner": {"text": "Silver"}})
    assert said(shop.search("sofa", shopper="u03")) == []
    shop.import_([[{"id": "u03", "loyalty": "silver"}]], kind="shoppers")
    assert said(shop.search("sofa", shopper="u03")) == ["Silver"]
    shop.import_([[{"id": "u03", "loyalty": "none"}]], kind="shoppers")
    assert said(shop.search("sofa", shopper="u03")) == []


def test_nobodys_record_has_no_segments() -> None:
    assert (
        segments_of_record(None) == segments_of_record({"id": "u"}) == segments_of_record({"attributes": ""}) == set()
    )
    assert segments_of_record({"attributes": '{"a b":["C,d"]}'}) == {"a b:c d"}


def test_what_is_no_segment_is_refused(shop: mercato.Shop) -> None:
    for wrong, field in (([""], "segments[0]"), (["a"] * 21, "segments"), (["x" * 101], "segments[0]")):
        with pytest.raises(RequestError) as raised:
            shop.search("sofa", segments=wrong)
        assert raised.value.where == field
        with pytest.raises(RequestError):
            shop.recommend("home", segments=wrong)


def test_a_preview_is_what_somebody_in_the_segment_sees(shop: mercato.Shop) -> None:
    rule = {**VIP, "pins": [{"product": PRODUCT, "position": 1}]}
    assert shop.rules.preview("sofa", [rule])["rules"] == []
    seen = shop.rules.preview("sofa", [rule], segments=["vip"])
    assert seen["rules"] == ["vip"]
    assert seen["then"][0]["id"] == PRODUCT
    assert seen["banners"] == [{"text": "For you alone"}]
    gold = {**rule, "when": {"segments": ["loyalty:gold"], "placements": ["home"]}}
    assert shop.rules.preview("", [gold], placement="home")["rules"] == []
    assert shop.rules.preview("", [gold], placement="home", shopper="u01")["rules"] == ["vip"]


def test_segments_are_versioned_with_the_rest(shop: mercato.Shop) -> None:
    shop.rules.put(VIP)
    before = shop.rules.all()["version"]
    shop.rules.put({**VIP, "when": {"query": "sofa", "segments": ["gold"]}})
    assert shop.rules.one("vip")["rule"]["when"]["segments"] == ["gold"]
    assert said(shop.search("sofa", segments=["vip"])) == []
    shop.rules.rollback(before)
    assert shop.rules.one("vip")["rule"]["when"]["segments"] == ["VIP"]
    assert said(shop.search("sofa", segments=["vip"])) == ["For you alone"]


def bare(answer: tuple[Slate, Impression]) -> tuple[Slate, Impression]:
    """An answer without what names the version of the rules and how long it took."""
    slate, impression = answer
    versions = {name: version for name, version in slate.versions.items() if name != "rules"}
    return replace(slate, versions=versions, took_ms=0.0), replace(impression, versions=versions)


@settings(max_examples=40)
@given(
    does=st.lists(st.sampled_from(DOES), min_size=1, max_size=3),
    theirs=st.sampled_from([["gold"], ["gold", "b2b"], ["loyalty:gold"]]),
    mine=st.sampled_from([[], ["vip"], ["silver", "vip"]]),
    placement=st.sampled_from(["search", *PLACEMENTS]),
    query=st.sampled_from(["", "sofa", "velvet lamp", "kettel"]),
    shopper=st.sampled_from(["", "u02", "u05"]),
)
def test_rules_for_others_change_nothing_at_all(
    shop: mercato.Shop,
    does: list[dict[str, Any]],
    theirs: list[str],
    mine: list[str],
    placement: str,
    query: str,
    shopper: str,
) -> None:
    def answer() -> tuple[Slate, Impression]:
        live, now = shop._live, made_up_shop.NOW
        assert live is not None
        asked = live.request(placement, now, k=30, shopper=shopper, segments=mine, explain=True)
        if placement == "search":
            return bare(live.search(replace(asked, query=query, facets=("brand",)), now, "s"))
        return bare(live.recommend(live.started(asked, PRODUCT), now, "s"))

    shop.rules.replace([])
    plain = answer()
    when = {"segments": theirs, "placements": ["search", *PLACEMENTS]}
    shop.rules.replace([{"id": f"r{n}", "when": when, **one} for n, one in enumerate(does)])
    assert answer() == plain
    assert repr(answer()) == repr(plain)
