"""Query sets and judgments in, kept; out again with who judged, when, and from what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import orjson

from mercato.stores.records import EPOCH
from mercato.stores.writer import Write

T = TypeVar("T")

TABLES = (
    "CREATE TABLE query_sets (name TEXT PRIMARY KEY, queries BLOB NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # Every source keeps its own grade: what a person said and what a model said of one product stand side by side.
    """CREATE TABLE judgments (
        query_set TEXT NOT NULL, query TEXT NOT NULL, product_id TEXT NOT NULL, source TEXT NOT NULL,
        grade REAL NOT NULL, judge TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (query_set, query, product_id, source)
    ) STRICT, WITHOUT ROWID""",
)


@dataclass(frozen=True, slots=True)
class Judgment:
    """How well a product answers a query: ``grade`` 0 (not at all) to 3; ``source`` is hand, clicks or model, ``by``
    the person, or what the figures were made of."""

    query: str
    product_id: str
    grade: float
    source: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class QuerySet:
    """``queries`` in their order, each once; ``at`` is when they were last changed. ``judged`` counts the judgments of
    each source, those of queries that are not in the set any more left out."""

    name: str
    queries: tuple[str, ...]
    at: datetime
    judged: dict[str, int] = field(default_factory=dict)


class Asking(Protocol):
    """A question to one of the store's readers."""

    def __call__(self, question: Callable[..., T], /, *args: Any) -> T: ...


class Writing(Protocol):
    """A write to the store, done when its future is."""

    def __call__(self, write: Write[T], /) -> Future[T]: ...


class QuerySets:
    """The query sets of a shop and their judgments (part of stores.sqlite.ShopStore, which says what can fail).

    Every change is on disk when the call returns.
    """

    def __init__(self, ask: Asking, write: Writing) -> None:
        self._ask, self._write = ask, write

    def sets(self) -> list[QuerySet]:
        """All of them, by name."""
        return self._ask(_sets)

    def get(self, name: str) -> QuerySet | None:
        """One set, None where there is none."""
        return next((one for one in self.sets() if one.name == name), None)

    def put(self, name: str, queries: Sequence[str], at: datetime) -> None:
        """Have exactly ``queries`` in the set, made where there is none; judgments of others stay and rest."""
        self._write(lambda connection: _put(connection, name, queries, at)).result()

    def delete(self, name: str) -> bool:
        """Take the set out with all its judgments; False where there was none."""
        return self._write(lambda connection: _delete(connection, name)).result()

    def judgments(self, name: str) -> list[Judgment]:
        """Those of the set's queries, in the order of the queries, then by product and source."""
        return self._ask(_judgments, name)

    def judge(self, name: str, given: Sequence[Judgment], *, fresh: str = "") -> bool:
        """Keep ``given``, the last of a product and source wins; queries that the set does not have are added to it.

        With ``fresh``, a source, first forget what it said before. False, and nothing is kept, where there is no such
        set."""
        return self._write(lambda connection: _judge(connection, name, given, fresh)).result()

    def take_back(self, name: str, query: str, product_id: str, source: str) -> bool:
        """Forget one judgment; False where there was none."""
        key = (name, query, product_id, source)
        return self._write(lambda connection: _take_back(connection, key)).result()


def _known(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables: one that no Mercato with query sets has written yet has not."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'query_sets'").fetchone() is not None


def _sets(connection: sqlite3.Connection) -> list[QuerySet]:
    if not _known(connection):
        return []
    counts: dict[str, dict[str, int]] = {}
    query = """SELECT query_set, source, count(*) FROM judgments JOIN query_sets ON name = query_set
        WHERE query IN (SELECT value FROM json_each(CAST(queries AS TEXT))) GROUP BY query_set, source"""
    for name, source, times in connection.execute(query):
        counts.setdefault(name, {})[source] = times
    rows = connection.execute("SELECT name, queries, at FROM query_sets ORDER BY name").fetchall()
    return [QuerySet(name, tuple(orjson.loads(queries)), _time(at), counts.get(name, {})) for name, queries, at in rows]


def _put(connection: sqlite3.Connection, name: str, queries: Sequence[str], at: datetime) -> None:
    connection.execute(
        """INSERT INTO query_sets (name, queries, at) VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET queries = excluded.queries, at = excluded.at""",
        (name, orjson.dumps(list(dict.fromkeys(queries))), _microseconds(at)),
    )


def _delete(connection: sqlite3.Connection, name: str) -> bool:
    connection.execute("DELETE FROM judgments WHERE query_set = ?", (name,))
    return connection.execute("DELETE FROM query_sets WHERE name = ?", (name,)).rowcount > 0


def _queries(connection: sqlite3.Connection, name: str) -> list[str] | None:
    row = connection.execute("SELECT queries FROM query_sets WHERE name = ?", (name,)).fetchone()
    return None if row is None else orjson.loads(row[0])


def _judgments(connection: sqlite3.Connection, name: str) -> list[Judgment]:
    queries = _queries(connection, name) if _known(connection) else None
    if not queries:
        return []
    places = {query: place for place, query in enumerate(queries)}
    rows = connection.execute(
        """SELECT query, product_id, grade, source, judge, at FROM judgments WHERE query_set = ?
        ORDER BY query, product_id, source""",
        (name,),
    )
    found = [
        Judgment(query, product, grade, source, by, _time(at))
        for query, product, grade, source, by, at in rows
        if query in places
    ]
    return sorted(found, key=lambda one: places[one.query])


def _judge(connection: sqlite3.Connection, name: str, given: Sequence[Judgment], fresh: str) -> bool:
    queries = _queries(connection, name)
    if queries is None:
        return False
    if fresh:
        connection.execute("DELETE FROM judgments WHERE query_set = ? AND source = ?", (name, fresh))
    connection.executemany(
        """INSERT INTO judgments (query_set, query, product_id, source, grade, judge, at) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (query_set, query, product_id, source)
        DO UPDATE SET grade = excluded.grade, judge = excluded.judge, at = excluded.at""",
        ((name, one.query, one.product_id, one.source, one.grade, one.by, _microseconds(one.at)) for one in given),
    )
    more = dict.fromkeys(one.query for one in given).keys() - set(queries)
    if more:
        _put(connection, name, [*queries, *(one.query for one in given if one.query in more)], given[-1].at)
    return True


def _take_back(connection: sqlite3.Connection, key: tuple[str, str, str, str]) -> bool:
    query = "DELETE FROM judgments WHERE query_set = ? AND query = ? AND product_id = ? AND source = ?"
    return connection.execute(query, key).rowcount > 0


def _microseconds(at: datetime) -> int:
    return (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def _time(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
