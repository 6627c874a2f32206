"""The tables of shop.db, and which version of them a file has."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mercato.errors import DataError
from mercato.stores import judgments, rules
from mercato.stores.connect import connect, transaction
from mercato.stores.folder import sync_folder

VERSION = 4
"""Goes up with every change of the tables below."""

RELATIONS = (
    """CREATE TABLE relations (
        shopper_id TEXT NOT NULL, friend_id TEXT NOT NULL, type TEXT NOT NULL, weight REAL NOT NULL, at INTEGER,
        PRIMARY KEY (shopper_id, friend_id, type)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX relations_by_friend ON relations (friend_id)",
)
MIGRATIONS: Mapping[int, tuple[str, ...]] = MappingProxyType({2: RELATIONS, 3: rules.TABLES, 4: judgments.TABLES})
"""What makes the tables of the version before into those of each version."""

TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # AUTOINCREMENT: a number freed by an erasure is never given again, so "after seq" never skips an event.
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL, shopper_id TEXT NOT NULL, at INTEGER NOT NULL, product_id TEXT NOT NULL,
        quantity INTEGER NOT NULL, value INTEGER, currency TEXT NOT NULL, query TEXT NOT NULL,
        slate_id TEXT NOT NULL, position INTEGER, session_id TEXT NOT NULL, event_id TEXT NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX events_by_id ON events (event_id)",
    """CREATE TABLE products (
        id TEXT PRIMARY KEY, record BLOB NOT NULL, updated_seq INTEGER NOT NULL, deleted INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX products_by_change ON products (updated_seq)",
    """CREATE TABLE reviews (
        seq INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
        product_id TEXT NOT NULL, shopper_id TEXT NOT NULL, rating REAL, title TEXT NOT NULL, text TEXT NOT NULL,
        at INTEGER, language TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX reviews_by_product ON reviews (product_id)",
    "CREATE TABLE shoppers (id TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT",
    """CREATE TABLE slates (
        seq INTEGER PRIMARY KEY, slate_id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, placement TEXT NOT NULL,
        query TEXT NOT NULL, total INTEGER NOT NULL, record BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX slates_found_nothing ON slates (query, at) WHERE total = 0 AND query <> ''",
    """CREATE TABLE prices (
        product_id TEXT NOT NULL, week INTEGER NOT NULL, price INTEGER NOT NULL, currency TEXT NOT NULL,
        PRIMARY KEY (product_id, week)
    ) STRICT, WITHOUT ROWID""",
    *RELATIONS,
    *rules.TABLES,
    *judgments.TABLES,
)


def open_to_write(path: Path, create: bool, cache_mib: int) -> sqlite3.Connection:
    """The writer's connection to the tables of ``path``, made where there are none if ``create``, else brought up to
    date. Raises DataError when the file is no finished shop, or of a newer Mercato."""
    connection = connect(path, "rwc" if create else "rw", cache_mib)
    try:
        if create:
            create_schema(connection)
            sync_folder(path.parent)
        check_schema(connection, path)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def create_schema(connection: sqlite3.Connection) -> None:
    """Make the tables, all or none; does nothing where they are already."""
    with transaction(connection):
        if not _has_meta(connection):
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('schema_version', ?)", (str(VERSION),))
            connection.execute("INSERT INTO meta VALUES ('catalogue_version', '0')")


def check_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raises DataError when ``path`` is no finished shop, or was written by a newer Mercato."""
    if not _has_meta(connection):
        raise DataError("the shop's database has no tables", where=str(path), hint="create the shop again")
    found = _version(connection)
    if found > VERSION:
        raise DataError(
            f"the shop was written by a newer Mercato (tables {found}, this one knows {VERSION})",
            where=str(path),
            hint="upgrade Mercato",
        )
    if found < 1:
        raise DataError("the shop's tables have no version", where=str(path), hint="restore the shop from a backup")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables of an older Mercato up to VERSION, all or none; does nothing where they are."""
    with transaction(connection):
        for version in range(_version(connection) + 1, VERSION + 1):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(version),))


def _version(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 when the file does not say."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row and str(row[0]).isdigit() else 0


def problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite's own check and ours find wrong, one sentence each."""
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    checks = {
        "products have no valid JSON": "SELECT count(*) FROM products WHERE NOT json_valid(CAST(record AS TEXT))",
        "slates have no valid JSON": "SELECT count(*) FROM slates WHERE NOT json_valid(CAST(record AS TEXT))",
        "events have an empty id": "SELECT count(*) FROM events WHERE event_id = ''",
    }
    for what, query in checks.items():
        if times := connection.execute(query).fetchone()[0]:
            found.append(f"{times} {what}")
    return found


def _has_meta(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone()
    return found is not None
