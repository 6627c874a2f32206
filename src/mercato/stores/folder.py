"""A shop's folder: made, synced, and held by one writer; the system takes it back when the process dies."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from mercato.errors import DataError


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it; raises DataError where that is not permitted."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the shop's folder cannot be made: {error.strerror}", where=str(folder), hint="choose another place"
        ) from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on disk, not only the files' contents."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class FolderLock:
    """Held from construction to ``release``; raises DataError, naming the holder, when another has it.

    flock(2) on the file ``lock``: the kernel frees it on any kind of death, so a stale one cannot be. The process
    number inside only serves the message.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise DataError(
                f"the shop's folder cannot be written: {error.strerror}",
                where=str(path),
                hint="check the folder's permissions, or open the shop read-only",
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise DataError(
                f"another process (pid {holder}) is writing to this shop",
                where=str(folder),
                hint="stop it, ask it over HTTP, or open the shop read-only",
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        _HELD.add(self)

    def release(self) -> None:
        """Let another process write; a second time does nothing."""
        if self in _HELD:
            _HELD.discard(self)
            os.close(self._file)


_HELD: weakref.WeakSet[FolderLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    # A forked child shares the lock; were it to outlive a killed parent, nobody could open the shop again.
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
