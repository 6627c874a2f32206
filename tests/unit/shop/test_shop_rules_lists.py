"""Rules in recommended lists: pins, hides, boosts and banners are as by hand, and never break what a list promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_shop
import mercato
from made_up_shop import EVENTS, NOW, REGULARS
from mercato.errors import NotFound, RequestError
from mercato.evaluate.metrics import head
from mercato.policy.rules import BOUGHT
from mercato.schema import PLACEMENTS, Slate
from mercato.scores import SCORES

IDS = [product["id"] for product in made_up_shop.PRODUCTS]
BY_ID = {product["id"]: product for product in made_up_shop.PRODUCTS}
PRODUCT, CART = EVENTS[3]["product_id"], [EVENTS[5]["product_id"], EVENTS[9]["product_id"]]
SHOPPERS = ("", "nobody", *REGULARS[:3])
WHERE: tuple[dict[str, Any], ...] = ({}, {"price": {"max": 120}}, {"brand": ["Acme", "Bolt", "Fir"]})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    settings = "[sequence]\ntrain = 'never'\n[lists.tail]\nsession = 0.3\n[lists.calibrated]\ndiscover = 0.3\n"
    with made_up_shop.build(tmp_path_factory.mktemp("ruled-lists") / "shop", settings) as built:
        yield built


@pytest.fixture(autouse=True)
def _without_rules(shop: mercato.Shop) -> Iterator[None]:
    yield
    shop.rules.replace([])


def ask(shop: mercato.Shop, placement: str, shopper: str = "u01", k: int = 400, **fields: Any) -> Slate:
    if placement in ("similar", "together"):
        fields["product"] = PRODUCT
    if placement == "cart":
        fields["cart"] = CART
    return shop.recommend(placement, k, shopper=shopper, **fields)


def may_show(shop: mercato.Shop, placement: str, shopper: str, where: dict[str, Any]) -> set[str]:
    """What the placement may show at all, by hand."""
    live = shop._live
    assert live is not None
    bought = {
        one["product_id"] for one in EVENTS if one["shopper_id"] == shopper and one["type"] == "purchase-complete"
    }
    found = {*shop.search("", 400, where=where).ids}
    if placement in BOUGHT:
        found = found & bought if BOUGHT[placement] == "only" else found - bought
    if placement == "tail":
        sells = head(live.parts.behaviour.popular.counts)
        found -= {product for product, best in zip(live.parts.catalog.ids, sells, strict=True) if best}
    begun = {"similar": {PRODUCT}, "together": {PRODUCT}, "cart": {*CART}}.get(placement, set())
    if placement == "session":
        asked = live.started(live.request("session", NOW, k=1, shopper=shopper))
        begun = {live.parts.catalog.ids[row] for row in asked.anchors}
    return found - begun


def can_be_pinned(product_id: str) -> bool:
    product = BY_ID[product_id]
    in_stock = product.get("availability") != "out-of-stock" and product.get("quantity", 1) > 0
    return product.get("sellable", True) and in_stock


def group_of(product_id: str) -> str:
    return str(BY_ID[product_id].get("group_id", product_id))


def inserted(plain: Sequence[str], shown: dict[str, int], placement: str) -> list[str]:
    """``plain`` with every pinned product at its place, instead of its other variants where a list shows one of all."""
    variants = {BY_ID[one]["group_id"] for one in shown if "group_id" in BY_ID[one]}
    one_each = SCORES[placement] != "again"
    rest = [
        one
        for one in plain
        if one not in shown and not (one_each and "group_id" in BY_ID[one] and BY_ID[one]["group_id"] in variants)
    ]
    for product, at in sorted(shown.items(), key=lambda pin: pin[1]):
        rest.insert(at - 1, product)
    return rest


@settings(max_examples=30)
@given(
    placement=st.sampled_from(PLACEMENTS),
    shopper=st.sampled_from(SHOPPERS),
    where=st.sampled_from(WHERE),
    pins=st.lists(
        st.tuples(st.sampled_from(IDS), st.integers(1, 25)),
        max_size=5,
        unique_by=(lambda pin: pin[0], lambda pin: pin[1]),
    ),
)
def test_pins_stand_where_they_are_put_as_far_as_the_list_may_show_them(
    shop: mercato.Shop, placement: str, shopper: str, where: dict[str, Any], pins: list[tuple[str, int]]
) -> None:
    shop.rules.replace([])
    plain = ask(shop, placement, shopper, where=where)
    allowed = may_show(shop, placement, shopper, where)
    assert {*plain.ids} <= allowed
    if pins:
        told = [{"product": product, "position": at} for product, at in pins]
        shop.rules.replace([{"id": "a", "when": {"placements": [placement]}, "pins": told}])
    shown = {product: at for product, at in pins if can_be_pinned(product) and product in allowed}
    found = ask(shop, placement, shopper, where=where, explain=True)
    expected = inserted(plain.ids, shown, placement)
    if {*shown} <= {*plain.ids}:
        assert list(found.ids) == expected
    else:  # what no lane found counts for the caps like everything else, so that others may change places
        assert {*found.ids} == {*expected}
        assert {one: found.ids.index(one) for one in shown} == {one: expected.index(one) for one in shown}
    assert found.total == len(found.ids) == len({*found.ids})
    for item in found.items:
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)
        if item.product.id in shown:
            assert item.reason.startswith("Chosen by the shop")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_pages_with_pins_share_no_product(shop: mercato.Shop, placement: str) -> None:
    told = [{"product": product, "position": at} for at, product in enumerate(IDS[::40], start=1)]
    shop.rules.put({"id": "a", "when": {"placements": list(PLACEMENTS)}, "pins": told})
    live = shop._live
    assert live is not None
    paged: list[str] = []
    total = 1
    while len(paged) < total:
        request = live.request(placement, NOW, k=7, page=len(paged) // 7, shopper="u01")
        slate, impression = live.recommend(live.started(request, PRODUCT), NOW, "s")
        paged, total = [*paged, *slate.ids], slate.total
        assert impression.products == slate.ids
    assert len(paged) == len({*paged}) == total
    shown = [one for one in IDS[::40] if can_be_pinned(one) and one in may_show(shop, placement, "u01", {})]
    wanted = [IDS[::40].index(one) for one in shown if one != PRODUCT]
    assert [paged.index(IDS[::40][place]) for place in wanted] == [min(place, total - 1) for place in wanted]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_what_is_hidden_is_gone_and_the_list_fills_up(shop: mercato.Shop, placement: str) -> None:
    plain = ask(shop, placement, k=10)
    assert plain.ids
    hide = {"products": list(plain.ids[:2]), "where": {"brand": ["Acme"]}}
    shop.rules.put({"id": "h", "when": {"placements": [placement]}, "hide": hide})
    found = ask(shop, placement)
    assert not {*plain.ids[:2]} & {*found.ids}
    assert not any(BY_ID[one].get("brand") == "Acme" for one in found.ids)
    assert {*found.ids} <= may_show(shop, placement, "u01", {})
    if placement in ("home", "discover", "email"):
        assert len(found.ids) >= 10
    assert ask(shop, "home" if placement != "home" else "discover", k=5).banners == ()


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_boosts_and_buries_are_a_term_and_the_terms_add_up(shop: mercato.Shop, placement: str) -> None:
    plain = ask(shop, placement).ids
    first, last = plain[0], plain[-1]
    boosts = [{"products": [last], "by": 1}, {"products": [first], "by": -1}]
    rule = {"id": "push", "when": {"placements": [placement]}, "boosts": boosts, "banner": {"text": "Hello"}}
    shop.rules.put(rule)
    found = ask(shop, placement, explain=True)
    assert {*map(group_of, found.ids)} == {*map(group_of, plain)}, "of another variant, where that is better now"
    assert [banner.text for banner in found.banners] == ["Hello"]
    places = {item.product.id: place for place, item in enumerate(found.items)}
    terms = {item.product.id: item.terms.get("rule", 0.0) for item in found.items}
    if len(plain) > 1:
        assert terms[last] > 0
        assert terms.get(first, -1.0) < 0
        assert places[last] < places.get(first, len(places))
    assert all(value == 0 for product, value in terms.items() if product not in (first, last))
    for item in found.items:
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)
    lifted = next(item for item in found.items if item.product.id == last)
    assert any("rule:boost:push" in proof for proof in lifted.evidence) == (len(plain) > 1)


def test_a_rule_may_ask_what_a_list_starts_from(shop: mercato.Shop) -> None:
    path = BY_ID[PRODUCT]["categories"][0]
    when = {"placements": ["similar", "cart"], "anchor": {"categories": [path.split(" > ")[0]]}}
    shop.rules.put({"id": "beside", "when": when, "banner": {"text": "Beside"}})
    other = next(one for one in IDS if not any(c.startswith(path[:4]) for c in BY_ID[one].get("categories", [])))
    assert shop.recommend("similar", 3, product=PRODUCT).banners
    assert shop.recommend("cart", 3, cart=[other, PRODUCT]).banners, "one of what is in the cart is enough"
    assert not shop.recommend("similar", 3, product=other).banners
    assert not shop.recommend("together", 3, product=PRODUCT).banners
    assert not shop.recommend("cart", 3, cart=[other]).banners
    with pytest.raises(RequestError) as raised:
        shop.rules.put({"id": "x", "when": {**when, "anchor": {"smell": ["a"]}}, "banner": {"text": "x"}})
    assert raised.value.where == "when.anchor.smell"


def test_search_and_other_lists_keep_to_their_own_rules(shop: mercato.Shop) -> None:
    shop.rules.replace(
        [
            {"id": "all", "when": {"placements": ["search", "home"]}, "banner": {"text": "All"}},
            {"id": "find", "when": {"always": True}, "banner": {"text": "Find"}},
            {"id": "new", "when": {"placements": ["discover"]}, "banner": {"text": "New"}, "end": "2026-03-01T11:00Z"},
        ]
    )
    told = {name: [one.text for one in ask(shop, name, k=1).banners] for name in PLACEMENTS}
    assert told == {name: ["All"] if name == "home" else [] for name in PLACEMENTS}
    assert [one.text for one in shop.search("sofa").banners] == ["All", "Find"]
    assert shop.recommend("home").versions["rules"] == shop.search("sofa").versions["rules"]


def test_a_preview_of_a_list_shows_the_moves_and_why_a_pin_rests(shop: mercato.Shop) -> None:
    plain = ask(shop, "discover", k=6)
    had = next(one for one in shop.recommend("buy-again", 50, shopper="u01").ids if can_be_pinned(one))
    foreign = next(
        one for one in IDS if can_be_pinned(one) and one in may_show(shop, "discover", "u01", {}) - {*plain.ids}
    )
    rule = {
        "id": "try", "when": {"placements": ["discover"]},
        "pins": [{"product": foreign, "position": 2}, {"product": had, "position": 1}],
        "hide": {"products": [plain.ids[0]]},
    }  # fmt: skip
    seen = shop.rules.preview("", [rule], k=6, shopper="u01", placement="discover")
    assert [one["id"] for one in seen["now"]] == list(plain.ids)
    assert seen["then"][1]["id"] == foreign
    assert seen["then"][1]["pinned"] is True
    assert plain.ids[0] not in [one["id"] for one in seen["then"]]
    assert seen["rules"] == ["try"]
    assert seen["resting"] == [{"rule": "try", "product": had, "why": "never shown in discover"}]
    assert "product" not in seen
    assert ask(shop, "discover", k=6).ids == plain.ids, "only a look"
    beside = shop.rules.preview("", placement="similar", product=PRODUCT)
    assert beside["product"] == {"id": PRODUCT, "title": BY_ID[PRODUCT]["title"]}
    with pytest.raises(NotFound):
        shop.rules.preview("", placement="similar", product="nothing")
    with pytest.raises(RequestError, match="no placement"):
        shop.rules.preview("", placement="shelf")


def test_a_product_put_since_training_waits_for_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = "[sequence]\ntrain = 'never'\n"
    with made_up_shop.build(tmp_path_factory.mktemp("put-lists") / "shop", settings) as shop:
        plain = shop.recommend("home", 20, shopper="u01").ids
        shop.put_products([mercato.Product("brand-new", "Brand new sofa")])
        when = {"placements": ["home", "search"]}
        rule = {"id": "new", "when": when, "pins": [{"product": "brand-new", "position": 1}]}
        shop.rules.put({**rule, "hide": {"where": {"brand": ["no such maker"]}}})
        assert shop.search("sofa").ids[0] == "brand-new"
        assert shop.recommend("home", 20, shopper="u01").ids == plain
        seen = shop.rules.preview("", placement="home")
        assert seen["resting"][0]["why"] == "new: recommended after the next training"


def test_the_knobs_and_the_lanes_look_at_what_shoppers_see(shop: mercato.Shop) -> None:
    product = next(one for one in IDS if can_be_pinned(one))
    shop.rules.put({"id": "a", "when": {"placements": ["home"]}, "pins": [{"product": product, "position": 1}]})
    assert shop.try_lists("home", personal=100).compared(3, "u01")["now"][0]["id"] == product
    assert shop.views("u01")["slate"][0]["id"] == product
