"""Rules in whole answers: lists, totals, facets, pages and sorts agree with a shopkeeper who works by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_shop
import mercato

IDS = [product["id"] for product in made_up_shop.PRODUCTS]
BY_ID = {product["id"]: product for product in made_up_shop.PRODUCTS}
QUERIES = ("", "sofa", "velvet lamp", "bike", "coffee mugs", "sofaa", "p017", "qqqzzz")
WHERE = st.sampled_from(
    [{}, {"brand": ["Acme", "Bolt"]}, {"price": {"max": 60}}, {"categories": ["Home"]}, {"colour": ["red", "blue"]}]
)
PINS = st.lists(
    st.tuples(st.sampled_from(IDS), st.integers(1, 25)),
    max_size=5,
    unique_by=(lambda pin: pin[0], lambda pin: pin[1]),
)
HIDES = st.lists(st.sampled_from(IDS), max_size=30, unique=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with made_up_shop.build(tmp_path_factory.mktemp("ruled") / "shop", "[sequence]\ntrain = 'never'\n") as built:
        yield built


def can_be_pinned(product_id: str) -> bool:
    product = BY_ID[product_id]
    in_stock = product.get("availability") != "out-of-stock" and product.get("quantity", 1) > 0
    return product.get("sellable", True) and in_stock


@settings(max_examples=25)
@given(
    query=st.sampled_from(QUERIES),
    where=WHERE,
    pins=PINS,
    hides=HIDES,
    sort=st.sampled_from(["", "", "price", "-rating"]),
    k=st.sampled_from([3, 7, 20]),
)
def test_pins_hides_filters_sorts_and_pages_agree(
    shop: mercato.Shop,
    query: str,
    where: dict[str, Any],
    pins: list[tuple[str, int]],
    hides: list[str],
    sort: str,
    k: int,
) -> None:
    shop.rules.replace([])
    plain = shop.search(query, 400, where=where, sort=sort).ids
    everything = set(shop.search("", 400, where=where).ids)
    hidden = set(hides) - {product for product, _ in pins}
    always = {"when": {"always": True}}
    rules: list[dict[str, Any]] = []
    if pins:
        rules.append({"id": "a", **always, "pins": [{"product": one, "position": at} for one, at in pins]})
    if hidden:
        rules.append({"id": "b", **always, "hide": {"products": sorted(hidden)}})
    shop.rules.replace(rules)

    shown = {product: at for product, at in pins if can_be_pinned(product) and product in everything}
    found = shop.search(query, 400, where=where, sort=sort, facets=["brand"])
    if sort:
        assert set(found.ids) == (set(plain) - hidden) | set(shown)
        kept = [product for product in found.ids if product in plain]
        assert kept == [product for product in plain if product not in hidden], "a sort is a sort"
    else:
        expected = [product for product in plain if product not in hidden and product not in shown]
        for product, at in sorted(shown.items(), key=lambda pin: pin[1]):
            expected.insert(at - 1, product)
        assert list(found.ids) == expected
    assert found.total == len(found.ids) == len(set(found.ids))
    brands = Counter(BY_ID[product]["brand"] for product in found.ids if "brand" in BY_ID[product])
    assert dict(found.facets["brand"]) == brands

    pages: list[str] = []
    for page in range(found.total // k + 1):
        slate = shop.search(query, k, page=page, where=where, sort=sort)
        assert slate.total == found.total
        pages += slate.ids
    assert tuple(pages) == found.ids


def test_a_boosted_item_says_so_and_its_terms_add_up(shop: mercato.Shop) -> None:
    shop.rules.replace([])
    plain = shop.search("sofa", 5, explain=True)
    last = shop.search("sofa", 400).ids[-1]
    brand = {"boosts": [{"products": [last], "by": 1}, {"products": [plain.ids[0]], "by": -1}]}
    shop.rules.replace([{"id": "push", "when": {"query": "sofas"}, **brand}])
    ruled = shop.search("sofa", 400, explain=True)
    item = next(one for one in ruled.items if one.product.id == last)
    assert item.terms["rule"] > 0
    assert item.reason.startswith("Chosen by the shop")
    assert any("rule:boost:push" in proof for proof in item.evidence)
    assert ruled.ids.index(last) < 5
    assert ruled.ids.index(plain.ids[0]) > ruled.ids.index(last)
    for one in ruled.items:
        assert sum(one.terms.values()) == pytest.approx(one.score, abs=1e-6)
    assert list(ruled.scores) == sorted(ruled.scores, reverse=True)
    assert shop.search("lamp", 5, explain=True).ids == shop.search("lamp", 5).ids


def test_a_rule_for_the_word_holds_for_its_misspelling(shop: mercato.Shop) -> None:
    rule = {"id": "it", "when": {"query": "sofa"}, "pins": [{"product": "p001", "position": 1}]}
    shop.rules.replace([{**rule, "banner": {"text": "Sofas!", "url": "/sale"}, "redirect": "/sofas"}])
    slate = shop.search("sofaa")
    assert slate.corrected == "sofa"
    assert slate.ids[0] == shop.search("sofa").ids[0]
    assert slate.banners[0].text == "Sofas!"
    assert slate.redirect == "/sofas"
    assert shop.search("lamp").banners == ()


def test_synonyms_find_what_the_word_finds_below_what_it_is(shop: mercato.Shop) -> None:
    shop.rules.replace([])
    sofas = {product for product in shop.search("sofa", 400).ids if "sofa" in BY_ID[product]["title"]}
    shop.rules.replace([{"id": "words", "synonyms": [{"words": ["chesterfield", "sofa"]}]}])
    slate = shop.search("chesterfield", 400)
    assert slate.corrected == ""
    assert sofas <= set(slate.ids)
    assert "sofa" in BY_ID[slate.ids[0]]["title"]
    shop.rules.replace([{"id": "words", "synonyms": [{"from": "kettle", "words": ["toaster"]}]}])
    titles = [BY_ID[product]["title"] for product in shop.search("kettle", 400).ids]
    first = next(place for place, title in enumerate(titles) if "toaster" in title)
    assert all("kettle" in title for title in titles[:first])
    assert first > 0
    toasters = [BY_ID[product]["title"] for product in shop.search("toaster", 10).ids]
    assert "toaster" in toasters[0]


def test_a_misspelt_word_has_the_synonyms_of_the_word_it_is_read_as(shop: mercato.Shop) -> None:
    shop.rules.replace([{"id": "words", "synonyms": [{"from": "kettle", "words": ["toaster"]}]}])
    slate = shop.search("kettel", 400)
    assert slate.corrected == "kettle"
    assert slate.ids == shop.search("kettle", 400).ids
    assert any("toaster" in BY_ID[product]["title"] for product in slate.ids)


def test_a_preview_shows_the_moves(shop: mercato.Shop) -> None:
    shop.rules.replace([])
    plain = shop.search("sofa", 5).ids
    foreign = next(product for product in IDS if can_be_pinned(product) and "knife" in BY_ID[product]["title"])
    hidden, lifted = plain[0], shop.search("sofa", 400).ids[-1]
    rule = {
        "id": "try", "when": {"query": "sofa"}, "pins": [{"product": foreign, "position": 2}],
        "hide": {"products": [hidden]}, "boosts": [{"products": [lifted], "by": 1}],
    }  # fmt: skip
    seen = shop.rules.preview("sofa", [rule], k=5)
    assert [item["id"] for item in seen["now"]] == list(plain)
    then = {item["id"]: (place, item) for place, item in enumerate(seen["then"])}
    assert then[foreign][0] == 1
    assert then[foreign][1]["pinned"] is True
    assert then[foreign][1]["was"] is None
    assert hidden not in then
    assert then[lifted][1]["lifted"] > 0
    assert then[plain[1]][1]["was"] == 1
    assert seen["totals"]["then"] == seen["totals"]["now"]
    assert shop.search("sofa", 5).ids == plain
    filtered = shop.rules.preview("sofa", [rule], k=5, where={"categories": ["Home"]})
    assert filtered["resting"] == [{"rule": "try", "product": foreign, "why": "left out by the filter"}]
    sorted_by = shop.rules.preview("sofa", [rule], k=5, sort="price")
    assert not any(item["pinned"] for item in sorted_by["then"])


def test_rules_follow_the_clock_on_the_wall(shop: mercato.Shop) -> None:
    """The shop's last event is long ago, and lists are answered as of the day after it; a sale is not."""
    over = {"id": "sale", "when": {"always": True}, "banner": {"text": "Sale"}, "end": "2026-03-01T11:00:00Z"}
    coming = {"id": "soon", "when": {"always": True}, "banner": {"text": "Soon"}, "start": "2026-03-01T12:30:00Z"}
    shop.rules.replace([over, coming])
    assert shop.search("").banners == ()
    later = shop.rules.preview("", at=made_up_shop.NOW.replace(hour=13))
    assert later["banners"] == [{"text": "Soon"}]
