"""A shopper's latest events in, what they take next out: the sequence transformer as a retriever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.retrieve.once import Once
from mercato.schema import History, Mask, Ranking, Request, Rows, Scores


class Reader(Protocol):
    """The trained network (models.sequence.SequenceEncoder)."""

    @property
    def longest(self) -> int:
        """How many events it reads at most."""
        ...

    def encode(
        self, vectors: NDArray[np.float32], grades: NDArray[np.int64], gaps: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(b, width) from (b, t, width), (b, t) and (b, t)."""
        ...


@dataclass(frozen=True)
class SequenceLane:
    """Product vectors ``items`` (n, width) float32 and the network that reads a history.

    A row's score is how many times likelier than chance it comes next: n · softmax over all products. The history is
    read anew at every request, so the newest event counts at once and an anonymous session is read like a shopper.
    ``gaps`` classes the times between events; the reason for a row is looked for among the newest ``weighed`` events.
    """

    items: NDArray[np.float32]
    reader: Reader
    gaps: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    weighed: int = 12
    _chances: Once[Scores] = field(init=False, repr=False)
    _without: Once[tuple[Rows, NDArray[np.float32]]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_chances", Once(self._read))
        object.__setattr__(self, "_without", Once(self._left_out))

    def _newest(self, history: History) -> tuple[Rows, NDArray[np.int64], NDArray[np.int64]]:
        history = history.take(history.grades > 0)
        newest = slice(-self.reader.longest, None)
        return history.rows[newest], history.grades[newest].astype(np.int64), self.gaps(history.at)[newest]

    def _read(self, request: Request) -> Scores:
        rows, grades, gaps = self._newest(request.history)
        if not len(rows):
            return np.zeros(len(self.items))
        vector = self.reader.encode(self.items[rows][None], grades[None], gaps[None])[0]
        logits = self.items @ vector
        lifted = np.exp(logits - logits.max())
        chances: Scores = (lifted * (len(lifted) / float(lifted.sum()))).astype(np.float64)
        return chances

    def _left_out(self, request: Request) -> tuple[Rows, NDArray[np.float32]]:
        """The newest ``weighed`` rows read, and how much each moved the shopper's vector: whole minus without it."""
        rows, grades, gaps = self._newest(request.history)
        whole = self.reader.encode(self.items[rows][None], grades[None], gaps[None])
        if len(rows) < 2:
            return rows, whole
        places = range(max(len(rows) - self.weighed, 0), len(rows))
        kept = np.array([np.delete(np.arange(len(rows)), place) for place in places])
        return rows[places.start :], whole - self.reader.encode(self.items[rows[kept]], grades[kept], gaps[kept])

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows that most likely come next; nothing without a history."""
        scores = self._chances(request)
        rows = np.flatnonzero(allowed & (scores > 0))
        if len(rows) > 4 * k:
            rows = np.sort(rows[np.argpartition(-scores[rows], 2 * k)[: 2 * k]])
        return Ranking.best_first(rows, scores[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """How many times likelier than chance each row comes next; 0 without a history."""
        return self._chances(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The event without which ``row`` would have lost most."""
        rows, moved = self._without(request)
        if not len(rows):
            return None
        given = moved @ self.items[row]
        given[rows == row] = -np.inf
        best = int(np.argmax(given))
        return int(rows[best]) if given[best] > 0 else None
