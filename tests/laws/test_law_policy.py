"""Law of ports.Policy over every implementation: a subset, none twice, scores and notes travel with their rows."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mercato.policy
from mercato.policy.calibrated import Calibrated
from mercato.policy.dial import Dial
from mercato.policy.diverse import Determinantal, Likeness, MaximalMarginal
from mercato.policy.exposure import TailExposure
from mercato.policy.rules import Cap, Chain, OnePerGroup
from mercato.ports import Policy
from mercato.schema import Ranking
from shopping import BUY, VIEW, asked

N = 12
CODES = arrays(np.int32, N, elements=st.integers(-1, 3))
Factory = Callable[[np.ndarray, int], Policy]


def one_per_group(codes: np.ndarray, most: int) -> Policy:
    return OnePerGroup(codes)


def cap(codes: np.ndarray, most: int) -> Policy:
    return Cap(codes, most)


def chain(codes: np.ndarray, most: int) -> Policy:
    return Chain((OnePerGroup(codes // 2), Cap(codes[::-1].copy(), most)))


def empty_chain(codes: np.ndarray, most: int) -> Policy:
    return Chain(())


def maximal_marginal(codes: np.ndarray, most: int) -> Policy:
    return MaximalMarginal(Likeness(codes), most / 4, first=most)


def determinantal(codes: np.ndarray, most: int) -> Policy:
    return Determinantal(Likeness(codes), most / 4, first=most)


def calibrated(codes: np.ndarray, most: int) -> Policy:
    return Calibrated(codes, most / 4, first=most)


def tail_exposure(codes: np.ndarray, most: int) -> Policy:
    return TailExposure(codes > 1, most / 4, slack=1.0, first=most)


def dial(codes: np.ndarray, most: int) -> Policy:
    return Dial(codes.astype(float), 25 * (most - 1))


FACTORIES: list[Factory] = [
    one_per_group, cap, chain, empty_chain, maximal_marginal, determinantal, calibrated, tail_exposure, dial,
]  # fmt: skip


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    """Distinct rows, best first or in any other order a policy before may have left."""
    rows = np.array(draw(st.lists(st.integers(0, N - 1), unique=True)), np.int32)
    return Ranking(rows, draw(arrays(float, len(rows), elements=st.floats(0, 9))), {"row": rows * 1.0})


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
@given(ranking=rankings(), codes=CODES, most=st.integers(1, 4))
def test_the_law_of_policies(factory: Factory, ranking: Ranking, codes: np.ndarray, most: int) -> None:
    policy, request = factory(codes, most), asked((0, BUY, 3), (1, VIEW, 2))
    shown = policy.apply(request, ranking)
    assert set(shown.rows.tolist()) <= set(ranking.rows.tolist()), "a subset"
    assert len(set(shown.rows.tolist())) == len(shown), "none twice"
    scores = dict(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True))
    assert shown.scores.tolist() == [scores[row] for row in shown.rows.tolist()]
    assert shown.notes["row"].tolist() == shown.rows.tolist()
    assert np.array_equal(policy.apply(request, ranking).rows, shown.rows), "the same answer every time"


@given(ranking=rankings(), codes=CODES)
def test_one_per_group_keeps_the_first_of_each(ranking: Ranking, codes: np.ndarray) -> None:
    seen: set[int] = set()
    expected = [row for row in ranking.rows.tolist() if not (codes[row] in seen or seen.add(int(codes[row])))]
    assert OnePerGroup(codes).apply(asked(), ranking).rows.tolist() == expected


@given(ranking=rankings(), codes=CODES, most=st.integers(1, 4))
def test_cap_moves_the_surplus_to_the_end(ranking: Ranking, codes: np.ndarray, most: int) -> None:
    first: list[int] = []
    surplus: list[int] = []
    for row in ranking.rows.tolist():
        crowd = sum(1 for other in first if codes[other] == codes[row])
        (surplus if codes[row] >= 0 and crowd >= most else first).append(row)
    assert Cap(codes, most).apply(asked(), ranking).rows.tolist() == first + surplus


@given(ranking=rankings(), codes=CODES, most=st.integers(1, 4))
def test_a_chain_is_its_policies_in_turn(ranking: Ranking, codes: np.ndarray, most: int) -> None:
    one, other = OnePerGroup(codes), Cap(codes[::-1].copy(), most)
    expected = other.apply(asked(), one.apply(asked(), ranking))
    assert np.array_equal(Chain((one, other)).apply(asked(), ranking).rows, expected.rows)


def _policies() -> Iterator[type]:
    for module in pkgutil.iter_modules(mercato.policy.__path__, "mercato.policy."):
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and hasattr(kind, "apply"):
                yield kind


def test_no_policy_is_forgotten() -> None:
    everything = np.zeros(N, np.int32)
    assert {type(factory(everything, 1)) for factory in FACTORIES} == set(_policies())
