"""A list in, a list that keeps some of its first places for products few have seen out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.policy.places import check_knob, headed, relevance
from mercato.schema import Mask, Ranking, Request


@dataclass(frozen=True)
class TailExposure:
    """Of the ``first`` places, and of every beginning of them, ``share`` go to tail rows, as far as they are good
    enough.

    ``tail`` (n,) flags the tail: outside the products that hold 80 % of the interactions. A tail row takes the place of
    a better one only when its relevance is at most ``slack`` · potential below (relevance: 1 for the best score of the
    ``pool``, 0 for the last); ``potential`` (n,) in [0, 1] says what a tail product could become, 1 for all without it.
    Among several the one with the most of relevance + ``slack`` · potential goes first.

    ``share`` 0 leaves the list as it is. Raises SettingsError for a share or slack outside [0, 1].
    """

    tail: Mask
    share: float = 0.1
    slack: float = 0.3
    potential: NDArray[np.float64] | None = None
    first: int = 20
    pool: int = 200

    def __post_init__(self) -> None:
        check_knob(self.share, "share")
        check_knob(self.slack, "slack")

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with more of the tail in the head."""
        rows = ranking.rows[: self.pool]
        if not self.share or not len(rows):
            return ranking
        worth, tail = relevance(ranking.scores[: self.pool]), self.tail[rows]
        lifted = worth + self.slack * (1.0 if self.potential is None else self.potential[rows])
        waiting = np.flatnonzero(tail)
        waiting = waiting[np.argsort(-lifted[waiting], kind="stable")]
        left = np.ones(len(rows), bool)
        picks: list[int] = []
        for place in range(min(self.first, len(rows))):
            pick = int(np.argmax(left))
            owed = int(self.share * (place + 1) + 1e-9) - int(tail[picks].sum())
            promoted = waiting[left[waiting]][:1]
            if owed > 0 and not tail[pick] and len(promoted) and lifted[promoted[0]] >= worth[pick]:
                pick = int(promoted[0])
            left[pick] = False
            picks.append(pick)
        return headed(ranking, picks)
