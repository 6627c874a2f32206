"""A problem or an occasion in, what one buys then out: entries that say the same, in words or in meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.schema import Word
from mercato.words import query_tokens

Run = tuple[str, ...]


@dataclass(frozen=True)
class NeedIndex:
    """``said`` (m runs of index terms) with unit ``vectors`` (m, d), zero where the encoder does not read what is said,
    and of each what is ``meant``, the best run first.

    An entry answers a query as far as the words it says are the query's, or as far as it means the same: from a cosine
    of ``floor`` on, growing from what ``unrelated`` ones have to 1. Of the ``most`` entries that answer best every run
    counts, the first as much as its entry does, each next one ``next`` times as much.
    """

    said: tuple[Run, ...]
    meant: tuple[tuple[Run, ...], ...]
    vectors: NDArray[np.float32]
    floor: float = 0.75
    unrelated: float = 0.5
    most: int = 3
    next: float = 0.95

    def find(self, query: str, vector: NDArray[np.float32]) -> list[tuple[tuple[Word, ...], float]]:
        """What to look for, and what each counts, in (0, 1]; ``vector`` is the query's, (0,) where it has none."""
        if not self.said:
            return []
        strength = self._shared(query)
        if len(vector):
            cosines = self.vectors @ vector
            near = np.where(cosines >= self.floor, (cosines - self.unrelated) / (1 - self.unrelated), 0.0)
            strength = np.maximum(strength, near)
        best = np.lexsort((np.arange(len(strength)), -strength))[: self.most]
        found: dict[Run, float] = {}
        for entry in best[strength[best] > 0].tolist():
            for place, run in enumerate(self.meant[entry]):
                found[run] = max(found.get(run, 0.0), min(float(strength[entry]), 1.0) * self.next**place)
        return [(tuple(Word(term, ((term, 1.0),)) for term in run), counts) for run, counts in found.items()]

    def _shared(self, query: str) -> NDArray[np.float64]:
        """The share of the query's words that each entry is, where the query says all of it in a row."""
        terms = tuple(token.term for token in query_tokens(query))
        strength = np.zeros(len(self.said))
        for start in range(len(terms)):
            for end in range(start + 1, min(start + self._longest, len(terms)) + 1):
                if (entry := self._entries.get(terms[start:end])) is not None:
                    strength[entry] = (end - start) / len(terms)
        return strength

    @cached_property
    def _entries(self) -> Mapping[Run, int]:
        return {run: entry for entry, run in enumerate(self.said)}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.said), default=0)

    def save(self, folder: Path) -> None:
        """Write the entries and vectors into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        (folder / "entries.json").write_bytes(dumps({"said": self.said, "meant": self.meant}))

    @staticmethod
    def load(folder: Path) -> NeedIndex:
        """Read an index written by ``save``."""
        kept = orjson.loads((folder / "entries.json").read_bytes())
        meant = tuple(tuple(tuple(run) for run in runs) for runs in kept["meant"])
        said = tuple(tuple(run) for run in kept["said"])
        return NeedIndex(said, meant, np.load(folder / "vectors.npy", mmap_mode="r"))
