"""A product put or taken out is so in the next answer, without training; the shop agrees with one trained anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

import made_up_shop
import mercato
from mercato import overlay
from mercato.data import product as read_product
from mercato.schema import Product

QUICK = "[sequence]\ntrain = 'never'\n"
FACETS = ("brand", "categories", "availability", "colour", "size")
QUERIES = (
    "sofa",
    "velvet sofa",
    "lamp",
    "coffee",
    "bike",
    "red",
    "acme",
    "zorblax",
    "zorblax kettle",
    "sofas pro",
    "p017",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("put") / "shop"
    made_up_shop.build(home, QUICK).close()
    return home


@pytest.fixture
def shop(trained: Path, tmp_path: Path) -> Iterator[mercato.Shop]:
    """A copy of the trained shop, so that no test sees another's products."""
    shutil.copytree(trained, tmp_path / "shop")
    with mercato.open(tmp_path / "shop", clock=later) as opened:
        yield opened


TICKS = count(1)


def later() -> datetime:
    """A clock that never says the same twice: each training has a name of its own."""
    return made_up_shop.NOW + timedelta(microseconds=next(TICKS))


def kettle(product_id: str = "new", **fields: Any) -> Product:
    made = Product(
        id=product_id,
        title="Zorblax kettle",
        brand="Zorb",
        categories=("Kitchen > Appliances > Zorbs",),
        price=4_999_00,
        currency="EUR",
        attributes={"colour": ("puce",)},
    )
    return replace(made, **fields)


def test_a_new_product_is_searched_filtered_sorted_and_counted_at_once(shop: mercato.Shop) -> None:
    before = shop.search("", 1, facets=FACETS)
    assert shop.put_products([kettle()]) == (1, 0)
    assert shop.search("zorblax").ids[0] == "new"
    assert shop.search("new").ids[0] == "new", "by its number"
    assert shop.search("kettle", 100, where={"brand": ["Zorb"]}).ids == ("new",)
    assert shop.search("", 1, sort="-price").ids == ("new",)
    assert shop.search("", where={"price": {"min": 4000}}).ids == ("new",)
    after = shop.search("", 1, facets=FACETS)
    assert after.total == before.total + 1
    assert after.facets["brand"]["Zorb"] == 1
    assert after.facets["colour"]["puce"] == 1
    assert after.facets["categories"]["Kitchen > Appliances > Zorbs"] == 1
    assert after.facets["categories"]["Kitchen"] == before.facets["categories"]["Kitchen"] + 1
    assert after.versions["changes"] == str(shop.store.catalogue_version())


def test_a_change_is_in_words_price_facets_and_what_is_shown(shop: mercato.Shop) -> None:
    old = shop.product("p000")
    new = replace(old, title="Zorblax stool", brand="Zorb", price=1, currency="EUR", sellable=True)
    shop.put_products([new])
    found = shop.search("zorblax")
    assert found.ids[0] == "p000"
    assert found.items[0].product == new
    assert shop.search("", 1, sort="price").ids == ("p000",)
    assert shop.search("", where={"brand": ["Zorb"]}).ids == ("p000",)
    assert "p000" not in shop.search("", 1000, where={"brand": [old.brand or "Acme"]}).ids
    matcher = shop._live.engine.search_parts.matcher  # type: ignore[union-attr]
    rows, _ = matcher.index.match(matcher.reader.parse(old.title.split()[-1] + " ", {}).words, np.ones(400, bool))  # type: ignore[attr-defined]
    assert 0 not in rows, "it is not found by the words it had"


def test_what_cannot_be_sold_any_more_is_in_no_list(shop: mercato.Shop) -> None:
    bought = shop.recommend("buy-again", shopper="u01").items[0].product
    shop.put_products([replace(bought, price=77, currency="EUR", title="Renamed")])
    shown = {item.product.id: item.product for item in shop.recommend("buy-again", shopper="u01").items}
    assert (shown[bought.id].price, shown[bought.id].title) == (77, "Renamed")
    shop.put_products([replace(bought, sellable=False)])
    assert bought.id not in shop.search("", 1000).ids
    for placement in ("home", "buy-again", "discover"):
        assert bought.id not in shop.recommend(placement, 400, shopper="u01").ids
    assert bought.id not in {one["id"] for one in shop.suggest(bought.title[:5], 50)["products"]}


