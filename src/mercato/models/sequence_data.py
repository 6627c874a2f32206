"""Event arrays in, padded batches of prefixes and what came next out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.models.sequence import gap_classes

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Journeys:
    """What shoppers did: parallel arrays of length e sorted by shopper, then time; ``items`` are dense numbers from 0.

    ``starts`` (e,) is where each event's shopper begins.
    """

    items: Ints
    grades: Ints
    gaps: Ints
    starts: Ints
    owner: Ints

    @staticmethod
    def build(owner: Ints, items: Ints, grades: NDArray[np.int8], at: Ints) -> Journeys:
        """From sorted event arrays with ``at`` in seconds."""
        firsts = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.empty(0, bool)
        starts = np.maximum.accumulate(np.where(firsts, np.arange(len(owner)), 0))
        gaps = gap_classes(at) if len(at) else np.empty(0, np.int64)
        gaps[firsts] = 0
        return Journeys(items, grades.astype(np.int64), gaps, starts, owner)

    def examples(self) -> Ints:
        """Positions of the events to be predicted: first meetings with a product after at least one event."""
        key = self.owner * (int(self.items.max(initial=0)) + 1) + self.items
        _, first = np.unique(key, return_index=True)
        return np.sort(first[first > self.starts[first]])

    def batch(self, ends: Ints, starts: Ints, longest: int) -> tuple[Ints, Ints, Ints, NDArray[np.bool_]]:
        """Items, grades, gaps and padding (b, t) of the events in [starts, ends), newest last, ``longest`` at most."""
        longest = min(longest, int((ends - starts).max()))
        place = ends[:, None] - np.arange(longest, 0, -1)
        pad = place < starts[:, None]
        place = np.where(pad, 0, place)
        gaps = self.gaps[place]
        gaps[pad | (place == starts[:, None])] = 0
        return self.items[place], self.grades[place], gaps, pad


def batches(lengths: Ints, size: int, random: np.random.Generator, chunk: int = 64) -> Iterator[Ints]:
    """All of 0…len(lengths)−1 once, in random batches of ``size`` of about equal length (sorted inside ``chunk``s)."""
    order = random.permutation(len(lengths))
    whole = []
    for begin in range(0, len(order), size * chunk):
        part = order[begin : begin + size * chunk]
        part = part[np.argsort(lengths[part], kind="stable")]
        whole += [part[start : start + size] for start in range(0, len(part), size)]
    for number in random.permutation(len(whole)):
        yield whole[number]
