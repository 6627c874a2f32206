"""A path in, plain bytes out: gzip and Zstandard are told by their first bytes, not by the name."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

import pyarrow as pa

from mercato.errors import DataError

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF", b"\xd0\xcf\x11\xe0": "an old Excel file", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text",
}  # fmt: skip
BOMB_RATIO, BOMB_BYTES = 200, 1 << 30
"""Data that grows more than 200-fold and past 1 GiB is taken for a decompression bomb."""


class _Guarded(io.RawIOBase):
    """Decompressed bytes that stop with a DataError when they look like a bomb or are cut off."""

    def __init__(self, stream: IO[bytes], source: Path) -> None:
        self._stream, self._source = stream, source
        self._most = max(BOMB_BYTES, BOMB_RATIO * source.stat().st_size)
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
            raise DataError(
                f"the compressed data breaks off or is damaged after {self._given:,} bytes",
                where=str(self._source),
                hint="copy the file again, or decompress it yourself and import the plain file",
            ) from error
        self._given += len(data)
        if self._given > self._most:
            raise DataError(
                f"the file decompresses to more than {BOMB_RATIO} times its size and {BOMB_BYTES >> 30} GiB",
                where=str(self._source),
                hint="decompress it yourself if that is right, and import the plain file",
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def open_plain(path: Path) -> BinaryIO:
    """The file's bytes, decompressed; raises DataError when it is missing, empty, or in a container nobody reads."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except (OSError, ValueError) as error:
        raise DataError(f"the file cannot be opened: {error}", where=str(path)) from error
    if not head:
        raise DataError("the file is empty", where=str(path))
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            raise DataError(
                f"this is {name}", where=str(path), hint="give CSV, JSONL or Parquet in UTF-8, or gz or zst"
            )
    if head.startswith(_GZIP):
        return io.BufferedReader(_Guarded(cast(IO[bytes], gzip.open(path, "rb")), path), 1 << 18)
    if head.startswith(_ZSTD):
        stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return io.BufferedReader(_Guarded(stream, path), 1 << 18)
    return path.open("rb", buffering=1 << 18)
