"""Bytes in, lines out, in bounded memory: a line too long is skipped and told, broken UTF-8 is told with its place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from mercato.data.batch import Rejected

LONGEST = 1 << 20
"""Bytes of the longest line (and CSV record) that is read: 1 MiB."""
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its end, and its number from 1."""

    number: int
    text: str


def read_lines(stream: BinaryIO) -> Iterator[Line | Rejected]:
    """Every line of ``stream`` as UTF-8 (a byte-order mark is dropped), or why it cannot be read.

    Whole blocks are decoded at once; only a block with something wrong in it is taken line by line.
    """
    offset, number = 0, 0
    while block := stream.read(LONGEST):
        if not block.endswith(b"\n"):
            block += stream.readline(LONGEST + 1)
        lines = _clean_lines(block[3:] if offset == 0 and block.startswith(_BOM) else block)
        if lines is not None:
            yield from map(Line, range(number + 1, number + 1 + len(lines)), lines)
            number, offset = number + len(lines), offset + len(block)
            continue
        for data in io.BytesIO(block):
            number += 1
            start, offset = offset, offset + len(data)
            if offset - start > LONGEST and not data.endswith(b"\n"):
                offset += _skip(stream)
            yield _line(number, start, offset, data)


def _clean_lines(block: bytes) -> list[str] | None:
    """The lines of a block in which nothing is wrong; None where the slow way must look."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        return None
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()
    return None if "\x00" in text or max(map(len, lines), default=0) > LONGEST // 4 else lines


def _skip(stream: BinaryIO) -> int:
    """Read on to the end of the line without keeping it; how many bytes that were."""
    skipped = 0
    while data := stream.readline(LONGEST):
        skipped += len(data)
        if data.endswith(b"\n"):
            break
    return skipped


def _line(number: int, start: int, end: int, data: bytes) -> Line | Rejected:
    shown = data[:2000].decode("utf-8", "replace")
    if end - start > LONGEST:
        return Rejected(number, "", f"the line has {end - start:,} bytes; the longest read has {LONGEST:,}", shown)
    data = data.removeprefix(_BOM) if start == 0 else data
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        place = f"byte {start + error.start + 1:,} of the file, byte {error.start + 1:,} of the line"
        return Rejected(number, "", f"not UTF-8 at {place}", shown)
    return Rejected(number, "", "a NUL byte", shown) if "\x00" in text else Line(number, text)
