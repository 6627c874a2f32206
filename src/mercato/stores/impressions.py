"""What was shown, as rows of evidence and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import polars as pl

from mercato.codec import dumps, impression_from_dict, impression_to_dict
from mercato.schema import GRADES, Impression

Row = tuple[str, int, str, str, int, bytes]
Answered = tuple[Impression, list[tuple[str, str, str]]]
"""What was shown, and the (product_id, type, shopper_id) of everything that was done with it."""
SEARCH_COLUMNS: dict[str, Any] = {
    "slate_id": pl.String,
    "query": pl.String,
    "total": pl.Int64,
    "at": pl.Datetime("us", "UTC"),
    "shopper_id": pl.String,
    "session_id": pl.String,
}
"""A search that was answered."""
CLICK_COLUMNS: dict[str, Any] = {
    "slate_id": pl.String,
    "product_id": pl.String,
    "position": pl.Int64,
    "shopper_id": pl.String,
}
"""Something viewed, put in the cart or bought from a list; ``position`` (0 = first) where the event says it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def impression_row(shown: Impression) -> Row:
    """``shown`` as the shop keeps it; raises TypeError or ValueError when it has no JSON form."""
    at = (shown.at - _EPOCH) // timedelta(microseconds=1)
    return shown.slate_id, at, shown.placement, shown.query, shown.total, dumps(impression_to_dict(shown))


def insert(connection: sqlite3.Connection, row: Row) -> None:
    """Keep one impression; a slate_id that is known keeps its first."""
    connection.execute(
        """INSERT INTO slates (slate_id, at, placement, query, total, record) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (slate_id) DO NOTHING""",
        row,
    )


def get(connection: sqlite3.Connection, slate_id: str) -> Impression | None:
    """What was shown as ``slate_id``, None when nothing was."""
    row = connection.execute("SELECT record FROM slates WHERE slate_id = ?", (slate_id,)).fetchone()
    return None if row is None else impression_from_dict(orjson.loads(row[0]))


def recent(connection: sqlite3.Connection, limit: int) -> list[Impression]:
    """The last ``limit`` impressions, newest first."""
    rows = connection.execute("SELECT record FROM slates ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
    return [impression_from_dict(orjson.loads(record)) for (record,) in rows]


def answered(
    connection: sqlite3.Connection, since: datetime, placements: Sequence[str], most: int
) -> Iterator[Answered]:
    """Impressions of ``placements`` from ``since`` on that somebody viewed, put in the cart or bought something from;
    of the newest ``most``, the oldest first.

    One pass over the events; records are read one by one, since they are what takes memory.
    """
    kinds, places = (", ".join("?" * len(names)) for names in (GRADES, placements))
    query = f"""SELECT slates.seq, json_group_array(json_array(events.product_id, events.type, events.shopper_id))
        FROM events JOIN slates USING (slate_id)
        WHERE events.slate_id <> '' AND events.type IN ({kinds}) AND slates.at >= ? AND slates.placement IN ({places})
        GROUP BY slates.seq ORDER BY slates.seq DESC LIMIT ?"""  # noqa: S608  question marks only
    begin = (since - _EPOCH) // timedelta(microseconds=1)
    found = connection.execute(query, (*GRADES, begin, *placements, most)).fetchall()
    for seq, did in reversed(found):
        (record,) = connection.execute("SELECT record FROM slates WHERE seq = ?", (seq,)).fetchone()
        yield impression_from_dict(orjson.loads(record)), [tuple(one) for one in orjson.loads(did)]


def searches(connection: sqlite3.Connection, since: datetime, most: int) -> pl.DataFrame:
    """The newest ``most`` searches answered from ``since`` on, those without a query left out, with SEARCH_COLUMNS."""
    who = ", ".join(f"json_extract(CAST(record AS TEXT), '$.{name}')" for name in ("shopper_id", "session_id"))
    query = f"""SELECT slate_id, query, total, at, {who} FROM slates
        WHERE placement = 'search' AND query <> '' AND at >= ? ORDER BY seq DESC LIMIT ?"""  # noqa: S608  constants
    rows = connection.execute(query, ((since - _EPOCH) // timedelta(microseconds=1), most)).fetchall()
    frame = pl.DataFrame(rows, SEARCH_COLUMNS | {"at": pl.Int64}, orient="row")
    return frame.with_columns(pl.col("at").cast(SEARCH_COLUMNS["at"]))


def clicks(connection: sqlite3.Connection, since: datetime) -> pl.DataFrame:
    """What shoppers viewed, put in the cart or bought from lists from ``since`` on, with CLICK_COLUMNS; one pass over
    the events."""
    query = f"""SELECT {", ".join(CLICK_COLUMNS)} FROM events
        WHERE slate_id <> '' AND type IN ({", ".join("?" * len(GRADES))}) AND at >= ?"""  # noqa: S608  constants
    rows = connection.execute(query, (*GRADES, (since - _EPOCH) // timedelta(microseconds=1))).fetchall()
    return pl.DataFrame(rows, CLICK_COLUMNS, orient="row")


def empty_searches(connection: sqlite3.Connection, limit: int) -> list[tuple[str, int, datetime]]:
    """(query, how often, last time) of the searches that found nothing, most frequent first."""
    query = """SELECT query, count(*) AS times, max(at) FROM slates WHERE total = 0 AND query <> ''
        GROUP BY query ORDER BY times DESC, query LIMIT ?"""
    rows = connection.execute(query, (limit,)).fetchall()
    return [(text, times, _EPOCH + timedelta(microseconds=at)) for text, times, at in rows]
