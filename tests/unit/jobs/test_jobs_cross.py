"""What a cross-encoder is taught, when the search score hears it, and what is published of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.artifacts import open_current, rollback, verify
from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.evaluate.metrics import graded_ndcg
from mercato.jobs.cross import SCALES, WEIGHTS, Pool, choices, learn_cross, made_queries, pools, reordered, weighed
from mercato.jobs.judgments import Judged
from mercato.models.cross import CrossEncoder, LoadedCross
from mercato.rank.cross import pair_text, signal
from mercato.schema import Product, Ranking
from small_bert import COLOURS, THINGS, small_bert

CATALOG = Catalog.build(
    (Product(f"{a}-{b}", f"{a} {b}", f"a fine {b}", brand="Acme") for a in COLOURS for b in THINGS), "test"
)
RED = [row for row in range(len(CATALOG)) if CATALOG.product(row).title.startswith("red")]


class Knowing:
    """Knows the colour that was asked for."""

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([float(text.startswith(query)) for text in texts])


class Wrong:
    """Prefers everything else."""

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        return 1 - Knowing().score(query, texts)


def find(query: str, k: int) -> Ranking:
    """A search that puts what was asked for last."""
    worth = np.array([0.0 if CATALOG.product(row).title.startswith(query) else 1.0 for row in range(len(CATALOG))])
    kept = np.arange(0, len(CATALOG), 3)
    return Ranking.best_first(kept, worth[kept], k)


def asked(colour: str) -> Judged:
    wanted = [row for row in range(len(CATALOG)) if CATALOG.product(row).title.startswith(colour)]
    return Judged(colour, {row: 2.0 for row in wanted[1:]} | {wanted[0]: 1.0})


def test_lists_teach_what_was_wanted_and_what_search_put_first() -> None:
    (one,) = choices(pools([asked("red")], find, 10), CATALOG)
    grades = dict(zip(one.texts, one.grades, strict=True))
    assert {text for text, grade in grades.items() if grade > 0} == {pair_text(CATALOG.product(row)) for row in RED}
    assert sorted(grades.values())[-1] == 1.0
    assert grades[pair_text(CATALOG.product(RED[0]))] == 0.5
    hard = {pair_text(CATALOG.product(row)) for row in find("red", 10).rows.tolist()}
    assert {text for text, grade in grades.items() if grade == 0} == hard
    (alone,) = choices(pools([asked("red")], find, 10), CATALOG, beyond=False)
    assert set(alone.texts) == hard, "as search shows it"
    assert not choices(pools([Judged("red", {RED[0]: 0.0})], find), CATALOG), "nothing was wanted"


def test_what_reads_like_what_was_wanted_is_no_negative() -> None:
    twins = Catalog.build((Product(str(n), "red sofa" if n < 3 else "blue sofa") for n in range(5)), "test")
    found = [Pool(Judged("red", {0: 1.0}), Ranking(np.arange(5, dtype=np.int32), np.ones(5)))]
    (one,) = choices(found, twins)
    assert sorted(zip(one.texts, one.grades, strict=True)) == [("blue sofa", 0.0)] * 2 + [("red sofa", 1.0)]


def test_made_queries_are_products_words_and_want_their_title() -> None:
    made = made_queries(CATALOG, 20, 0, without=RED)
    assert made == made_queries(CATALOG, 20, 0, without=RED) != made_queries(CATALOG, 20, 1, without=RED)
    assert len({one.query for one in made}) == len(made) == 20
    for one in made:
        titles = {CATALOG.product(row).title for row in one.grades}
        assert len(titles) == 1
        assert not titles.pop().startswith("red")
    few = Catalog.build((Product(str(n), "sofa") for n in range(3)), "test")
    assert made_queries(few, 5, 0) == [], "one word is no query to learn from"


def test_a_term_is_heard_only_where_it_helps() -> None:
    held = pools([asked(colour) for colour in COLOURS * 4], find)
    term, figures = weighed(held, Knowing(), CATALOG)
    assert term.weight > 0
    assert figures["with"] > figures["without"]
    term, figures = weighed(held, Wrong(), CATALOG)
    assert term.weight == 0
    assert figures["with"] == figures["without"]
    assert weighed([], Knowing(), CATALOG)[0].weight == 0
    assert weighed(held, Knowing(), CATALOG)[1]["p"] < 0.05 < weighed(held, Wrong(), CATALOG)[1]["p"]


@given(
    scores=st.lists(st.integers(0, 5), min_size=1, max_size=16),
    read=st.lists(st.floats(0, 1), min_size=16, max_size=16),
    weight=st.sampled_from((0.0, *WEIGHTS)),
    scale=st.sampled_from(SCALES),
)
def test_a_pool_is_reordered_as_a_loop_would(scores: list[int], read: list[float], weight: float, scale: float) -> None:
    first = Ranking.best_first(np.arange(len(scores)) * 2, np.array(scores, float))
    given_ = dict(zip(first.rows.tolist(), read, strict=False))
    own = dict(zip(first.rows.tolist(), first.scores.tolist(), strict=True))
    worth = {row: own[row] + weight * float(np.log1p(given_[row] / scale)) for row in own}
    found = reordered(Pool(asked("red"), first), np.array([given_[row] for row in own]), signal(weight, scale))
    assert found.tolist() == sorted(worth, key=lambda row: (-worth[row], row))


@pytest.mark.train
def test_what_is_published_says_what_it_was_made_of_and_helps(tmp_path: Path) -> None:
    base = small_bert(tmp_path / "base")
    recipe = CrossEncoder(
        base=str(base), frozen=0, max_length=16, steps=80, lists=6, each=6, rate=3e-3, head_rate=1e-2, judged=40
    )
    found = pools([asked(colour) for colour in COLOURS], find)
    taught, held = choices(found, CATALOG), found * 4
    report = learn_cross(recipe, CATALOG, taught, held, tmp_path / "cross", "one", lambda _: None)
    artifact = open_current(tmp_path / "cross")
    about = verify(artifact.folder)["about"]
    assert about == report
    assert about["base"]["source"] == str(base)
    assert about["data"]["lists"] == len(COLOURS)
    assert about["seed"] == 0
    assert about["signal"]["weight"] > 0
    search = about["metrics"]["search"]
    assert search["with"] > search["without"]
    term, model = signal(**about["signal"]), LoadedCross.load(artifact.folder)
    gained = [
        graded_ndcg(reordered(pool, model.score(pool.judged.query, _texts(pool)), term), pool.judged.grades)
        for pool in found
    ]
    assert np.mean(gained) == pytest.approx(search["with"])
    again = replace(recipe, base=str(artifact.folder), steps=1)
    few = learn_cross(again, CATALOG, taught, found, tmp_path / "cross", "two", lambda _: None)
    assert few["signal"]["weight"] == 0, "six queries are too few to be sure"
    assert open_current(tmp_path / "cross").version == "two"
    assert rollback(tmp_path / "cross").name == "one"


def _texts(pool: Pool) -> list[str]:
    return [pair_text(CATALOG.product(row)) for row in pool.first.rows.tolist()]


def test_nothing_to_learn_publishes_nothing(tmp_path: Path) -> None:
    recipe = CrossEncoder(base=str(small_bert(tmp_path / "base")), max_length=16)
    with pytest.raises(DataError):
        learn_cross(recipe, CATALOG, [], [], tmp_path / "cross", "one", lambda _: None)
    assert not (tmp_path / "cross").exists()
