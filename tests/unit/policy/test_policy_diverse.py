"""More varied heads, against slow versions that look at every candidate again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.errors import SettingsError
from mercato.policy.diverse import Determinantal, Likeness, MaximalMarginal
from mercato.policy.places import relevance
from mercato.schema import Ranking
from shopping import asked

N = 9
STRENGTHS = st.sampled_from([0.1, 0.5, 0.9, 1.0])


@st.composite
def likenesses(draw: st.DrawFn) -> tuple[Likeness, np.ndarray]:
    """Codes alone, or codes of drawn unit vectors; and the (N, N) matrix of what they say, worked out slowly."""
    codes = draw(arrays(np.int32, N, elements=st.integers(-1, 3)))
    vectors = None
    if draw(st.booleans()):
        vectors = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(4, 3)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    one_hot = np.eye(4) if vectors is None else vectors.astype(float)
    slow = np.array([one_hot[code] if code >= 0 else np.zeros(one_hot.shape[1]) for code in codes])
    return Likeness(codes, vectors), slow @ slow.T


@st.composite
def lists(draw: st.DrawFn) -> Ranking:
    rows = np.array(draw(st.lists(st.integers(0, N - 1), unique=True, min_size=1)), np.int32)
    return Ranking(rows, np.sort(draw(arrays(float, len(rows), elements=st.integers(0, 20))))[::-1].copy())


def places(shown: Ranking, ranking: Ranking) -> list[int]:
    """Where each shown row stood before."""
    return [ranking.rows.tolist().index(row) for row in shown.rows.tolist()]


@given(ranking=lists(), drawn=likenesses(), strength=STRENGTHS, first=st.integers(1, N))
def test_every_place_goes_to_the_row_of_most_marginal_relevance(
    ranking: Ranking, drawn: tuple[Likeness, np.ndarray], strength: float, first: int
) -> None:
    likeness, matrix = drawn
    matrix, worth = matrix[np.ix_(ranking.rows, ranking.rows)], relevance(ranking.scores)
    order = places(MaximalMarginal(likeness, strength, first).apply(asked(k=1), ranking), ranking)

    def marginal(row: int, before: list[int]) -> float:
        return (1 - strength) * worth[row] - strength * max([0.0, *(matrix[row, other] for other in before)])

    for place in range(min(first, len(ranking))):
        best = max(marginal(row, order[:place]) for row in order[place:])
        assert marginal(order[place], order[:place]) == pytest.approx(best, abs=1e-5)
    assert order[first:] == sorted(order[first:]), "the rest follows in its own order"


@given(ranking=lists(), drawn=likenesses(), strength=STRENGTHS, first=st.integers(1, N))
def test_every_place_goes_to_the_row_that_adds_most_volume(
    ranking: Ranking, drawn: tuple[Likeness, np.ndarray], strength: float, first: int
) -> None:
    likeness, matrix = drawn
    kernel = 0.9 * matrix[np.ix_(ranking.rows, ranking.rows)]
    np.fill_diagonal(kernel, 1.0)
    worth = relevance(ranking.scores)
    order = places(Determinantal(likeness, strength, 0.9, first).apply(asked(k=1), ranking), ranking)

    def gain(chosen: list[int]) -> float:
        log_volume = np.linalg.slogdet(kernel[np.ix_(chosen, chosen)])[1]
        return (1 - strength) * worth[chosen].sum() + strength * log_volume

    for place in range(min(first, len(ranking))):
        best = max(gain([*order[:place], row]) for row in order[place:])
        assert gain(order[: place + 1]) == pytest.approx(best, abs=1e-5)
    assert order[first:] == sorted(order[first:]), "the rest follows in its own order"


@pytest.mark.parametrize("kind", [MaximalMarginal, Determinantal])
@given(ranking=lists(), drawn=likenesses())
def test_strength_nought_changes_nothing(
    kind: type[MaximalMarginal] | type[Determinantal], ranking: Ranking, drawn: tuple[Likeness, np.ndarray]
) -> None:
    assert kind(drawn[0], 0.0).apply(asked(), ranking) is ranking


@pytest.mark.parametrize("kind", [MaximalMarginal, Determinantal])
def test_doubles_make_room_for_something_else(kind: type[MaximalMarginal] | type[Determinantal]) -> None:
    likeness = Likeness(np.array([0, 0, 0, 1, -1], np.int32))
    ranking = Ranking(np.arange(5, dtype=np.int32), np.array([5.0, 4.9, 4.8, 4.7, 1.0]))
    assert kind(likeness, 0.2, first=2).apply(asked(), ranking).rows.tolist() == [0, 3, 1, 2, 4]
    assert kind(likeness, 0.01, first=2).apply(asked(), ranking).rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", [MaximalMarginal, Determinantal])
def test_what_an_earlier_policy_moved_down_stays_down(kind: type[MaximalMarginal] | type[Determinantal]) -> None:
    moved = Ranking(np.array([1, 2, 0], np.int32), np.array([4.0, 3.0, 9.0]))
    assert kind(Likeness(np.full(3, -1, np.int32)), 0.5).apply(asked(), moved).rows.tolist() == [1, 2, 0]


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_lies_between_nought_and_one(strength: float) -> None:
    with pytest.raises(SettingsError, match="strength"):
        MaximalMarginal(Likeness(np.zeros(1, np.int32)), strength)


@pytest.mark.parametrize("kind", [MaximalMarginal, Determinantal])
def test_a_page_holds_what_was_chosen_in_its_own_order(kind: type[MaximalMarginal] | type[Determinantal]) -> None:
    likeness = Likeness(np.array([0, 0, 0, 1, 2, 0], np.int32))
    ranking = Ranking(np.arange(6, dtype=np.int32), np.array([5.0, 4.9, 4.8, 4.7, 4.6, 0.0]))
    policy = kind(likeness, 0.5, first=4)
    assert policy.apply(asked(k=1), ranking).rows.tolist() == [0, 3, 4, 1, 2, 5]
    assert policy.apply(asked(k=2), ranking).rows.tolist() == [0, 3, 1, 4, 2, 5]
    assert policy.apply(asked(k=4), ranking).rows.tolist() == [0, 1, 3, 4, 2, 5]
