"""A cascade orders what the sum puts first by trees; everything else, and what was asked for by number, stays put."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.policy.applied import Applied, Pinned
from mercato.policy.applied import Boosted as Lifted
from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted
from mercato.rank.cascade import EXACT, TREES, Cascade
from mercato.rank.linear import TERM, Linear, Signal
from mercato.rank.train import Example
from mercato.schema import Ranking

SUM = Linear((
    Signal(EXACT, "exact", 2.0), Signal("lane:words", "words", 4.0), Signal("lane:every", "words", 0.6),
    Signal("fact:cheap", "price", 0.0), Signal("fact:rating", "rating", 0.0),
))  # fmt: skip


def matched(size: int, seed: int = 0, exact: int = 0) -> Ranking:
    """Rows ascending, some of equal worth, the notes of a search; ``exact`` of them were asked for by number."""
    random = np.random.default_rng(seed)
    notes = {
        "lane:words": random.integers(0, 4, size) / 4,
        "lane:every": random.integers(0, 2, size).astype(float),
        "fact:cheap": random.exponential(1.0, size),
        "fact:rating": random.integers(0, 6, size).astype(float),
    }
    if exact:
        notes[EXACT] = (random.permutation(size) < exact).astype(float)
    return Ranking(np.sort(random.choice(10 * size + 1, size, replace=False)).astype(np.int32), np.zeros(size), notes)


def taught(onto: bool) -> Boosted:
    """Wanted is what is well rated or cheap, but not both: no sum can say that."""
    lists = []
    for seed in range(300):
        one = matched(12, seed)
        odd = (one.notes["fact:rating"] >= 3) != (one.notes["fact:cheap"] > 1)
        lists.append(Example(one, odd.astype(float)))
    fitted = BoostedFit(trees=30, rows_a_leaf=10, least=10, onto=onto).fit(lists, SUM)
    assert fitted is not None
    return fitted


@pytest.fixture(scope="module", params=[True, False], ids=["onto the sum", "alone"])
def trees(request: pytest.FixtureRequest) -> Boosted:
    return taught(bool(request.param))


SETS = st.tuples(st.integers(0, 40), st.integers(0, 99), st.integers(0, 3))


def order(rows: NDArray[np.int32], scores: NDArray[np.float64]) -> list[int]:
    """Best first by brute force, ties by row."""
    return [row for _, row in sorted(zip((-scores).tolist(), rows.tolist(), strict=True))]


@settings(deadline=None, max_examples=60)
@given(drawn=SETS, deepest=st.integers(1, 15))
def test_exact_ones_then_what_the_trees_say_then_the_rest_as_it_was(
    trees: Boosted, drawn: tuple[int, int, int], deepest: int
) -> None:
    ranking = matched(*drawn)
    score = Cascade(SUM, trees, deepest)
    summed = SUM.scored(ranking).scores
    exact = ranking.notes.get(EXACT, np.zeros(len(ranking))) > 0
    by_sum = order(ranking.rows[~exact], summed[~exact])
    deep = np.isin(ranking.rows, by_sum[:deepest])
    by_trees = order(ranking.rows[deep], trees.scored(ranking.take(deep)).scores)
    scored = score.scored(ranking)
    assert scored.rows.tolist() == ranking.rows.tolist(), "the same rows in the same order"
    assert order(scored.rows, scored.scores) == [
        *order(ranking.rows[exact], summed[exact]), *by_trees, *by_sum[deepest:]
    ]  # fmt: skip
    rest = ~exact & ~deep
    assert scored.scores[rest].tolist() == summed[rest].tolist(), "the rest has the score it had"
    assert (scored.notes[TREES] > 0).tolist() == deep.tolist()


@settings(deadline=None, max_examples=60)
@given(drawn=SETS, deepest=st.integers(1, 15), k=st.integers(1, 9))
def test_pages_are_slices_of_one_list_and_every_page_adds_up(
    trees: Boosted, drawn: tuple[int, int, int], deepest: int, k: int
) -> None:
    ranking, score = matched(*drawn), Cascade(SUM, trees, deepest)
    rules = Applied(
        boosts=(Lifted(ranking.rows[::7], 0.3, "b"),), pins=tuple(Pinned(int(row), 2, "p") for row in ranking.rows[:1])
    )
    whole = rules.placed(rules.lifted(score.scored(ranking)))
    seen: list[int] = []
    for page in range(len(ranking) // k + 1):
        placed = rules.placed(rules.lifted(score.scored(ranking)), (page + 1) * k).take(slice(page * k, None))
        shown, why = rules.explained(*score.explained(rules.plain(placed)))
        terms = [values for name, values in shown.notes.items() if name.startswith(TERM)]
        np.testing.assert_allclose(np.sum(terms, axis=0), shown.scores, atol=1e-6)
        np.testing.assert_allclose(shown.scores, placed.scores, atol=1e-9)
        for place, said in enumerate(why):
            for name, worth in said:
                assert name.startswith("rule:") or (worth > 0 and shown.notes[name][place] > 0), "evidence is there"
        seen += shown.rows.tolist()
    assert seen == whole.rows.tolist()


def test_what_the_trees_know_and_no_sum_can_say_is_said_by_the_list(trees: Boosted) -> None:
    ranking = matched(60, seed=1000)
    best = Cascade(SUM, trees, 30).rank(None, ranking).take(slice(0, 30))  # type: ignore[arg-type]
    odd = (best.notes["fact:rating"] >= 3) != (best.notes["fact:cheap"] > 1)
    assert odd[:10].mean() > odd[20:].mean() + 0.3


def test_words_are_worth_to_trees_onto_the_sum_what_they_were() -> None:
    found = taught(True)
    assert found.extra == SUM
    ranking = matched(20)
    _, why = Cascade(SUM, found).explained(Cascade(SUM, found).scored(ranking))
    for place, said in enumerate(why):
        assert (("lane:every") in {name for name, _ in said}) == bool(ranking.notes["lane:every"][place])


def test_another_sum_turns_the_cascade_with_it(trees: Boosted) -> None:
    ranking, other = matched(30), Linear((Signal("fact:rating", "rating", 1.0),))
    turned = Cascade(SUM, trees, 5).turned(other)
    deep = turned.scored(ranking).notes[TREES] > 0
    assert set(ranking.rows[deep].tolist()) == set(order(ranking.rows, other.scored(ranking).scores)[:5])
    assert turned.trees.extra == (other if trees.extra == SUM else Linear())


def test_a_sum_stays_a_sum() -> None:
    assert Cascade.over(SUM) is SUM
    found = taught(True)
    assert found.deepest == 12, "no deeper than what was shown"
    assert Cascade.over(found) == Cascade(SUM, found, 12)
    assert Cascade.over(replace(found, deepest=250)) == Cascade(SUM, replace(found, deepest=250), 100)
