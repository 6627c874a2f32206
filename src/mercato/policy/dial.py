"""The shopper's own ranking in, a ranking between it and what everybody would get out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.policy.places import check_knob
from mercato.schema import Ranking, Request


@dataclass(frozen=True)
class Dial:
    """How personal lists are: ``personal`` 100 leaves the shopper's own ranking as it is; 0 gives everyone with the
    same pool the same order, that of ``consensus`` (n,) (what sells, or an average score).

    In between rows stand by the weighted geometric mean of their own place (weight ``personal``) and their place by
    consensus (100 - ``personal``), both counted from 1: the first places count most. With the arithmetic mean (Borda's
    count) a best-seller from far down the pool overtook the shopper's second choice at 95 already. A pair of rows
    changes its order at most once as the dial turns, so turning it towards 100 only ever brings a list nearer to the
    shopper's own. Ties go to the smaller row.
    Raises SettingsError for a dial outside 0-100.
    """

    consensus: NDArray[np.float64]
    personal: int = 100

    def __post_init__(self) -> None:
        check_knob(self.personal, "personal", most=100)

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows in the order of the dial."""
        rows = ranking.rows
        own = np.arange(len(rows))
        shared = np.empty(len(rows), np.int64)
        shared[np.lexsort((rows, -self.consensus[rows]))] = own
        mean = self.personal * np.log2(own + 1.0) + (100 - self.personal) * np.log2(shared + 1.0)
        return ranking.take(np.lexsort((rows, mean)))
