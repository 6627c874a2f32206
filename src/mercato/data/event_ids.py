"""Event rows in, ids out that depend on nothing but what the rows say, so that a file can be imported twice."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray

_SEPARATOR = "\x1f"


def digests(frame: pl.DataFrame) -> list[bytes]:
    """A 16-byte BLAKE2b digest of each row's values, columns in the order given."""
    cells = [pl.col(name).cast(pl.String).fill_null("\x00") for name in frame.columns]
    texts = frame.select(pl.concat_str(cells, separator=_SEPARATOR)).to_series()
    return [blake2b(text.encode(), digest_size=16).digest() for text in texts]


class Occurrences:
    """How often each key came before, in 8 bytes a key: sorted runs, merged when they are of like length."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def number(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """For each key how many equal ones came earlier, in this call or in one before; then remember them all.

        >>> seen = Occurrences()
        >>> seen.number(np.array([5, 7, 5], np.uint64)).tolist(), seen.number(np.array([5], np.uint64)).tolist()
        ([0, 0, 1], [2])
        """
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        counts = np.arange(len(keys)) - np.searchsorted(ordered, ordered, "left")
        for run in self._runs:
            counts += np.searchsorted(run, ordered, "right") - np.searchsorted(run, ordered, "left")
        before = np.empty(len(keys), np.int64)
        before[order] = counts
        self._remember(ordered)
        return before

    def _remember(self, ordered: NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(ordered):
            ordered = np.sort(np.concatenate([self._runs.pop(), ordered]), kind="stable")
        self._runs.append(ordered)


class EventIds:
    """Ids for the events of one file: given ones kept, missing ones made from content and occurrence number.

    Equal rows of one file get different ids, and the same row read again, from this file or a copy of it in another
    format, gets the same id. The digest is BLAKE2b (RFC 7693), which no library version changes.
    """

    def __init__(self) -> None:
        self._made, self._given = Occurrences(), Occurrences()

    def fill(self, events: pl.DataFrame) -> tuple[pl.DataFrame, int]:
        """``events`` with an id each, and how many rows were dropped because their given id had come before."""
        if not len(events):
            return events, 0
        missing = (events["event_id"] == "").to_numpy()
        ids = events["event_id"].to_numpy().copy()
        ids[missing] = self._make(events.filter(missing).drop("event_id"))
        given = [blake2b(text.encode(), digest_size=8).digest() for text in ids[~missing]]
        keep = np.ones(len(events), bool)
        keep[~missing] = self._given.number(np.frombuffer(b"".join(given), np.uint64)) == 0
        filled = events.with_columns(pl.Series("event_id", ids, pl.String)).filter(keep)
        return filled, int((~keep).sum())

    def _make(self, events: pl.DataFrame) -> list[str]:
        made = digests(events)
        numbers = self._made.number(np.frombuffer(b"".join(digest[:8] for digest in made), np.uint64))
        return [
            f"{digest.hex()}-{number}" if number else digest.hex()
            for digest, number in zip(made, numbers.tolist(), strict=True)
        ]
