"""Trees order a search only where they are better on queries they never saw, beyond chance; else the sum stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.jobs.learn import fitted
from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted
from mercato.rank.linear import Linear
from mercato.rank.train import Example
from mercato.schema import Product, Ranking
from mercato.scores import SEARCH, Score, hints
from mercato.settings import Settings, parse

CATALOG = Catalog.build([Product(id=str(n), title="x", price=n, rating=n / 10) for n in range(1, 9)])
HINTS = hints(Settings(), CATALOG)
LISTS, ROWS = 1020, 8
Floats = NDArray[np.float64]


def shown(queries: int, appeal: Any, seed: int = 0) -> list[Example]:
    """LISTS answered searches of so many queries; wanted is the row of most ``appeal(notes, query)``."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(LISTS):
        query = number % queries
        mine = np.random.default_rng(query)  # a query shows the same products every time
        notes = {
            "lane:words": mine.uniform(0.8, 1.0, ROWS), "fact:cheap": mine.exponential(1.0, ROWS),
            "fact:rating": mine.integers(0, 6, ROWS).astype(float),
        }  # fmt: skip
        worth = appeal(notes, query) + random.gumbel(size=ROWS)
        wanted = (np.arange(ROWS) == int(np.argmax(worth))).astype(float)
        ranking = Ranking(np.arange(ROWS, dtype=np.int32), np.zeros(ROWS), notes)
        found.append(Example(ranking, wanted, group=f"query {query}"))
    return found


def learned(examples: list[Example], **settings: Any) -> tuple[Score, dict[str, Any]]:
    weights, readable, said = fitted(parse({"learn": settings}), HINTS, {SEARCH: examples})
    assert isinstance(readable[SEARCH], Linear)
    return weights[SEARCH], said[f"score {SEARCH}"]


def middling(notes: dict[str, Floats], query: int) -> Floats:
    """Nmiddling cheap nor dear: no sum can say that."""
    return 4.0 * ((notes["fact:cheap"] > 0.4) & (notes["fact:cheap"] < 1.0))


def rated(notes: dict[str, Floats], query: int) -> Floats:
    """The better rated the better: a sum says it all."""
    return np.log1p(notes["fact:rating"]) * 2


def habit(notes: dict[str, Floats], query: int) -> Floats:
    """Every query has a product of its own, of which nothing else tells."""
    return 6.0 * (np.arange(ROWS) == query % ROWS)


def test_trees_are_kept_where_no_sum_can_say_it_and_the_account_tells_what_the_sum_costs() -> None:
    score, said = learned(shown(200, middling))
    assert isinstance(score, Boosted)
    assert score.extra == score.first, "they correct the sum"
    assert said["kept"] == "trees"
    ndcg = said["cross-validated ndcg@10"]
    assert ndcg["trees"] > ndcg["readable"] + 0.05
    assert set(said["cross-validated ndcg@10 of clicked lists"]) == {"built-in", "learned"}


@pytest.mark.parametrize("appeal", [rated, habit], ids=["a sum says it all", "only the query tells"])
def test_the_sum_stays_where_trees_are_no_better_on_other_queries(appeal: Any) -> None:
    score, said = learned(shown(60, appeal))
    assert isinstance(score, Linear)
    assert said["kept"] == "readable"


def test_lists_of_one_query_would_mislead_were_they_on_both_sides() -> None:
    apart = [replace(example, group="") for example in shown(61, habit)]
    score, _ = learned(apart)
    assert isinstance(score, Boosted), "the same lists, taken for those of as many queries"


def test_what_is_new_in_the_sum_is_learned_from_clicks() -> None:
    score, _ = learned(shown(200, rated), trees=False)
    assert isinstance(score, Linear)
    weights = {signal.note: signal.weight for signal in score.signals}
    assert weights["fact:rating"] > 0.3
    assert weights["lane:words"] == 4.0
    hinted = {signal.note: signal.weight for signal in HINTS[SEARCH]}
    assert hinted["fact:rating"] == 0.0


def test_a_handful_of_queries_teaches_no_trees_however_often_they_were_asked() -> None:
    score, said = learned(shown(12, middling))
    assert isinstance(score, Linear)
    assert "kept" not in said
    assert BoostedFit(least=10, fewest=5).fit(shown(12, middling)[:60], Linear(HINTS[SEARCH])) is not None
