"""Events to rows of the log and back, one by one or as columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from mercato.errors import DataError, RequestError
from mercato.ports import Receipt
from mercato.schema import Interaction

TIME = pl.Datetime("us", "UTC")
COLUMNS: dict[str, Any] = {
    "type": pl.String,
    "shopper_id": pl.String,
    "at": TIME,
    "product_id": pl.String,
    "quantity": pl.Int64,
    "value": pl.Int64,
    "currency": pl.String,
    "query": pl.String,
    "slate_id": pl.String,
    "position": pl.Int64,
    "session_id": pl.String,
    "event_id": pl.String,
}
"""The log's columns in the order of Interaction's fields."""
Row = tuple[Any, ...]

_NAMES = "type, shopper_id, at, product_id, quantity, value, currency, query, slate_id, position, session_id, event_id"
PLACES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT = "INSERT INTO events (" + _NAMES + ") VALUES "  # noqa: S608  constants only
ONCE = " ON CONFLICT (event_id) DO NOTHING"
_SELECT = "SELECT seq, " + _NAMES + " FROM events "  # noqa: S608  constants only
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PAGE = 5_000
_CHUNK = 20_000


def event_row(event: Interaction) -> Row:
    """``event`` as the log keeps it; raises DataError naming the field that is missing or cannot be kept."""
    if event.at is None or event.at.tzinfo is None:
        raise DataError("an event needs a time with a zone", where="at", hint="let the shop stamp it")
    row = (
        event.type,
        event.shopper_id,
        (event.at - _EPOCH) // _MICROSECOND,
        event.product_id,
        event.quantity,
        event.value,
        event.currency,
        event.query,
        event.slate_id,
        event.position,
        event.session_id,
        event.event_id,
    )
    for name in ("type", "event_id"):
        if not getattr(event, name):
            raise DataError("an event needs this field", where=name, hint="let the shop stamp it")
    for (name, kind), value in zip(COLUMNS.items(), row, strict=True):
        _check(name, kind, value)
    return row


def _check(name: str, kind: Any, value: Any) -> None:
    if kind is pl.String:
        if not isinstance(value, str) or not (value.isascii() or _is_unicode(value)):
            raise DataError(f"{value!r} is not text", where=name)
    elif value is None:
        if name == "quantity":
            raise DataError("an event needs a quantity", where=name, hint="1 is the default")
    elif not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise DataError(f"{value!r} is not a whole number of 64 bits", where=name)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def event_of(row: Sequence[Any]) -> Interaction:
    """The inverse of ``event_row``."""
    return Interaction(row[0], row[1], _EPOCH + row[2] * _MICROSECOND, *row[3:])


def insert_events(connection: sqlite3.Connection, rows: Sequence[Row]) -> Receipt:
    """Keep ``rows``; those whose event_id is known are counted as duplicates."""
    before = connection.total_changes
    connection.executemany(INSERT + PLACES + ONCE, rows)
    kept = connection.total_changes - before
    return Receipt(kept, len(rows) - kept)


def read_page(connection: sqlite3.Connection, after: int) -> list[Row]:
    """The next few thousand rows (seq, *fields) above ``after``."""
    return connection.execute(_SELECT + "WHERE seq > ? ORDER BY seq LIMIT ?", (after, _PAGE)).fetchall()


def read_of_shopper(connection: sqlite3.Connection, shopper_id: str, after: int, limit: int) -> list[Row]:
    """The newest ``limit`` rows of one shopper above ``after``, oldest first."""
    query = _SELECT + "WHERE shopper_id = ? AND seq > ? ORDER BY seq DESC LIMIT ?"
    return connection.execute(query, (shopper_id, after, limit)).fetchall()[::-1]


def read_of_session(connection: sqlite3.Connection, session_id: str, after: int, limit: int) -> list[Row]:
    """The newest ``limit`` rows of one session above ``after``, oldest first."""
    query = _SELECT + "WHERE session_id = ? AND seq > ? ORDER BY seq DESC LIMIT ?"
    return connection.execute(query, (session_id, after, limit)).fetchall()[::-1]


def events_frame(connection: sqlite3.Connection, after: int, columns: Iterable[str] | None) -> pl.DataFrame:
    """Events above ``after`` as one frame in log order, with ``seq`` in front.

    SQLite hands over whole columns as JSON arrays, twenty thousand rows at a time: a fifth of the time that one
    Python tuple per row takes, and as little memory. Raises RequestError for an unknown column.
    """
    wanted = tuple(COLUMNS if columns is None else columns)
    if unknown := [name for name in wanted if name not in COLUMNS]:
        raise RequestError(f"events have no column {unknown[0]!r}", where="columns", hint=", ".join(COLUMNS))
    kinds = {"seq": pl.Int64} | {name: COLUMNS[name] for name in wanted}
    arrays = ", ".join(f"json_group_array({name})" for name in kinds)
    # A scan along the primary key; every aggregate of one SELECT sees its rows in the same order.
    query = "SELECT " + arrays + " FROM events WHERE seq > ? AND seq <= ?"  # noqa: S608  names checked above
    parts = [pl.DataFrame(schema=kinds)]
    parts.extend(_frame(connection.execute(query, span).fetchone(), kinds) for span in _spans(connection, after))
    return pl.concat(parts, rechunk=False)


def _spans(connection: sqlite3.Connection, after: int) -> Iterator[tuple[int, int]]:
    last = last_seq(connection)
    for start in range(max(after, 0), last, _CHUNK):
        yield start, min(start + _CHUNK, last)


def _frame(arrays: Sequence[str], kinds: dict[str, Any]) -> pl.DataFrame:
    columns = (
        pl.Series(name, orjson.loads(array), pl.Int64 if kind == TIME else kind)
        for (name, kind), array in zip(kinds.items(), arrays, strict=True)
    )
    return pl.DataFrame([column.cast(TIME) if column.name == "at" else column for column in columns])


def last_seq(connection: sqlite3.Connection) -> int:
    """The number of the newest event, 0 in an empty log."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def count_types(connection: sqlite3.Connection, after: int, last: int) -> dict[str, int]:
    """How many events of each type are numbered above ``after`` up to ``last``."""
    query = "SELECT type, count(*) FROM events WHERE seq > ? AND seq <= ? GROUP BY type ORDER BY type"
    return dict(connection.execute(query, (after, last)).fetchall())
