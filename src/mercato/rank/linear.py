"""Notes in, a score a person can read out: score = behaviour + attribute + relation + named terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Ranking, Request, Scores

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
        """The same rows in the same order, scored by the sum of the terms; a note that is missing adds nothing."""
        terms: dict[str, Scores] = {name: np.zeros(len(ranking)) for name in ("behaviour", "attribute", "relation")}
        for signal in self.signals:
            if signal.note in ranking.notes:
                worth = signal.worth(ranking.notes[signal.note])
                terms[signal.term] = terms[signal.term] + worth if signal.term in terms else worth
        score = np.sum(list(terms.values()), axis=0)
        notes = {**ranking.notes, **{f"{TERM}{name}": values for name, values in terms.items()}}
        return Ranking(ranking.rows, score, notes)

    def explained(self, ranking: Ranking) -> Ranking:
        """The same as ``scored``: a sum is its own explanation."""
        return self.scored(ranking)

    def rank(self, request: Request, ranking: Ranking) -> Ranking:
        """Ordered by the sum of the terms."""
        scored = self.scored(ranking)
        return Ranking.best_first(scored.rows, scored.scores, notes=scored.notes)

    def shares(self, notes: Mapping[str, float]) -> list[tuple[str, float]]:
        """(note, what it adds to the score) for one item, largest first: the evidence behind the terms."""
        worths = [(signal.note, float(signal.worth(np.array(notes.get(signal.note, 0.0))))) for signal in self.signals]
        return sorted((pair for pair in worths if pair[1] > 0), key=lambda pair: -pair[1])


def note(signal: Signal, ranking: Ranking) -> NDArray[np.float64]:
    """The signal's note (n,), zeros where no lane gave it."""
    return np.asarray(ranking.notes.get(signal.note, np.zeros(len(ranking))), float)
