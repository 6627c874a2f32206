"""Bytes in, lines out, in bounded memory: a line too long is skipped and told, broken UTF-8 is told with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from mercato.data.batch import Rejected

LONGEST = 1 << 20
"""Bytes of the longest line (and CSV record) that is read: 1 MiB."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end: its ``number`` from 1, the byte ``offset`` it starts at, its ``text``."""

    number: int
    offset: int
    text: str


def read_lines(stream: IO[bytes]) -> Iterator[Line | Rejected]:
    """Every line of ``stream`` as UTF-8 (a byte-order mark is dropped), or why it cannot be read."""
    offset, number = 0, 0
    while data := stream.readline(LONGEST + 1):
        number += 1
        start, offset = offset, offset + len(data)
        if len(data) > LONGEST and not data.endswith(b"\n"):
            offset += _skip(stream)
            reason = f"the line has {offset - start:,} bytes; the longest that is read has {LONGEST:,}"
            yield Rejected(number, "", reason, data[:2000].decode("utf-8", "replace"))
            continue
        if number == 1 and data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        yield _decoded(number, start, data.rstrip(b"\r\n"))


def _skip(stream: IO[bytes]) -> int:
    """Read on to the end of the line without keeping it; how many bytes that were."""
    skipped = 0
    while data := stream.readline(LONGEST):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped


def _decoded(number: int, offset: int, data: bytes) -> Line | Rejected:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = offset + error.start
        reason = f"not UTF-8 at byte {place:,} of the file (byte {error.start + 1:,} of the line)"
        return Rejected(number, "", reason, data[:2000].decode("utf-8", "replace"))
    if "\x00" in text:
        return Rejected(number, "", "a NUL byte", text)
    return Line(number, offset, text)