def test_a_deleted_product_comes_back_when_it_is_put_again(shop: mercato.Shop) -> None:
    for product in (shop.product("p001"), kettle()):
        shop.put_products([replace(product, sellable=True)])
        assert shop.delete_product(product.id)
        assert product.id not in shop.search("", 1000).ids
        assert not shop.delete_product(product.id)
        shop.put_products([replace(product, sellable=True)])
        assert product.id in shop.search("", 1000).ids


def test_new_products_harm_no_list(shop: mercato.Shop) -> None:
    lists = {name: shop.recommend(name, shopper="u01").ids for name in ("home", "discover", "buy-again", "email")}
    shop.put_products([kettle(f"new{n}", group_id="g1") for n in range(3)])
    shop.record([mercato.Interaction("purchase-complete", "u99", product_id="new1")])
    assert {name: shop.recommend(name, shopper="u01").ids for name in lists} == lists
    assert shop.recommend("cart", cart=["new1", "p003"]).ids
    assert shop.recommend("home", shopper="u99").ids
    assert shop.search("zorblax", shopper="u99", explain=True).ids[0].startswith("new")
    with pytest.raises(mercato.NotFound) as refused:
        shop.recommend("similar", product="new1")
    assert "training" in refused.value.hint


def test_variants_are_one_place(shop: mercato.Shop) -> None:
    shop.put_products([kettle(f"new{n}", group_id="zorbs") for n in range(3)])
    assert shop.search("zorblax", where={"brand": ["Zorb"]}, grouped=True, facets=("brand",)).facets["brand"] == {
        "Zorb": 1
    }
    shop.put_products([kettle("new1", group_id="")])
    assert shop.search("zorblax", where={"brand": ["Zorb"]}, grouped=True).total == 2


def test_rules_hold_for_products_that_came_later(shop: mercato.Shop) -> None:
    shop.rules.put({"id": "pin", "when": {"query": "sofa"}, "pins": [{"product": "new", "position": 1}]})
    assert shop.rules.one("pin")["status"]["resting"]
    shop.put_products([kettle()])
    assert shop.search("sofa").ids[0] == "new"
    assert not shop.rules.one("pin")["status"]["resting"]
    seen = shop.rules.preview("sofa", put=[{"id": "hide", "when": {"query": "sofa"}, "hide": {"products": ["new"]}}])
    assert seen["then"][0]["id"] != "new"
    shop.put_products([kettle(availability="out-of-stock")])
    assert shop.rules.one("pin")["status"]["resting"] == [{"product": "new", "why": "out of stock"}]


