"""Products that went together in, what goes with these out: transitions, shared baskets, shared shoppers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.retrieve.once import Once
from mercato.retrieve.sparse import arrays, cosine_neighbours, gather, positions, strongest
from mercato.schema import GRADES, History, Mask, Ranking, Request, Rows, Scores

Context = Literal["history", "anchors", "recent"]


@dataclass(frozen=True)
class Transitions:
    """What was taken soon after what: a directed graph over each shopper's sequence, no training.

    An edge a→b inside ``window`` weighs 1/gap, its reverse ``back`` of that, both ends divided by count^``power``;
    each product keeps its ``neighbours`` strongest edges. Source: the transition graph of Markov-chain recommenders
    (Rendle et al. 2010, FPMC) without factorisation, damped as in SLIM-style graphs.

    Read by ``lane``: each event weighs ``decay`` of the one after it, two steps ``hops`` of one. With ``tune`` the four
    numbers are picked at training on what ``tune_shoppers`` took next, where there are at most ``tune_upto`` events.
    """

    window: int = 5
    back: float = 0.3
    power: float = 0.4
    neighbours: int = 200
    decay: float = 0.5
    hops: float = 1.0
    newest: int = 50
    tune: bool = True
    tune_shoppers: int = 3000
    tune_upto: int = 500_000

    def lane(self, matrix: sp.csr_array) -> PairLane:
        """The finished lane over the ``matrix`` that ``fit`` made."""
        return PairLane(matrix, "history", half_life_days=1e4, decay=self.decay, newest=self.newest, hops=self.hops)

    def fit(self, shoppers: NDArray[np.int64], rows: Rows, n: int) -> sp.csr_array:
        """The graph (n × n) from parallel arrays sorted by shopper, then time."""
        graph = sp.csr_array((n, n), dtype=np.float32)  # summed gap by gap: all edges at once would not fit so well
        for gap in range(1, self.window + 1):
            near = (shoppers[gap:] == shoppers[:-gap]) & (rows[gap:] != rows[:-gap])
            first, then = rows[:-gap][near], rows[gap:][near]
            ahead = sp.csr_array((np.full(len(first), 1 / gap, np.float32), (first, then)), shape=(n, n))
            graph = graph + ahead + self.back * ahead.T.tocsr()
        scale = np.maximum(np.bincount(rows, minlength=n), 1.0) ** -self.power
        damped = sp.diags_array(scale) @ graph @ sp.diags_array(scale)
        return strongest(damped.tocsr().astype(np.float32), self.neighbours)


@dataclass(frozen=True)
class Together:
    """What shares baskets: cosine over baskets, shrunk so that two lucky baskets prove nothing."""

    neighbours: int = 100
    shrink: float = 10.0
    largest: int = 100

    def fit(self, baskets: NDArray[np.int64], rows: Rows, n: int) -> sp.csr_array:
        """Neighbours (n × n) from parallel arrays; baskets of more than ``largest`` lines are cut to that many."""
        return cosine_neighbours(_incidence(baskets, rows, n, self.largest), self.neighbours, shrink=self.shrink)


@dataclass(frozen=True)
class Neighbours:
    """What the same shoppers buy: item-kNN by cosine over shoppers, each counted by their ``largest`` last products."""

    neighbours: int = 100
    shrink: float = 5.0
    largest: int = 200
    support: int = 8

    def fit(self, shoppers: NDArray[np.int64], rows: Rows, n: int) -> sp.csr_array:
        """Neighbours (n × n) from parallel arrays sorted by shopper, then time; products seen by fewer than
        ``support`` shoppers are left out."""
        incidence = _incidence(shoppers, rows, n, self.largest)
        known = np.bincount(incidence.indices, minlength=n) >= self.support
        if known.any():
            incidence = (incidence @ sp.diags_array(known.astype(np.float32))).tocsr()
            incidence.eliminate_zeros()
        return cosine_neighbours(incidence, self.neighbours, shrink=self.shrink)


def _incidence(units: NDArray[np.int64], rows: Rows, n: int, largest: int) -> sp.csr_array:
    """Who (or which basket) had what, as 0/1 (units × n), each unit cut to its ``largest`` newest distinct rows."""
    newest_first = np.arange(len(rows))[::-1]
    _, dense = np.unique(units, return_inverse=True)
    key = dense[newest_first].astype(np.int64) * n + rows[newest_first]
    _, first = np.unique(key, return_index=True)
    kept = newest_first[np.sort(first)]
    order = np.argsort(dense[kept], kind="stable")
    kept = kept[order]
    owner = dense[kept]
    rank = np.arange(len(kept)) - np.searchsorted(owner, owner)
    kept = kept[rank < largest]
    shape = (int(dense.max()) + 1 if len(dense) else 0, n)
    return sp.csr_array((np.ones(len(kept), np.float32), (dense[kept], rows[kept])), shape=shape)


@dataclass(frozen=True)
class PairLane:
    """A finished pair matrix (n × n) read from one ``context``: the history, the anchors, or what is recent.

    A history event weighs half as much each ``half_life_days`` before the newest one and ``decay`` as much for each
    event after it; at most ``newest`` distinct products are looked at. Two hops add ``hops`` × (aM)M, from the ``fan``
    products that one hop reaches best.
    """

    matrix: sp.csr_array
    context: Context = "history"
    half_life_days: float = 20.0
    decay: float = 1.0
    newest: int = 200
    hops: float = 0.0
    fan: int = 150
    recent_seconds: int = 7200
    _worked: Once[Scores] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_worked", Once(self._scores))

    def seeds(self, request: Request) -> tuple[Rows, NDArray[np.float64]]:
        """Distinct rows to start from and their weights, ascending by row."""
        if self.context == "anchors":
            rows = np.unique(request.anchors)
            return rows, np.ones(len(rows))
        history = request.history
        if self.context == "recent":
            # what was bought is settled; what was looked at or put into the cart is on the shopper's mind
            history = recent(history, request.now - self.recent_seconds)
            history = history.take(history.grades < GRADES["purchase-complete"])
        history = history.take(history.grades > 0)
        # counted from the shopper's own newest event: someone who comes back after a year still has a taste
        age = np.maximum(history.at.max(initial=0) - history.at, 0) / 86_400
        weight = 0.5 ** (age / self.half_life_days) * self.decay ** np.arange(len(history) - 1, -1, -1)
        rows, index = np.unique(history.rows, return_inverse=True)
        total = np.bincount(index, weights=weight, minlength=len(rows)).astype(np.float64)
        strongest_first = np.lexsort((rows, -total))[: self.newest]
        chosen = np.sort(strongest_first)
        return rows[chosen], total[chosen]

    def _scores(self, request: Request) -> Scores:
        rows, weights = self.seeds(request)
        if not len(rows):
            return np.zeros(self.matrix.shape[1])
        scores = gather(self.matrix, rows, weights)
        if self.hops:
            reached = np.flatnonzero(scores).astype(np.int32)
            if len(reached) > self.fan:
                reached = np.sort(reached[np.argpartition(-scores[reached], self.fan)[: self.fan]])
            scores = scores + self.hops * gather(self.matrix, reached, scores[reached])
        if self.context != "history":
            scores[rows] = 0.0
        return scores

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows best connected to the context."""
        scores = self._worked(request)
        rows = np.flatnonzero(allowed & (scores > 0))
        return Ranking.best_first(rows, scores[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """How strongly each row hangs together with the context."""
        return self._worked(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The context product whose edge gave ``row`` most."""
        seeds, weights = self.seeds(request)
        places, owner = positions(self.matrix, seeds)
        here = self.matrix.indices[places] == row
        if not here.any():
            return None
        given = self.matrix.data[places][here] * weights[owner[here]]
        return int(seeds[owner[here][int(np.argmax(given))]])


def recent(history: History, since: int) -> History:
    """The part of ``history`` at or after ``since`` (UTC seconds)."""
    return history.take(history.at >= since)


def save(matrix: sp.csr_array, folder: Path) -> None:
    """Write a pair matrix as three arrays into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in arrays(matrix):
        np.save(folder / f"{name}.npy", values, allow_pickle=False)


def load(folder: Path) -> sp.csr_array:
    """Map a pair matrix written by ``save``."""
    data, indices, indptr = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("data", "indices", "indptr"))
    n = len(indptr) - 1
    return sp.csr_array((data, indices, indptr), shape=(n, n), copy=False)
