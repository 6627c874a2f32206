"""The verbs: what stages promise each other, each with the law that tests/laws holds over every implementation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Interaction, Mask, Ranking, Request, Rows, Scores


class Retriever(Protocol):
    """Request in, a pool out.

    Law: best first, ties by row; no row twice; only ``allowed`` rows; every score finite and positive; the same
    request gives the same answer; ``score`` agrees with ``retrieve`` on every row retrieved and is 0 where the
    retriever knows nothing; never more than ``k`` rows.
    """

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best allowed rows."""
        ...

    def score(self, request: Request, rows: Rows) -> Scores:
        """The score of each of ``rows``, whether retrieved or not."""
        ...


class Tracer(Protocol):
    """A retriever that can say which earlier product a score came from."""

    def source(self, request: Request, row: int) -> int | None:
        """The row of the history or anchor that gave ``row`` most of its score; None when nothing did."""
        ...


class Ranker(Protocol):
    """Law: the same rows in a better order, every note kept, scores finite, and the terms add up to the score."""

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """``ranking`` in order of the new scores, with one ``term:NAME`` note per term."""
        ...


class Policy(Protocol):
    """Law: a subset of the rows, none twice; scores and notes travel with their rows; the same answer every time."""

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """``ranking`` as the shop wants it shown."""
        ...


class Encoder(Protocol):
    """Law: (n, dimension) float32 of unit length; equal texts get equal vectors whatever else is in the batch."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector per text."""
        ...

    def knows(self, word: str) -> bool:
        """Whether ``word`` (lower case) is a word of its own to the encoder, so hardly a misspelling."""
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """How an append went: ``accepted`` events are durable; ``duplicates`` carried an event_id already kept."""

    accepted: int
    duplicates: int


class EventLog(Protocol):
    """Law: an event is durable before ``append`` returns; an event_id twice is kept once; ``read`` gives events in
    the order they were kept, each with a number that only grows.
    """

    def append(self, events: Sequence[Interaction]) -> Receipt:
        """Keep ``events`` (each with ``at`` and ``event_id``), all or none."""
        ...

    def read(self, after: int = 0) -> Iterable[tuple[int, Interaction]]:
        """Every event numbered above ``after``."""
        ...


class PairScorer(Protocol):
    """Law: (n,) numbers from 0 to 1, the larger the likelier; any strings are allowed; equal pairs get equal scores
    whatever else is in the batch."""

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """For each of ``texts`` the chance that who asks ``query`` wants what it describes."""
        ...
