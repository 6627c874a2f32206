"""What every list promises: its placement's rule, terms that add up, and an answer when a part is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

import made_up_shop
import mercato
from made_up_shop import EVENTS, NOW, PRODUCTS, REGULARS
from mercato import build
from mercato.engine import Engine
from mercato.feedback.histories import Histories
from mercato.parts import Parts
from mercato.retrieve.fuse import Fused
from mercato.schema import PLACEMENTS, Mask, Ranking, Request, Rows, Scores, Slate
from mercato.settings import parse

LETTERS = '[encoder]\nsource = "letters"\n'
SELLABLE = {product["id"] for product in PRODUCTS if product.get("sellable", True)}
NOBODY = np.empty(0, np.int32)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with made_up_shop.build(tmp_path_factory.mktemp("placements") / "shop", LETTERS) as built:
        yield built


def bought(shopper: str) -> set[str]:
    return {one["product_id"] for one in EVENTS if one["shopper_id"] == shopper and one["type"] == "purchase-complete"}


def ask(shop: mercato.Shop, placement: str, shopper: str, **fields: Any) -> Slate:
    product, cart = EVENTS[3]["product_id"], [EVENTS[5]["product_id"], EVENTS[9]["product_id"]]
    if placement in ("similar", "together"):
        fields["product"] = product
    if placement == "cart":
        fields["cart"] = cart
    return shop.recommend(placement, 20, shopper=shopper, explain=True, **fields)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("shopper", ["nobody", "", *REGULARS[:4]])
def test_every_list_keeps_its_promise(shop: mercato.Shop, placement: str, shopper: str) -> None:
    slate = ask(shop, placement, shopper)
    assert set(slate.ids) <= SELLABLE
    assert len(set(slate.ids)) == len(slate.ids) <= 20
    assert slate.degraded == ()
    if placement == "buy-again":
        assert set(slate.ids) <= bought(shopper)
        assert bool(slate.ids) == (shopper in REGULARS)
    else:
        assert slate.ids, "a stranger gets a list too"
    if placement in ("discover", "tail"):
        assert not set(slate.ids) & bought(shopper)
    if placement in ("similar", "together", "cart"):
        assert not set(slate.ids) & {EVENTS[n]["product_id"] for n in ((5, 9) if placement == "cart" else (3,))}
    for item in slate.items:
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)
        assert bool(item.reason) == bool(item.evidence)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_filter_holds_for_lists_too(shop: mercato.Shop, placement: str) -> None:
    slate = ask(shop, placement, REGULARS[1], where={"price": {"max": 120}})
    assert all(item.product.price is not None and item.product.price <= 12_000 for item in slate.items)


@pytest.mark.parametrize("query", ["velvet sofa", "coffe grindr", "", "steel rose bush mattress"])
def test_the_terms_of_search_add_up_too(shop: mercato.Shop, query: str) -> None:
    for item in shop.search(query, 50, shopper=REGULARS[2], explain=True).items:
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)


@pytest.mark.parametrize("placement", ["home", "discover", "similar"])
def test_pages_of_a_list_never_show_a_product_twice(shop: mercato.Shop, placement: str) -> None:
    engine, request = served(shop, placement)
    ids: list[str] = []
    for page in range(200):
        slate, _ = engine.recommend(replace(request, page=page, k=7), NOBODY, "s")
        ids += slate.ids
        if not slate.items:
            break
    assert len(ids) == len(set(ids)) == slate.total


@dataclass(frozen=True)
class Down:
    """A lane whose index was lost."""

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        raise OSError("gone")

    def score(self, request: Request, rows: Rows) -> Scores:
        raise OSError("gone")


def served(shop: mercato.Shop, placement: str) -> tuple[Engine, Request]:
    """An engine over the shop's newest snapshot, and a regular's request."""
    settings = parse({})
    newest = max(path for path in (shop.home / "snapshots").iterdir() if path.is_dir())
    parts = Parts.load(newest, settings)
    engine = build.engine(settings, parts, None, {})
    history = Histories(parts.events, parts.catalog).of(REGULARS[1], "", int(NOW.timestamp()))
    anchors = parts.catalog.rows([EVENTS[3]["product_id"]]) if placement == "similar" else NOBODY
    return engine, Request(placement, NOW, shopper=REGULARS[1], history=history, anchors=anchors)


def test_a_lane_that_is_down_is_named_and_the_list_is_made_without_it(shop: mercato.Shop) -> None:
    engine, request = served(shop, "discover")
    place = engine.placements["discover"]
    assert isinstance(place.pool, Fused)
    lanes = {**place.pool.lanes, "taste": Down()}
    broken = replace(engine, placements={"discover": replace(place, pool=replace(place.pool, lanes=lanes))})
    slate, impression = broken.recommend(request, NOBODY, "s")
    assert len(slate.items) == 10
    assert "taste" in slate.degraded
    assert impression.degraded == slate.degraded


@pytest.mark.parametrize("query", ["velvet sofa", ""])
def test_a_signal_that_is_down_does_not_take_search_down(shop: mercato.Shop, query: str) -> None:
    engine, request = served(shop, "search")
    signals = {**engine.search_parts.signals, "taste": Down()}
    broken = replace(engine, search_parts=replace(engine.search_parts, signals=signals))
    asked = replace(request, query=query)
    slate, _ = broken.search(asked, NOBODY, "s")
    assert "taste" in slate.degraded
    assert slate.total == engine.search(asked, NOBODY, "s")[0].total > 0


def test_when_every_lane_is_down_there_is_still_what_sells(shop: mercato.Shop) -> None:
    engine, request = served(shop, "discover")
    place = engine.placements["discover"]
    broken = replace(engine, placements={"discover": replace(place, pool=Fused({"taste": Down(), "next": Down()}))})
    slate, _ = broken.recommend(request, NOBODY, "s")
    assert len(slate.items) == 10
    assert {"taste", "next"} <= set(slate.degraded)


def test_a_deleted_product_is_gone_from_the_next_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    with made_up_shop.build(tmp_path_factory.mktemp("deleted") / "shop", LETTERS) as shop:
        first, total = shop.search("lamp").ids[0], shop.search("lamp").total
        assert shop.delete_product(first)
        assert shop.search("lamp").total == total - 1
        assert first not in shop.search("lamp", 1000).ids
        best = shop.recommend("home").ids[0]
        shop.delete_product(best)
        assert best not in shop.recommend("home", 200).ids


def test_what_was_just_recorded_is_known_to_the_next_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    with made_up_shop.build(tmp_path_factory.mktemp("recorded") / "shop", LETTERS) as shop:
        assert shop.recommend("buy-again", shopper="new").ids == ()
        shop.record([mercato.Interaction("purchase-complete", "new", NOW - timedelta(minutes=1), "p001")])
        assert shop.recommend("buy-again", shopper="new").ids == ("p001",)
        assert "p001" not in shop.recommend("discover", 200, shopper="new").ids