def test_everything_outlives_a_restart_and_a_training(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.put_products([kettle(), replace(shop.product("p000"), title="Zorblax stool", sellable=True)])
    shop.delete_product("p001")
    wanted = {"new", "p000"}
    shop.close()
    with mercato.open(tmp_path / "shop", clock=later) as again:
        assert wanted <= set(again.search("zorblax").ids)
        assert "p001" not in again.search("", 1000).ids
        again.train()
        slate = again.search("zorblax")
        assert wanted <= set(slate.ids)
        assert "changes" not in slate.versions
        assert "p001" not in again.search("", 1000).ids
        assert again.recommend("similar", product="new").ids


def test_past_the_limit_changes_wait_for_training_and_that_is_said(
    shop: mercato.Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = shop._live.overlay.trained.most  # type: ignore[union-attr]
    assert room == overlay.overlay.FEWEST
    shop.put_products([kettle(f"new{n:03d}") for n in range(room + 5)])
    slate = shop.search("", 100, where={"brand": ["Zorb"]})
    assert slate.total == room
    assert slate.degraded == ("catalogue: 5 changes wait for training",)
    old = shop.product("p002")
    shop.put_products([replace(old, price=9_999_00, currency="EUR", sellable=True)])
    assert shop.search("", 1, sort="-price").ids == ("p002",), "what has the same words never waits"
    shop.put_products([replace(old, title="Zorblax", sellable=False)])
    assert "p002" not in shop.search("", 1000).ids, "nor does what cannot be sold"
    shop.delete_product("new050")
    assert shop.search("").degraded == ("catalogue: 5 changes wait for training",)
    shop.train()
    slate = shop.search("", 100, where={"brand": ["Zorb"]})
    assert (slate.total, slate.degraded) == (room + 4, ())


def test_a_failing_encoder_costs_meaning_not_the_product(shop: mercato.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shop._live is not None
    encoder = type(shop._live.encoder)
    encode = encoder.encode

    def fail(self: Any, texts: Any) -> Any:
        raise RuntimeError("down")

    monkeypatch.setattr(encoder, "encode", fail)
    shop.put_products([kettle()])
    monkeypatch.setattr(encoder, "encode", encode)
    live = shop._live
    assert live is not None
    assert live.overlay.silent == (400,)
    assert shop.search("zorblax").ids[0] == "new"
    shop.put_products([kettle("other", title="Blender")])
    dense = shop._live.overlay.parts.dense  # type: ignore[union-attr]
    assert dense is not None
    assert dense.later is not None
    assert np.allclose(np.linalg.norm(dense.later, axis=1), 1, atol=1e-3), "made up for by the next change"


def test_judging_and_doctor_know_the_products_of_now(shop: mercato.Shop) -> None:
    shop.put_products([kettle()])
    shop.judging.put("ours", ["zorblax"])
    shop.judging.judge("ours", "zorblax", "new", 3)
    assert shop.judging.from_model("ours")["queries"] == 1
    assert shop.doctor()["counts"]["products"] == 401
    assert shop.views("u01")["lanes"]
    assert shop.shopper("u01")["recent"]


def asked(dice: Random) -> dict[str, Any]:
    low = dice.uniform(0, 150)
    where = dice.choice(
        [
            {},
            {"brand": dice.sample([*made_up_shop.BRANDS, "Zorb"], 2)},
            {"categories": [dice.choice(["Home", "Kitchen > Appliances", "Sport > Cycling", "Sale"])]},
            {"price": {"min": low, "max": low + 80}},
            {"colour": ["red"], "availability": ["in-stock"]},
        ]
    )
    return {"where": where, "sort": dice.choice(["", "price", "-rating", "created_at"])}


def test_it_agrees_with_a_shop_trained_anew(shop: mercato.Shop, tmp_path: Path) -> None:
    """Random puts and deletions, then everything listed, sorted, counted and matched is compared."""
    dice = Random(11)
    kept = {one["id"]: read_product(one) for one in made_up_shop.PRODUCTS}
    for _ in range(6):
        donors = dice.sample(sorted(kept), 4)
        puts = [
            replace(kept[donors[0]], price=dice.randrange(20_000), currency="EUR"),
            replace(kept[donors[1]], title=f"Zorblax {kept[donors[2]].title}", brand="Zorb", sellable=True),
            replace(kept[donors[2]], id=f"n{dice.randrange(9)}", attributes={"colour": ("red", "puce")}),
            replace(kept[donors[3]], sellable=dice.random() > 0.5, availability="out-of-stock", group_id="g1"),
        ]
        shop.put_products(puts)
        kept |= {one.id: one for one in puts}
        if dice.random() > 0.5:
            gone = dice.choice(sorted(kept))
            shop.delete_product(gone)
            del kept[gone]
        shop.search(dice.choice(QUERIES))
    records = [mercato.codec.product_to_dict(one) for one in kept.values()]
    with mercato.create(tmp_path / "anew", products=records, settings=QUICK, clock=later) as anew:
        anew.train()
        for _ in range(25):
            how = asked(dice)
            for grouped in (False, True):
                ours, theirs = (one.search("", 1000, facets=FACETS, grouped=grouped, **how) for one in (shop, anew))
                assert (ours.total, ours.facets) == (theirs.total, theirs.facets), how
                if not grouped:
                    assert set(ours.ids) == set(theirs.ids), how
        for query in QUERIES:
            assert matched(shop, query) == matched(anew, query), query


def matched(shop: mercato.Shop, query: str) -> set[str]:
    """What the words of a query match: the meaning's cut-off is learned anew by every training."""
    live = shop._live
    assert live is not None
    matcher = replace(live.engine.search_parts.matcher, meaning=None)  # type: ignore[type-var]
    rows = matcher.match(query).ranking.rows  # type: ignore[attr-defined]
    return {live.catalog.ids[row] for row in rows.tolist() if row not in live.hidden}


def test_many_who_put_at_once_all_see_their_own(shop: mercato.Shop) -> None:
    seen: list[bool] = []

    def put(n: int) -> None:
        shop.put_products([kettle(f"new{n}", title=f"Zorblax{n} kettle")])
        seen.append(shop.search(f"zorblax{n} ").ids[0] == f"new{n}")

    putting = [Thread(target=put, args=(n,)) for n in range(12)]
    for thread in putting:
        thread.start()
    for thread in putting:
        thread.join()
    assert seen == [True] * 12
    assert shop.search("", where={"brand": ["Zorb"]}).total == 12


def test_a_burst_is_served_in_one_go(shop: mercato.Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    changed = overlay.Overlay.changed

    def counted(self: overlay.Overlay, changes: Any) -> overlay.Overlay:
        rounds.append(len(changes))
        return changed(self, changes)

    monkeypatch.setattr(overlay.Overlay, "changed", counted)
    before = shop.store.catalogue_version()
    putting = [Thread(target=shop.put_products, args=([kettle(f"new{n}")],)) for n in range(12)]
    with shop._building:  # somebody else's turn
        for thread in putting:
            thread.start()
        while shop.store.catalogue_version() < before + 12:
            pass
    for thread in putting:
        thread.join()
    assert rounds == [12]


ZORBS = {"categories": ["Kitchen > Appliances > Zorbs"]}
PRICES = {"Zorb": 100, "Blorb": 200}


def is_whole(slate: mercato.Slate) -> bool:
    """Whether all that is said of the one product in ``ZORBS`` is of one version: price and brand change together."""
    brand = slate.items[0].product.brand
    return slate.total == 1 and slate.items[0].product.price == PRICES[brand] and slate.facets["brand"] == {brand: 1}


def test_searches_during_puts_turns_and_a_training_are_whole(shop: mercato.Shop) -> None:
    done, seen = Event(), list[bool]()
    shop.put_products([kettle(brand="Zorb", price=100), replace(shop.product("p000"), sellable=True)])

    def ask() -> None:
        while not done.is_set():
            seen.append(is_whole(shop.search("", 5, where=ZORBS, facets=("brand",))))
            seen.append("p000" in shop.search("", 1000).ids)

    asking, training = [Thread(target=ask) for _ in range(2)], Thread(target=shop.train)
    for thread in (*asking, training):
        thread.start()
    for n in range(6):
        brand = ("Blorb", "Zorb")[n % 2]
        shop.put_products([kettle(brand=brand, price=PRICES[brand])])
        assert shop.search("", where=ZORBS).items[0].product.brand == brand, "the last put counts, whoever trains"
        shop.set_lists("home", personal=n)
    training.join()
    done.set()
    for thread in asking:
        thread.join()
    assert all(seen)
    assert shop.search("", where=ZORBS).items[0].product.brand == "Zorb"
    assert shop.recommend("home").versions["lists"] == shop.lists()["version"]
