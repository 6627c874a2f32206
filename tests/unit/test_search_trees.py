"""A search that trees order is the same search in another order: whole answers of one shop with and without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import made_up_shop
import mercato
from mercato.artifacts import open_current, publish
from mercato.parts import Parts
from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted
from mercato.rank.linear import Linear
from mercato.rank.train import Example
from mercato.schema import Ranking
from mercato.scores import SEARCH
from mercato.settings import load
from mercato.shop.comparison import SearchKnobs

PLAIN = "[sequence]\ntrain = 'never'\n[encoder]\nsource = 'nowhere'\n"
QUERIES = ("sofa", "velvet sofa", "bike", "coffee", "red", "", "tent for garden", "acme")
MOST, DEEPEST = 400, 60


def trees(readable: Linear) -> Boosted:
    """Wanted is what is neither cheap nor dear."""
    random, lists = np.random.default_rng(0), []
    for _ in range(200):
        cheap = random.exponential(1.0, 20)
        notes = {"lane:words": random.uniform(0.5, 1.0, 20), "fact:cheap": cheap}
        lists.append(Example(Ranking(np.arange(20, dtype=np.int32), np.zeros(20), notes), (abs(cheap - 1) < 0.3) * 1.0))
    found = BoostedFit(trees=40, rate=0.2, least=10, onto=True).fit(lists, readable)
    assert found is not None
    return replace(found, deepest=DEEPEST)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[mercato.Shop, mercato.Shop]]:
    """The same snapshot without trees and with."""
    home = tmp_path_factory.mktemp("trees") / "plain"
    made_up_shop.build(home, PLAIN).close()
    other = home.with_name("trees")
    shutil.copytree(home, other)
    before = open_current(other / "snapshots")
    parts = Parts.load(before.folder, load(other / "mercato.toml"))
    readable = parts.weights[SEARCH]
    assert isinstance(readable, Linear)
    learned = replace(parts, weights={**parts.weights, SEARCH: trees(readable)})

    def write(folder: Path) -> None:
        learned.save(folder)
        shutil.copy(before.folder / "report.json", folder)

    publish(other / "snapshots", "99990101T000000", write, before.manifest["about"])
    with mercato.open(home, read_only=True) as one, mercato.open(other, read_only=True) as two:
        yield one, two


def test_the_same_products_counts_and_fields_in_another_order(shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    moved = 0
    for query in QUERIES:
        a, b = (shop.search(query, k=MOST, facets=["brand"]) for shop in shops)
        assert sorted(a.ids) == sorted(b.ids), query
        assert (a.total, a.facets, a.relaxed, a.every) == (b.total, b.facets, b.relaxed, b.every)
        assert set(a.ids[:DEEPEST]) == set(b.ids[:DEEPEST]), "the first change places among themselves"
        assert a.ids[DEEPEST:] == b.ids[DEEPEST:], "and no other row does"
        moved += a.ids[:DEEPEST] != b.ids[:DEEPEST]
        prices = [[item.product.price for item in shop.search(query, k=MOST, sort="price").items] for shop in shops]
        assert prices[0] == prices[1], "an order by a field is that order"
    assert moved > len(QUERIES) / 2


def test_pages_are_slices_of_one_list(shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    for query in QUERIES:
        whole = shops[1].search(query, k=MOST)
        for k in (3, 20, 70):
            pages = [shops[1].search(query, k=k, page=page) for page in range(5)]
            assert [one for page in pages for one in page.ids] == list(whole.ids[: 5 * k])
            assert {page.total for page in pages} == {whole.total}


def test_terms_add_up_and_reasons_are_about_what_is_there(shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    for query in QUERIES:
        plain = {item.product.id: item for item in shops[0].search(query, k=MOST, explain=True).items}
        slate = shops[1].search(query, k=MOST, explain=True)
        assert list(slate.scores) == sorted(slate.scores, reverse=True)
        for place, item in enumerate(slate.items):
            assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)
            before = plain[item.product.id]
            if place >= DEEPEST:
                assert (item.score, item.reason) == (before.score, before.reason)
                assert item.terms["place"] == 0.0
            else:
                assert item.terms["price"] or item.terms["base"]
            assert ("Matches part" in item.reason) == ("Matches part" in before.reason), "what it says is still true"


def test_what_was_asked_for_by_its_number_stays_first(shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    ids = [product["id"] for product in made_up_shop.PRODUCTS if product.get("sellable", True)]
    for number in ids[::29]:
        assert shops[1].search(number, k=5).ids[0] == number


def test_rules_still_have_the_last_word(tmp_path: Path, shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    shutil.copytree(shops[1].home, tmp_path / "ruled")
    with mercato.open(tmp_path / "ruled") as shop:
        pinned, lifted = [one for one in shop.search("", k=MOST).ids if in_stock(one)][-2:]
        boost = {"boosts": [{"products": [lifted], "by": 1}, {"products": [lifted], "by": 0.5}]}
        pins = {"pins": [{"product": pinned, "position": 2}]}
        shop.rules.replace([{"id": "a", "when": {"always": True}, **boost, **pins}])
        items = shop.search("", k=MOST, explain=True).items
    assert [item.product.id for item in items[:2]] == [lifted, pinned], "from behind what trees order"
    for item in items:
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)


def in_stock(product_id: str) -> bool:
    product = next(one for one in made_up_shop.PRODUCTS if one["id"] == product_id)
    return product.get("availability") != "out-of-stock" and product.get("quantity", 1) > 0


def test_search_can_still_be_turned(shops: tuple[mercato.Shop, mercato.Shop]) -> None:
    judging = shops[1].judging
    assert {"words", "meaning"} <= set(judging.knobs()["terms"])
    assert "price" not in judging.knobs()["terms"], "of no weight in the sum: nothing there to turn"
    same = judging.side_by_side("velvet sofa", SearchKnobs(weights={"words": 1.0}))
    assert not same["changed"]
    turned = judging.side_by_side("velvet sofa", SearchKnobs(weights={"words": 0.0, "meaning": 0.0}))
    assert turned["changed"]
    assert turned["totals"]["a"] == turned["totals"]["b"]
