"""One SQLite file in, connections out; SQLite's errors said so that a person can act on them."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from mercato.errors import BackendError, DataError, MercatoError

BUSY_SECONDS = 10.0
"""How long SQLite waits for another process's lock."""
WAL_LIMIT_BYTES = 64 * 2**20
"""The write-ahead log is cut back to this after a large transaction."""
IDLE_READERS = 8

WRONG_ROWS = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.DataError,
    OverflowError,
    UnicodeError,
    TypeError,
    ValueError,
)
"""Errors that one caller's rows cause, unlike those of the disk."""

# Prefix of SQLite's error name → what happened, what to do; the first that fits.
_DISK = {
    "SQLITE_FULL": ("the disk is full", "free some space and send again: what was not acknowledged was not kept"),
    "SQLITE_IOERR": ("the disk failed", "check disk and quota, then send again: an event_id is kept once"),
    "SQLITE_BUSY": ("another process holds the shop's database", "try again"),
    "SQLITE_LOCKED": ("another connection holds the shop's database", "try again"),
    "SQLITE_NOMEM": ("out of memory", "give the process more memory"),
}
_FILE = {
    "SQLITE_READONLY": ("the shop's database cannot be written", "check the permissions of the shop's folder"),
    "SQLITE_PERM": ("the shop's database cannot be used", "check the permissions of the shop's folder"),
    "SQLITE_CANTOPEN": ("the shop's database cannot be opened", "does the folder exist, and may this user write it?"),
    "SQLITE_NOTADB": ("this file is not a shop's database", "restore it from a backup"),
    "SQLITE_CORRUPT": ("the shop's database is damaged", "restore it from a backup"),
}


def plain(error: Exception, path: Path) -> MercatoError:
    """``error`` from SQLite or its bindings as a DataError (rows or file are wrong) or BackendError (try again)."""
    if isinstance(error, MercatoError):
        return error
    name = getattr(error, "sqlite_errorname", "")
    for prefix, (what, hint) in _DISK.items():
        if name.startswith(prefix):
            return BackendError(what, where=str(path), hint=hint)
    for prefix, (what, hint) in _FILE.items():
        if name.startswith(prefix):
            return DataError(what, where=str(path), hint=hint)
    if isinstance(error, WRONG_ROWS):
        return DataError(f"a row cannot be kept: {error}", where=str(path), hint="check the types of its fields")
    return BackendError(f"the shop's database failed: {error}", where=str(path))


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """SQLite's errors inside the block leave it as Mercato's."""
    try:
        yield
    except sqlite3.Error as error:
        raise plain(error, path) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's writes, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def connect(path: Path, mode: Literal["ro", "rw", "rwc"], cache_mib: int = 16) -> sqlite3.Connection:
    """A connection that one thread at a time may use, without implicit transactions.

    Writers get the write-ahead log with an fsync at each commit (on macOS one that reaches the platter).
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA cache_size = " + str(-1024 * cache_mib))
        if mode == "ro":
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA journal_size_limit = " + str(WAL_LIMIT_BYTES))
    except BaseException:
        connection.close()
        raise
    return connection


class Readers:
    """Read-only connections to one file, each borrowed by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._open = True

    @contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """A connection for the length of the block; raises BackendError when closed or in a forked child."""
        refuse_fork(self._pid, self._path)
        with self._lock:
            if not self._open:
                raise BackendError("the shop's store is closed", where=str(self._path), hint="open it again")
            connection = self._idle.pop() if self._idle else None
        with said_plainly(self._path):
            connection = connection or connect(self._path, "ro")
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._lock:
            if self._open and len(self._idle) < IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle now, and the rest when it comes back; leaves a parent's alone in a forked child."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            self._open = False
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def refuse_fork(pid: int, path: Path) -> None:
    """Raises BackendError when this process is not ``pid``: SQLite's handles do not survive a fork."""
    if os.getpid() != pid:
        raise BackendError(
            "this store was opened before a fork", where=str(path), hint="open the shop again in the child process"
        )
