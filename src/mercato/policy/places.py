"""A ranking in, what each place is worth and the ranking with a new head out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mercato.errors import SettingsError
from mercato.schema import Ranking, Scores


def relevance(scores: Scores) -> Scores:
    """What each place of a list is worth in [0, 1]: 1 the first, 0 the last, in between as the scores are spaced; all 1
    where all tie.

    Position is the decision: where an earlier policy moved rows, the best score still belongs to the first place.

    >>> relevance(np.array([8.0, 6.0, 7.0, 4.0])).tolist()
    [1.0, 0.75, 0.5, 0.0]
    """
    if not len(scores):
        return np.empty(0)
    falling = np.sort(scores)[::-1]
    span = falling[0] - falling[-1]
    worth: Scores = (falling - falling[-1]) / span if span > 0 else np.ones(len(scores))
    return worth


def headed(ranking: Ranking, picks: Sequence[int], page: int = 1) -> Ranking:
    """``ranking`` with the places in ``picks`` first; the rest follows in its own order.

    Within every ``page`` places the picks stand in their own order: what a page holds is the policy's choice, and the
    best of it still comes first.
    """
    head = [place for start in range(0, len(picks), page) for place in sorted(picks[start : start + page])]
    rest = np.ones(len(ranking), bool)
    rest[head] = False
    return ranking.take(np.r_[np.array(head, np.int64), np.flatnonzero(rest)])


def check_knob(value: float, where: str, most: float = 1.0) -> None:
    """Raises SettingsError unless ``value`` lies in [0, ``most``]."""
    if not 0 <= value <= most:
        raise SettingsError(f"a knob goes from 0 to {most:g}, not {value}", where=where)
