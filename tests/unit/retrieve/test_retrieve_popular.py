"""What sells and what one buys again, by hand."""

from __future__ import annotations

import numpy as np

from mercato.retrieve.popular import Popular
from mercato.retrieve.repeat import Repeat
from shopping import BUY, CART, NOW, VIEW, asked, past


def test_events_count_by_grade_and_halve_with_age() -> None:
    history = past((0, BUY, 0), (0, VIEW, 20), (1, BUY, 40), (2, CART, 20))
    index = Popular(half_life_days=20).fit(history.rows, history.grades, history.at, n=4, now=int(NOW.timestamp()))
    np.testing.assert_allclose(index.counts, [3.5, 0.75, 1, 0])
    assert index.retrieve(asked(), np.array([False, True, True, True]), 5).rows.tolist() == [2, 1]


def test_an_event_from_the_future_counts_as_new() -> None:
    history = past((0, BUY, -30))
    index = Popular(half_life_days=20).fit(history.rows, history.grades, history.at, n=1, now=int(NOW.timestamp()))
    assert index.counts.tolist() == [3]


def test_only_purchases_are_bought_again() -> None:
    request = asked((0, BUY, 20), (0, 4, 0), (1, VIEW, 0), (2, CART, 0), (3, BUY, 40))
    ranking = Repeat(half_life_days=20).retrieve(request, np.ones(4, bool), 9)
    assert ranking.rows.tolist() == [0, 3]
    np.testing.assert_allclose(ranking.scores, [1.5, 0.25])


def test_what_was_bought_before_is_its_own_source() -> None:
    request = asked((0, BUY, 1), (1, VIEW, 1))
    assert Repeat().source(request, 0) == 0
    assert Repeat().source(request, 1) is None
    assert Repeat().source(asked(), 0) is None
