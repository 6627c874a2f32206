"""Frames of events in, rows of the log out: many, inside one transaction."""

from __future__ import annotations

import sqlite3
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.errors import DataError
from mercato.ports import Receipt
from mercato.stores.events import COLUMNS, INSERT, ONCE, PLACES, TIME

NEEDED = ("type", "shopper_id", "at", "event_id")
_SLICE = 50_000
_WIDE = 100
"""Rows per INSERT: one statement for a hundred rows costs two thirds of a hundred statements."""


class EventLoad:
    """One import's events. Into an empty log the unique index is built at the end, by sorting: that takes half the
    time of filling it row by row. Meanwhile a 64-bit hash of every id tells whether an id may have come before; at
    the first such id the index is built at once and decides from there on.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._hashes: NDArray[np.uint64] | None = None
        """Ascending, while the index is put off."""

    def insert(self, frame: pl.DataFrame) -> Receipt:
        """Keep every row of ``frame``: columns as COLUMNS, NEEDED must be there, nulls become the defaults.

        Raises DataError, before anything is written, when a needed column is missing or has nulls, or another has the
        wrong type.
        """
        frame = _plain_columns(_whole(frame))
        if self._connection.execute("SELECT 1 FROM events LIMIT 1").fetchone() is None and self._hashes is None:
            self._connection.execute("DROP INDEX events_by_id")
            self._hashes = np.empty(0, np.uint64)
        if self._hashes is not None and not self._all_new(frame["event_id"]):
            self.finish()
        kept = _insert_slices(self._connection, frame, ONCE if self._hashes is None else "")
        return Receipt(kept, len(frame) - kept)

    def finish(self) -> None:
        """Build the index if it was put off."""
        if self._hashes is not None:
            self._connection.execute("CREATE UNIQUE INDEX events_by_id ON events (event_id)")
            self._hashes = None

    def _all_new(self, ids: pl.Series) -> bool:
        """Whether no hash of ``ids`` came before; if so they are remembered."""
        assert self._hashes is not None
        together = np.concatenate([self._hashes, np.sort(ids.hash().to_numpy())])
        together.sort(kind="stable")  # two ascending runs: a merge, not a sort
        if bool((together[1:] == together[:-1]).any()):
            return False
        self._hashes = together
        return True


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    for name in NEEDED:
        if name not in frame.columns:
            raise DataError("the events have no such column", where=name, hint=f"needed: {', '.join(NEEDED)}")
        if frame[name].null_count():
            raise DataError(f"{frame[name].null_count()} events lack this field", where=name)
    if not isinstance(frame.schema["at"], pl.Datetime):
        raise DataError(f"times have type {frame.schema['at']}", where="at", hint="use a Datetime column")
    for name in ("quantity", "value", "position"):
        if name in frame.columns and frame.schema[name].is_float():
            raise DataError("holds fractions", where=name, hint="money is integer minor units")
    missing = [pl.lit(None, kind).alias(name) for name, kind in COLUMNS.items() if name not in frame.columns]
    return frame.with_columns(missing).select(tuple(COLUMNS))


def _plain_columns(frame: pl.DataFrame) -> pl.DataFrame:
    columns = []
    for name, kind in COLUMNS.items():
        column = pl.col(name)
        if kind == TIME:
            columns.append(column.dt.epoch("us"))
        elif kind is pl.String:
            columns.append(column.cast(pl.String).fill_null(""))
        else:
            columns.append(column.cast(pl.Int64).fill_null(1) if name == "quantity" else column.cast(pl.Int64))
    try:
        plain = frame.select(columns)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"a column of the events has another type: {error}", where="events") from error
    for name in ("type", "event_id"):
        if (plain[name] == "").any():
            raise DataError("an event has an empty field", where=name)
    return plain


def _insert_slices(connection: sqlite3.Connection, frame: pl.DataFrame, tail: str) -> int:
    before = connection.total_changes
    wide = INSERT + ", ".join([PLACES] * _WIDE) + tail
    for part in frame.iter_slices(_SLICE):
        rows = part.rows()
        whole = len(rows) - len(rows) % _WIDE
        flat = (tuple(chain.from_iterable(rows[start : start + _WIDE])) for start in range(0, whole, _WIDE))
        connection.executemany(wide, flat)
        connection.executemany(INSERT + PLACES + tail, rows[whole:])
    return connection.total_changes - before
