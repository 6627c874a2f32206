"""Chunks of raw rows in one format in, batches of clean rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from mercato.data.batch import Batch, Rejected
from mercato.data.clean import Cleaner
from mercato.data.formats.format import Format, Record
from mercato.data.read import Chunk
from mercato.data.rows import BATCH, from_records


def convert(chunks: Iterable[Chunk], format: Format, kind: str | None, now: datetime) -> Iterator[Batch]:
    """Batches of ``kind`` (None: of every kind the format gives). What could not be read rides on the next batch."""
    cleaner, unread = Cleaner(now), list[Rejected]()
    converted = (
        _by_table(chunks, format, cleaner, unread) if format.rows is None else _by_row(chunks, format, cleaner, unread)
    )
    for batch in converted:
        if kind is None or batch.kind == kind:
            yield replace(batch, rejected=[*unread, *batch.rejected])
            unread.clear()
    if unread:
        first = kind or format.kinds[0]
        yield replace(cleaner.clean(first, from_records([])), rejected=unread)


def _by_table(chunks: Iterable[Chunk], format: Format, cleaner: Cleaner, unread: list[Rejected]) -> Iterator[Batch]:
    assert format.tables is not None
    for chunk in chunks:
        unread += chunk.rejected
        frame = chunk.frame()
        if len(frame):
            for kind, table in format.tables(frame).items():
                yield cleaner.clean(kind, table)


def _by_row(chunks: Iterable[Chunk], format: Format, cleaner: Cleaner, unread: list[Rejected]) -> Iterator[Batch]:
    assert format.rows is not None
    waiting: dict[str, list[tuple[int, Record]]] = {}
    for line, kind, record in format.rows(_pairs(chunks, unread)):
        rows = waiting.setdefault(kind, [])
        rows.append((line, record))
        if len(rows) >= BATCH:
            yield cleaner.clean(kind, from_records(waiting.pop(kind)))
    for kind, rows in waiting.items():
        yield cleaner.clean(kind, from_records(rows))


def _pairs(chunks: Iterable[Chunk], unread: list[Rejected]) -> Iterator[tuple[int, Record]]:
    for chunk in chunks:
        unread += chunk.rejected
        yield from chunk.pairs()
