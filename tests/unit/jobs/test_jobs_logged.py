"""Clicks on shown lists teach the scores, and where they were clicked does not lead the scores astray."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest

import mercato
from mercato.catalog import Catalog
from mercato.feedback.propensity import PositionBias
from mercato.jobs.encoders import Chosen
from mercato.jobs.learn import fitted
from mercato.jobs.logged import MOST, TEACHING, Logged, logged
from mercato.models.encoders import LETTERS, Source
from mercato.models.hashed import HashEncoder
from mercato.rank.train import Example
from mercato.schema import Impression, Interaction, Product, Ranking
from mercato.scores import hints
from mercato.settings import parse

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATALOG = Catalog.build([Product(id=name, title=name) for name in "abcde"])
SHOWN = Impression(
    "s1", "discover", NOW, "u1", "", "", ("a", "b", "gone", "c"), (4.0, 3.0, 2.0, 1.0),
    {"lane:taste": (0.4, 0.3, 0.2, 0.1), "profile:brand": (0.0, 0.0, 0.0, 0.0), "term:behaviour": (4.0, 3.0, 2.0, 1.0)},
    4, {"model": "1"},
)  # fmt: skip
VIEW, CART, BUY = "detail-page-view", "add-to-cart", "purchase-complete"
EQUAL = PositionBias(floor=1.0)


def taught(shown: Impression, *did: tuple[str, str, str]) -> dict[str, list[Example]]:
    return {score: list(found) for score, found in logged([(shown, did)], CATALOG, EQUAL).examples.items()}


def test_a_click_makes_a_list_of_what_was_shown_and_is_still_there() -> None:
    ((score, (example,)),) = taught(SHOWN, ("b", VIEW, "u1")).items()
    assert score == "new"
    assert example.ranking.rows.tolist() == [0, 1, 2]
    assert example.wanted.tolist() == [0, 1, 0]
    assert set(example.ranking.notes) == {"lane:taste"}, "terms are what an old score thought; zeros say nothing"
    assert example.ranking.notes["lane:taste"].tolist() == pytest.approx([0.4, 0.3, 0.1])


def test_a_search_teaches_unless_something_else_made_its_order() -> None:
    searched = replace(SHOWN, placement="search", query="a")
    ((score, (example,)),) = taught(searched, ("b", VIEW, "u1")).items()
    assert score == "search"
    assert example.wanted.tolist() == [0, 1, 0]
    assert taught(replace(searched, scores=(1.0, 3.0, 2.0, 1.0)), ("b", VIEW, "u1")) == {}, "sorted by price"


def test_every_click_makes_its_own_list_and_counts_as_its_grade() -> None:
    first, second = taught(SHOWN, ("a", VIEW, "u1"), ("c", VIEW, "u1"), ("c", BUY, "u1"))["new"]
    assert first.ranking.rows.tolist() == [0, 1]
    assert second.ranking.rows.tolist() == [1, 2]
    assert second.wanted.tolist() == [0, 1]
    assert second.weight == 3 * first.weight


@pytest.mark.parametrize(
    "did", [("b", VIEW, "u2"), ("gone", BUY, "u1"), ("e", VIEW, "u1"), ("b", "remove-from-cart", "u1")],
    ids=["somebody else", "no longer sold", "not in the list", "no sign of wanting"],
)  # fmt: skip
def test_what_does_not_belong_to_the_list_teaches_nothing(did: tuple[str, str, str]) -> None:
    assert taught(SHOWN, did) == {}


def test_a_list_for_nobody_in_particular_is_answered_by_anybody() -> None:
    assert len(taught(replace(SHOWN, shopper_id=""), ("b", VIEW, "u7"))["new"]) == 1


def test_a_mixed_list_teaches_each_score_by_its_own_rows() -> None:
    notes = {"lane:habit": (2.0, 0.0, 1.0, 0.0), "lane:taste": (0.1, 0.2, 0.3, 0.4)}
    home = replace(SHOWN, placement="home", products=("a", "b", "c", "d"), notes=notes)
    found = taught(home, ("c", CART, "u1"), ("b", VIEW, "u1"))
    assert found["again"][0].ranking.rows.tolist() == [0, 2]
    assert found["new"][0].ranking.rows.tolist() == [1, 3]


def test_lists_without_a_learned_score_are_left_out() -> None:
    for placement in ("similar", "session", "tail"):
        assert taught(replace(SHOWN, placement=placement), ("b", VIEW, "u1")) == {}


def test_too_few_clicks_of_a_score_are_said_and_not_used() -> None:
    found = logged([(SHOWN, [("b", VIEW, "u1")])], CATALOG)
    assert found.enough(2) == {}
    assert found.account(2) == {"clicks: new": "1 (fewer than 2: replay alone)"}
    assert "looked at: discover" in found.account(1)


PRODUCTS, PER_AISLE, BRANDS = 120, 15, 12
TOML = """
[learn]
shoppers = 0
trees = false
[lists]
per_category = 100
[transitions]
tune = false
[sequence]
train = "never"
[taste]
factors = 4
iterations = 1
"""


@dataclass(frozen=True)
class Visited:
    """A shop whose lists were looked at from the top, and what it learned from that."""

    found: Logged
    raw: Logged
    report: dict[str, str]
    catalog: Catalog


def brand(product_id: str) -> int:
    return int(product_id[1:]) % BRANDS


def chance(place: int) -> float:
    return 1 / (1.0 + place)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """Everybody bought one thing and wants more of its brand; the shop believes in the aisle and in what sells."""
    patch = pytest.MonkeyPatch()
    patch.setattr("mercato.shop.facade.choose", lambda *_: Chosen(HashEncoder(), Source(LETTERS)))
    with patch.context():
        yield visit(tmp_path_factory.mktemp("logged") / "shop")
    patch.undo()


def visit(folder: Path) -> Visited:
    random, ticks = np.random.default_rng(1), count()
    ids = [f"p{number}" for number in range(PRODUCTS)]
    products = [
        {"id": name, "title": name, "categories": [f"Aisle {n // PER_AISLE}"], "brand": f"Brand {brand(name)}"}
        for n, name in enumerate(ids)
    ]
    chances = random.permutation(np.geomspace(1, 4, len(ids)))
    sold = random.choice(ids, 3000, p=chances / chances.sum())
    events = [
        {"type": BUY, "shopper_id": f"u{n}", "product_id": name, "at": (NOW - timedelta(days=1)).isoformat()}
        for n, name in enumerate(sold.tolist())
    ]
    with mercato.create(
        folder, products=products, events=events, settings=TOML, clock=lambda: NOW + timedelta(milliseconds=next(ticks))
    ) as shop:
        shop.train()
        clicks = []
        for n in range(800):
            slate = shop.recommend("discover", 10, shopper=f"u{n}")
            for place, name in enumerate(slate.ids):
                if random.random() < chance(place) * (0.6 if brand(name) == brand(str(sold[n])) else 0.2):
                    clicks.append(Interaction(VIEW, f"u{n}", product_id=name, slate_id=slate.id, position=place))
        shop.record(clicks)
        report = shop.train()
        answered = list(shop.store.answered(NOW - timedelta(days=28), TEACHING, MOST))
        catalog = Catalog.build(shop.store.products())
        return Visited(logged(answered, catalog), logged(answered, catalog, EQUAL), report["learned"], catalog)


def agreement(visited: Visited, lists: Logged) -> float:
    """How often what ``lists`` teach puts a product of the right brand before one of the right aisle."""
    settings = parse({"learn": {"trees": False}})
    _, readable, _ = fitted(settings, hints(settings, visited.catalog), lists.enough(200))
    sells, one = np.geomspace(10, 200, 50), np.repeat([1.0, 0.0], 50)
    notes = {"lane:popular": np.r_[sells, sells], "profile:brand": one, "profile:category": 1 - one}
    scores = readable["new"].scored(Ranking(np.arange(100, dtype=np.int32), np.zeros(100), notes)).scores
    return float((scores[:50, None] > scores[None, 50:]).mean())


def error(chances: np.ndarray) -> float:
    return float(np.abs(np.log(chances / [chance(place) for place in range(10)])).mean())


def test_how_far_down_shoppers_look_is_read_from_the_log(visited: Visited) -> None:
    assumed = 1 / np.log2(np.arange(10) + 2)
    assert error(visited.found.chances["discover"]) < error(assumed) - 0.15
    assert visited.report["looked at: discover"].startswith("places 1-10 1.00, ")
    assert visited.report["weights: new"] == f"{len(visited.found.examples['new'])} lists"


def test_what_shoppers_want_outweighs_what_stood_on_top(visited: Visited) -> None:
    ours, raw = agreement(visited, visited.found), agreement(visited, visited.raw)
    assert ours > 0.65
    assert raw < ours - 0.15
