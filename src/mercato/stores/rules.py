"""Changes of merchandising rules in, a new version each out: every version can be read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import orjson

from mercato.stores.records import EPOCH
from mercato.stores.writer import Write

T = TypeVar("T")
Record = Mapping[str, Any]
"""A rule's JSON."""
Records = dict[str, dict[str, Any]]
"""Rule id → its record."""

TABLES = (
    "CREATE TABLE rule_versions (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL) STRICT",
    # What each version changed; no record means that the rule was taken out.
    """CREATE TABLE rules (
        id TEXT NOT NULL, version INTEGER NOT NULL, record BLOB, PRIMARY KEY (id, version)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX rules_by_version ON rules (version)",
)


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One change: its ``number`` (1, 2, …), when, ``what`` was done, and the ids of the rules it changed."""

    number: int
    at: datetime
    what: str
    changed: tuple[str, ...]


class Asking(Protocol):
    """A question to one of the store's readers."""

    def __call__(self, question: Callable[..., T], /, *args: Any) -> T: ...


class RuleVersions:
    """The rules of a shop and every version they had (part of stores.sqlite.ShopStore, which says what can fail)."""

    def __init__(self, ask: Asking, write: Callable[[Write[int | None]], Future[int | None]]) -> None:
        self._ask, self._write = ask, write

    def version(self) -> int:
        """The number of the last change, 0 where there was none."""
        return self._ask(_version)

    def at(self, version: int) -> Records:
        """The rules as version ``version`` left them."""
        return self._ask(_at, version)

    def versions(self, limit: int = 100) -> list[RuleVersion]:
        """The last ``limit`` changes, the newest first."""
        return self._ask(_versions, limit)

    def change(
        self, records: Mapping[str, Mapping[str, Any] | None], what: str, at: datetime, after: int
    ) -> int | None:
        """A new version in which the rules of ``records`` are these (None: taken out) and all others as they were; its
        number, once it is on disk. Changes nothing and gives None where version ``after`` is no longer the last."""
        rows = [(rule_id, None if one is None else orjson.dumps(one)) for rule_id, one in records.items()]
        when = (at.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
        return self._write(lambda connection: _change(connection, rows, what, when, after)).result()


def _known(connection: sqlite3.Connection) -> bool:
    """Whether the file has the tables: one that no Mercato with rules has written yet has not."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rule_versions'").fetchone() is not None


def _version(connection: sqlite3.Connection) -> int:
    if not _known(connection):
        return 0
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM rule_versions").fetchone()[0])


def _at(connection: sqlite3.Connection, version: int) -> Records:
    if not _known(connection):
        return {}
    query = """SELECT id, record FROM rules AS one WHERE record IS NOT NULL AND version =
        (SELECT max(version) FROM rules WHERE id = one.id AND version <= ?) ORDER BY id"""
    return {rule_id: orjson.loads(record) for rule_id, record in connection.execute(query, (version,))}


def _versions(connection: sqlite3.Connection, limit: int) -> list[RuleVersion]:
    if not _known(connection):
        return []
    query = "SELECT number, at, what FROM rule_versions ORDER BY number DESC LIMIT ?"
    found = []
    for number, at, what in connection.execute(query, (limit,)).fetchall():
        changed = connection.execute("SELECT id FROM rules WHERE version = ? ORDER BY id", (number,))
        found.append(
            RuleVersion(number, EPOCH + timedelta(microseconds=at), what, tuple(rule_id for (rule_id,) in changed))
        )
    return found


def _change(
    connection: sqlite3.Connection, rows: list[tuple[str, bytes | None]], what: str, at: int, after: int
) -> int | None:
    if _version(connection) != after:
        return None
    connection.execute("INSERT INTO rule_versions VALUES (?, ?, ?)", (after + 1, at, what))
    connection.executemany(
        "INSERT INTO rules (id, version, record) VALUES (?, ?, ?)",
        [(rule_id, after + 1, record) for rule_id, record in rows],
    )
    return after + 1
