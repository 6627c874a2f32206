"""Which version of a folder counts: CURRENT, read as far as it can be trusted and written atomically."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

import orjson

from mercato.codec import dumps

CURRENT = "CURRENT"
DRAFT = ".draft-"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_REMEMBERED = 20
"""How many versions CURRENT remembers to have been current."""


class Pointer(NamedTuple):
    """What CURRENT says: ``version`` "" is nobody's choice yet; ``before``, the last one last, is None where an older
    Mercato wrote it."""

    version: str
    sequence: int
    before: tuple[str, ...] | None


NOBODY = Pointer("", 0, ())


def after(pointer: Pointer | None, version: str, sequence: int) -> Pointer:
    """What CURRENT says once ``version`` is chosen."""
    if pointer is None or not pointer.version:
        return Pointer(version, sequence, ())
    before = tuple(name for name in (*(pointer.before or ()), pointer.version) if name != version)
    return Pointer(version, sequence, before[-_REMEMBERED:])


def read(root: Path) -> Pointer | None:
    """What CURRENT says; None where it is missing or damaged."""
    try:
        record = orjson.loads((root / CURRENT).read_bytes())
        version, sequence = record["version"], int(record["sequence"])
        before = None if record.get("before") is None else tuple(map(str, record["before"]))
        named = version == "" or VERSION.fullmatch(version)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Pointer(version, sequence, before) if named else None


def write(root: Path, pointer: Pointer) -> None:
    """Make CURRENT say ``pointer``: a reader sees the old one or the new one, after a power cut too."""
    handle, draft = tempfile.mkstemp(prefix=DRAFT, dir=root)
    with os.fdopen(handle, "wb") as file:
        file.write(dumps({name: value for name, value in pointer._asdict().items() if value is not None}))
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    Path(draft).replace(root / CURRENT)
    sync(root)


def sync(path: Path) -> None:
    """Have the disk keep what was written to a file or folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
