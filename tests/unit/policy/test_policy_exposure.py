"""Places for the tail: as many as stated, and never for a row that is far worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.errors import SettingsError
from mercato.policy.exposure import TailExposure
from mercato.policy.places import relevance
from mercato.schema import Ranking
from shopping import asked

N = 12
TEN = Ranking(np.arange(10, dtype=np.int32), 10.0 - np.arange(10))
LAST_THREE = np.arange(10) >= 7


@st.composite
def lists(draw: st.DrawFn) -> Ranking:
    rows = np.array(draw(st.lists(st.integers(0, N - 1), unique=True, min_size=1)), np.int32)
    return Ranking(rows, np.sort(draw(arrays(float, len(rows), elements=st.integers(0, 20))))[::-1].copy())


@given(
    ranking=lists(),
    tail=arrays(bool, N),
    share=st.sampled_from([0.2, 0.3, 0.5, 1.0]),
    slack=st.sampled_from([0.0, 0.2, 1.0]),
    potential=st.none() | arrays(float, N, elements=st.sampled_from([0.0, 0.3, 1.0])),
    first=st.integers(1, N),
)
def test_a_tail_row_comes_when_it_is_owed_and_good_enough(
    ranking: Ranking, tail: np.ndarray, share: float, slack: float, potential: np.ndarray | None, first: int
) -> None:
    shown = TailExposure(tail, share, slack, potential, first).apply(asked(), ranking)
    worth = dict(zip(ranking.rows.tolist(), relevance(ranking.scores).tolist(), strict=True))
    left = ranking.rows.tolist()
    given_to_tail = 0
    for place, row in enumerate(shown.rows[:first].tolist()):
        own = left[0]
        lifted = {
            other: worth[other] + slack * (1.0 if potential is None else potential[other])
            for other in left
            if tail[other] and worth[other] + slack * (1.0 if potential is None else potential[other]) >= worth[own]
        }
        owed = share * (place + 1) + 1e-9 >= given_to_tail + 1
        expected = max(lifted, key=lifted.__getitem__) if owed and lifted and not tail[own] else own
        assert row == expected
        given_to_tail += int(tail[row])
        left.remove(row)
    assert shown.rows[first:].tolist() == left, "the rest follows in its own order"


def test_the_share_is_kept_in_every_beginning() -> None:
    shown = TailExposure(LAST_THREE, share=0.25, slack=1.0).apply(asked(), TEN)
    assert shown.rows.tolist() == [0, 1, 2, 7, 3, 4, 5, 8, 6, 9]


def test_a_far_worse_row_stays_where_it_is() -> None:
    shown = TailExposure(LAST_THREE, share=1.0, slack=0.25).apply(asked(), TEN)
    assert shown.rows.tolist() == [0, 1, 2, 3, 4, 7, 5, 8, 6, 9]
    assert TailExposure(LAST_THREE, share=1.0, slack=0.0).apply(asked(), TEN).rows.tolist() == list(range(10))


def test_among_tail_rows_potential_decides() -> None:
    potential = np.zeros(10)
    potential[9] = 1.0
    shown = TailExposure(LAST_THREE, share=0.5, slack=1.0, potential=potential).apply(asked(), TEN)
    assert shown.rows.tolist() == [0, 9, 1, 2, 3, 4, 5, 6, 7, 8]


def test_no_share_changes_nothing_and_a_knob_has_ends() -> None:
    assert TailExposure(LAST_THREE, share=0.0).apply(asked(), TEN) is TEN
    with pytest.raises(SettingsError, match="share"):
        TailExposure(LAST_THREE, share=1.5)
    with pytest.raises(SettingsError, match="slack"):
        TailExposure(LAST_THREE, slack=-1)
