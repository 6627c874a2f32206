"""Trees rank only what the readable sum puts first, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted
from mercato.rank.linear import Linear, Signal
from mercato.rank.mixed import Mixed
from mercato.rank.train import Example
from mercato.schema import Ranking

SUM = Linear((Signal("lane:a", "behaviour", 1.0), Signal("lane:b", "behaviour", 0.5)))


def pool(size: int, seed: int = 0) -> Ranking:
    random = np.random.default_rng(seed)
    notes = {"lane:a": random.random(size), "lane:b": random.random(size)}
    return Ranking(random.permutation(size).astype(np.int32), np.zeros(size), notes)


@pytest.fixture(scope="module")
def trees() -> Boosted:
    lists = [pool(30, seed) for seed in range(60)]
    taught = [Example(one, (one.notes["lane:a"] == one.notes["lane:a"].max()).astype(float)) for one in lists]
    fitted = BoostedFit(trees=5, least=10, rows_a_leaf=5).fit(taught, SUM)
    assert fitted is not None
    return fitted


def test_only_the_rows_that_the_sum_puts_first_are_worth_the_trees(trees: Boosted) -> None:
    given = pool(40)
    cut = Boosted(trees.signals, trees.model, first=SUM, deepest=12).worth(given)
    best = set(given.rows[np.argsort(-SUM.scored(given).scores)[:12]].tolist())
    assert set(cut.rows.tolist()) == best
    assert [row for row in given.rows.tolist() if row in best] == cut.rows.tolist()
    place = {row: number for number, row in enumerate(given.rows.tolist())}
    assert cut.notes["lane:a"].tolist() == [given.notes["lane:a"][place[row]] for row in cut.rows.tolist()]


def test_a_pool_that_is_small_enough_is_left_alone(trees: Boosted) -> None:
    given = pool(12)
    assert Boosted(trees.signals, trees.model, first=SUM, deepest=12).worth(given) is given
    assert SUM.worth(given) is given


def test_each_half_of_a_mixed_list_is_cut_by_its_own_sum(trees: Boosted) -> None:
    given = pool(60)
    bought = given.rows < 30
    given = given.noted(**{"lane:habit": bought.astype(float)})
    cut = Boosted(trees.signals, trees.model, first=SUM, deepest=10)
    kept = Mixed(SUM, cut, 3).worth(given).rows
    news = given.take(~bought)
    assert set(kept.tolist()) == set(range(30)) | set(cut.worth(news).rows.tolist())
