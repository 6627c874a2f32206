"""Many threads' writes in, few commits out: one thread writes, and each commit carries all that waits (group commit).

Gray and Reuter, "Transaction Processing", 1993, section 9.4: the cost of one fsync is shared by everybody who asked
while the last one ran. No one is made to wait longer than that.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mercato.errors import BackendError
from mercato.stores.connect import WRONG_ROWS, plain, refuse_fork, transaction

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]
"""Rows into tables, inside a transaction somebody else opened."""

GROUP = 512
"""At most so many writes share a commit, so that the first of them need not wait for a crowd."""
GATHER_SECONDS = 0.1
"""How long writes that nobody waits for may lie, to share a commit."""
ASIDES = 10_000
"""At most so many writes that nobody waits for are held; then the oldest goes."""
TURN_SECONDS = 600.0
"""How long a write waits for a running import."""


@dataclass(frozen=True, slots=True)
class _Job:
    write: Write[Any]
    done: Future[Any]


class Writer:
    """The only writer of one file, in a thread of its own.

    A write that fails because of its own rows fails alone; when the disk fails, every write of that commit fails
    with BackendError, none is acknowledged, and the next commit tries afresh.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.dropped = 0
        self._connection, self._path = connection, path
        self._pid = os.getpid()
        self._wake = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._asides: deque[_Job] = deque()
        self._closing = False
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="mercato-writer", daemon=True)
        self._thread.start()

    def submit(self, write: Write[T]) -> Future[T]:
        """Queue ``write``; its future is done once the commit is on disk. Raises BackendError when closed."""
        job = _Job(write, Future())
        with self._open():
            self._jobs.append(job)
            self._wake.notify()
        return job.done

    def offer(self, write: Write[Any]) -> None:
        """Queue a ``write`` that nobody waits for; when too many wait, the oldest is dropped and counted."""
        with self._open():
            if len(self._asides) >= ASIDES:
                self._asides.popleft()
                self.dropped += 1
            job = _Job(write, Future())
            job.done.add_done_callback(self._count_failure)
            self._asides.append(job)
            if len(self._asides) == 1:
                self._wake.notify()

    def drop(self) -> None:
        """Count one write that never came to be."""
        with self._wake:
            self.dropped += 1

    def _count_failure(self, done: Future[Any]) -> None:
        if done.exception() is not None:
            self.drop()

    def flush(self) -> None:
        """Return when everything offered so far is on disk or dropped."""
        wait([self.submit(lambda _: None)])

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else writes during the block; raises BackendError after ten minutes of waiting."""
        refuse_fork(self._pid, self._path)
        if not self._turn.acquire(timeout=TURN_SECONDS):
            raise BackendError("an import has held the shop for ten minutes", where=str(self._path), hint="try later")
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Write what is queued, then stop; does nothing a second time or in a forked child."""
        if os.getpid() != self._pid:
            return
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._connection.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        refuse_fork(self._pid, self._path)
        with self._wake:
            if self._closing:
                raise BackendError("the shop's store is closed", where=str(self._path), hint="open it again")
            yield

    def _run(self) -> None:
        while group := self._take():
            self._commit(group)

    def _take(self) -> list[_Job]:
        """The next group, asides first: what was shown is on disk before what it led to. Empty: time to stop."""
        with self._wake:
            self._wake.wait_for(lambda: self._jobs or self._asides or self._closing)
            if not self._jobs:
                self._wake.wait_for(lambda: self._jobs or self._closing, timeout=GATHER_SECONDS)
            group = [*self._asides]
            self._asides.clear()
            while self._jobs and len(group) < GROUP:
                group.append(self._jobs.popleft())
        return group

    def _commit(self, group: Sequence[_Job]) -> None:
        # A caller may have given up meanwhile (a cancelled request): nothing was acknowledged, nothing is written.
        wanted = [job for job in group if job.done.running() or job.done.set_running_or_notify_cancel()]
        try:
            with self.turn(), transaction(self._connection):
                results = [job.write(self._connection) for job in wanted]
        except Exception as error:  # whatever it was, nobody may be left waiting
            self._refuse(wanted, error)
        else:
            for job, result in zip(wanted, results, strict=True):
                job.done.set_result(result)

    def _refuse(self, group: Sequence[_Job], error: Exception) -> None:
        if len(group) > 1 and isinstance(error, WRONG_ROWS):
            for job in group:
                self._commit([job])
            return
        for job in group:
            failure = plain(error, self._path)
            failure.__cause__ = error
            job.done.set_exception(failure)
