"""The list-wise fit finds the weights that made the lists, and leaves the shop's own alone when there are too few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example, ListwiseFit
from mercato.schema import Ranking
from shopping import asked

HINTS = (
    Signal("lane:taste", "behaviour", 0.5),
    Signal("lane:popular", "popularity", 0.5),
    Signal("profile:brand", "relation", 0.5),
    Signal("noise", "attribute", 0.5),
)


def lists(count: int, weights: tuple[float, ...], seed: int = 0) -> list[Example]:
    """Lists of 30 in which the two best by ``weights`` · log(1 + note) and a little chance were wanted."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        notes = {hint.note: random.exponential(1.0, 30) for hint in HINTS}
        worth = sum(weight * np.log1p(values) for weight, values in zip(weights, notes.values(), strict=True))
        wanted = np.zeros(30)
        wanted[np.argsort(-(worth + random.gumbel(0, 0.3, 30)))[:2]] = 1.0
        found.append(Example(Ranking(np.arange(30, dtype=np.int32), np.zeros(30), notes), wanted))
    return found


def strengths(score: Linear) -> dict[str, float]:
    return {signal.note: signal.weight for signal in score.signals}


def test_the_order_of_the_weights_is_recovered() -> None:
    learned = strengths(ListwiseFit(HINTS).fit(lists(200, (3.0, 1.5, 0.5, 0.0))))
    assert sorted(learned, key=lambda note: -learned[note]) == [hint.note for hint in HINTS]
    assert learned["lane:taste"] > 1.5 * learned["lane:popular"] > 1.5 * learned["profile:brand"]
    assert learned["noise"] < 0.1 * learned["lane:taste"]


def test_what_speaks_against_a_product_weighs_nothing_never_less() -> None:
    learned = strengths(ListwiseFit(HINTS).fit(lists(100, (3.0, 0.0, 0.0, -2.0))))
    assert learned["noise"] == 0
    assert all(weight >= 0 for weight in learned.values())


def test_the_learned_score_ranks_new_lists_better_than_the_hints() -> None:
    train, test = lists(100, (3.0, 0.1, 0.5, 0.0)), lists(50, (3.0, 0.1, 0.5, 0.0), seed=1)
    learned = ListwiseFit(HINTS).fit(train)

    def found(score: Linear) -> float:
        hits = [example.wanted[score.rank(asked(), example.ranking).rows[:5]].sum() for example in test]
        return float(np.mean(hits))

    assert found(learned) > found(Linear(HINTS))


def test_too_few_lists_leave_the_hints_alone() -> None:
    assert ListwiseFit(HINTS, least=50).fit(lists(49, (3.0, 1.0, 0.0, 0.0))) == Linear(HINTS)
    assert ListwiseFit(HINTS, least=50).fit(lists(50, (3.0, 1.0, 0.0, 0.0))) != Linear(HINTS)


def test_lists_in_which_nothing_was_wanted_teach_nothing() -> None:
    useful = lists(60, (3.0, 1.0, 0.0, 0.0))
    idle = [Example(example.ranking, np.zeros(30)) for example in lists(60, (0.0, 0.0, 0.0, 3.0), seed=2)]
    alone = [Example(example.ranking.take(slice(0, 1)), np.ones(1)) for example in useful]
    fit = ListwiseFit(HINTS)
    assert fit.fit([*useful, *idle, *alone]) == fit.fit(useful)
    assert fit.fit(idle) == Linear(HINTS)


def test_the_logarithm_bends_at_the_median_of_what_is_positive() -> None:
    examples = lists(50, (3.0, 1.0, 0.0, 0.0))
    scales = {signal.note: signal.scale for signal in ListwiseFit(HINTS).fit(examples).signals}
    values = np.concatenate([example.ranking.notes["lane:taste"] for example in examples])
    assert scales["lane:taste"] == pytest.approx(np.median(values), rel=0.01)


def test_a_note_that_no_lane_gave_is_no_error() -> None:
    examples = [
        Example(Ranking(e.ranking.rows, e.ranking.scores, {"lane:taste": e.ranking.notes["lane:taste"]}), e.wanted)
        for e in lists(60, (3.0, 0.0, 0.0, 0.0))
    ]
    learned = strengths(ListwiseFit(HINTS).fit(examples))
    assert learned["lane:taste"] > 1
    assert np.isfinite(list(learned.values())).all()


def test_a_list_of_twice_the_weight_counts_as_two() -> None:
    first, second = lists(60, (3.0, 1.0, 0.0, 0.0)), lists(60, (0.0, 1.0, 3.0, 0.0), seed=1)
    heavy = [replace(example, weight=2.0) for example in second]
    once, twice = (
        strengths(ListwiseFit(HINTS).fit([*first, *heavy])),
        ListwiseFit(HINTS).fit([*first, *second, *second]),
    )
    assert once == pytest.approx(strengths(twice), rel=0.02, abs=0.02)
