"""What was shown, as rows of evidence and back."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import orjson

from mercato.codec import dumps, impression_from_dict, impression_to_dict
from mercato.schema import Impression

Row = tuple[str, int, str, str, int, bytes]
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


def empty_searches(connection: sqlite3.Connection, limit: int) -> list[tuple[str, int, datetime]]:
    """(query, how often, last time) of the searches that found nothing, most frequent first."""
    query = """SELECT query, count(*) AS times, max(at) FROM slates WHERE total = 0 AND query <> ''
        GROUP BY query ORDER BY times DESC, query LIMIT ?"""
    rows = connection.execute(query, (limit,)).fetchall()
    return [(text, times, _EPOCH + timedelta(microseconds=at)) for text, times, at in rows]
