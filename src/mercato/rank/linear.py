"""Notes in, a score a person can read out: score = behaviour + attribute + relation + named terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Ranking, Request, Scores

Evidence = list[tuple[str, float]]
"""(note, what it adds to a row's score), largest first; only what speaks for the row."""

TERM = "term:"
"""Prefix of the note that holds one term; the terms of a row add up to its score."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One note's share in the score: ``weight`` · log(1 + note / ``scale``), counted under ``term``."""

    note: str
    term: str
    weight: float
    scale: float = 1.0

    def worth(self, values: NDArray[Any]) -> Scores:
        """What the note adds to the score of each row."""
        worth: Scores = self.weight * np.log1p(np.maximum(values, 0.0) / self.scale)
        return worth


@dataclass(frozen=True)
class Linear:
    """The readable score: every signal is a note seen in the impression log, every weight a number one can argue with.

    Weights are never negative, so a term can be read as "this speaks for it by so much".
    """

    signals: tuple[Signal, ...] = field(default_factory=tuple)

    def worth(self, ranking: Ranking) -> Ranking:
        """Every row: a sum costs next to nothing."""
        return ranking

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order, scored by the sum of the terms; a note that is missing or has no weight
        adds nothing and names no term."""
        terms: dict[str, Scores] = {name: np.zeros(len(ranking)) for name in ("behaviour", "attribute", "relation")}
        for signal in self.signals:
            if signal.weight and signal.note in ranking.notes:
                worth = signal.worth(ranking.notes[signal.note])
                terms[signal.term] = terms[signal.term] + worth if signal.term in terms else worth
        score = np.sum(list(terms.values()), axis=0)
        notes = {**ranking.notes, **{f"{TERM}{name}": values for name, values in terms.items()}}
        return Ranking(ranking.rows, score, notes)

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """The same as ``scored``, a sum is its own explanation; and per row the evidence behind the terms."""
        heard = [signal for signal in self.signals if signal.weight and signal.note in ranking.notes]
        worths = [signal.worth(ranking.notes[signal.note]) for signal in heard]
        return self.scored(ranking), evidence([signal.note for signal in heard], worths, len(ranking))

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by the sum of the terms."""
        scored = self.scored(ranking)
        return Ranking.best_first(scored.rows, scored.scores, notes=scored.notes)


class Explained(Protocol):
    """What can take its own score apart (Linear, boosted.Boosted)."""

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[Evidence]]:
        """``ranking`` scored, with a ``term:NAME`` note per term; and per row the evidence."""
        ...


def taken_apart(
    ranking: Ranking, parts: Sequence[tuple[NDArray[np.bool_], Explained]]
) -> tuple[Scores, dict[str, Scores], list[Evidence]]:
    """What several scores say of the rows each of them has (masks (n,) that share no row): their own scores (n,), their
    terms (n,) by note, and per row the evidence."""
    own, terms = np.zeros(len(ranking)), dict[str, Scores]()
    found: list[Evidence] = [[] for _ in range(len(ranking))]
    for mine, score in parts:
        places = np.flatnonzero(mine)
        part, said = score.explained(ranking.take(places))
        own[places] = part.scores
        for name, values in part.notes.items():
            if name.startswith(TERM):
                terms.setdefault(name, np.zeros(len(ranking)))[places] = values
        for place, one in zip(places.tolist(), said, strict=True):
            found[place] = one
    return own, terms, found


def note(signal: Signal, ranking: Ranking) -> NDArray[np.float64]:
    """The signal's note (n,), zeros where no lane gave it."""
    return np.asarray(ranking.notes.get(signal.note, np.zeros(len(ranking))), float)


def evidence(names: Sequence[str], worths: Sequence[Scores], n: int) -> list[Evidence]:
    """Per row (n of them) the positive ``worths`` (one array (n,) a name), largest first."""
    found: list[Evidence] = []
    for place in range(n):
        pairs = [(name, float(values[place])) for name, values in zip(names, worths, strict=True) if values[place] > 0]
        found.append(sorted(pairs, key=lambda pair: -pair[1]))
    return found
