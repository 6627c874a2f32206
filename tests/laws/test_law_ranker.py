"""Law of ports.Ranker over every implementation: the same rows, every note kept, terms that add up to the score."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mercato.rank
from mercato import scores
from mercato.catalog import Catalog
from mercato.ports import Ranker
from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted
from mercato.rank.cascade import Cascade
from mercato.rank.linear import Linear, Signal
from mercato.rank.mixed import Mixed
from mercato.rank.train import Example
from mercato.schema import Product, Ranking
from mercato.settings import Settings
from shopping import asked

NOTES = ("lane:habit", "lane:popular", "profile:brand", "x")
NUMBERS = st.one_of(st.just(0.0), st.floats(0, 1e9), st.sampled_from([1.0, 2.0]))
SIGNALS = st.lists(
    st.builds(
        Signal,
        note=st.sampled_from(NOTES),
        term=st.sampled_from(["behaviour", "attribute", "relation", "words", "session"]),
        weight=st.floats(0, 100),
        scale=st.floats(1e-3, 1e3),
    ),
    max_size=6,
)


def linear(signals: list[Signal]) -> Ranker:
    return Linear(tuple(signals))


def mixed(signals: list[Signal]) -> Ranker:
    return Mixed(Linear(tuple(signals)), Linear(tuple(signals[::2])))


@cache
def grown() -> str:
    """Trees over NOTES, from lists in which the largest first note was wanted."""
    random = np.random.default_rng(0)
    hints = tuple(Signal(name, "behaviour" if name[0] == "l" else "relation", 1.0) for name in NOTES)
    lists = []
    for _ in range(60):
        notes = {name: random.exponential(1.0, 20) for name in NOTES}
        wanted = (notes[NOTES[0]] >= np.sort(notes[NOTES[0]])[-2]).astype(float)
        lists.append(Example(Ranking(np.arange(20, dtype=np.int32), np.zeros(20), notes), wanted))
    fitted = BoostedFit(trees=20, rows_a_leaf=5, least=10).fit(lists, Linear(hints))
    assert fitted is not None
    return fitted.model


def boosted(signals: list[Signal]) -> Ranker:
    """The trees know four notes; what the shop adds by hand is drawn."""
    return Boosted(tuple(Signal(name, "attribute", 1.0) for name in NOTES), grown(), Linear(tuple(signals)))


def cascade(signals: list[Signal]) -> Ranker:
    """Trees correct the drawn sum of three rows; what holds the first note stands above them."""
    first = Linear(tuple(signals))
    trees = Boosted(tuple(Signal(name, "attribute", 1.0) for name in NOTES), grown(), first, first)
    return Cascade(first, trees, deepest=3, above=NOTES[0])


FACTORIES: list[Callable[[list[Signal]], Ranker]] = [linear, mixed, boosted, cascade]


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    """Distinct rows in any order with some of the notes."""
    rows = np.array(draw(st.lists(st.integers(0, 99), unique=True, max_size=8)), np.int32)
    given_notes = draw(st.sets(st.sampled_from(NOTES)))
    notes = {name: draw(arrays(float, len(rows), elements=NUMBERS)) for name in sorted(given_notes)}
    return Ranking(rows, draw(arrays(float, len(rows), elements=NUMBERS)), notes)


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
@settings(deadline=None)
@given(ranking=rankings(), signals=SIGNALS)
def test_the_law_of_rankers(factory: Callable[[list[Signal]], Ranker], ranking: Ranking, signals: list[Signal]) -> None:
    ranker = factory(signals)
    ranked = ranker.rank(asked(), ranking)
    assert sorted(ranked.rows.tolist()) == sorted(ranking.rows.tolist()), "the same rows"
    assert np.isfinite(ranked.scores).all()
    assert np.array_equal(np.lexsort((ranked.rows, -ranked.scores)), np.arange(len(ranked))), "best first, ties by row"
    places = {row: place for place, row in enumerate(ranking.rows.tolist())}
    came_from = [places[row] for row in ranked.rows.tolist()]
    for name, values in ranking.notes.items():
        assert np.array_equal(ranked.notes[name], values[came_from]), "every note travels with its row"
    terms = [values for name, values in ranked.notes.items() if name.startswith("term:")]
    np.testing.assert_allclose(np.sum(terms, axis=0), ranked.scores, rtol=1e-9, atol=1e-9)
    again = ranker.rank(asked(), ranking)
    assert np.array_equal(again.rows, ranked.rows)
    assert np.array_equal(again.scores, ranked.scores)


@given(ranking=rankings(), signals=SIGNALS)
def test_the_evidence_of_an_item_adds_up_to_its_score(ranking: Ranking, signals: list[Signal]) -> None:
    score = Linear(tuple(signals))
    scored = score.scored(ranking)
    assert np.array_equal(scored.rows, ranking.rows), "scoring alone moves nothing"
    _, evidence = score.explained(ranking)
    for place, shares in enumerate(evidence):
        assert [worth for _, worth in shares] == sorted((worth for _, worth in shares), reverse=True)
        assert sum(worth for _, worth in shares) == pytest.approx(scored.scores[place], rel=1e-9, abs=1e-9)


def test_the_three_terms_of_the_contract_are_always_there() -> None:
    ranking = Ranking(np.array([1], np.int32), np.array([0.0]))
    assert set(Linear().rank(asked(), ranking).notes) == {"term:behaviour", "term:attribute", "term:relation"}


def test_every_score_of_the_engine_is_complete() -> None:
    """Whatever was learned, each placement has a score, and a later signal never hides an earlier one of its note."""
    catalog = Catalog.build(Product(id=str(n), title="x", brand=str(n % 20)) for n in range(100))
    made = scores.complete(Settings(), {}, scores.hints(Settings(), catalog))
    assert set(scores.SCORES.values()) | {"search", "cold"} == set(made)
    for name, score in made.items():
        notes = [signal.note for signal in score.signals]
        assert len(set(notes)) == len(notes), f"{name} counts a note twice"


def _rankers() -> Iterator[type]:
    for module in pkgutil.iter_modules(mercato.rank.__path__, "mercato.rank."):
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and hasattr(kind, "rank"):
                yield kind


def test_no_ranker_is_forgotten() -> None:
    assert {type(factory([])) for factory in FACTORIES} == set(_rankers())
    assert {field.name for field in fields(Signal)} == {"note", "term", "weight", "scale"}
