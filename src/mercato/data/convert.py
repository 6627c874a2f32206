"""Chunks of raw rows in one format in, batches of clean rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import polars as pl

from mercato.data.batch import Batch, Rejected
from mercato.data.clean import Cleaner
from mercato.data.formats.format import Format, Record
from mercato.data.read import Chunk
from mercato.data.rows import BATCH, from_records


def convert(chunks: Iterable[Chunk], format: Format, kind: str | None, now: datetime) -> Iterator[Batch]:
    """Batches of ``kind`` (None: of every kind the format gives). What could not be read rides on the next batch."""
    cleaner, unread = Cleaner(now), list[Rejected]()
    step = _by_table if format.rows is None else _by_row
    for name, raw in step(chunks, format, unread):
        if kind is None or name == kind:
            batch = cleaner.clean(name, raw)
            yield replace(batch, rejected=[*unread, *batch.rejected])
            unread.clear()
    if unread:
        nothing = cleaner.clean(kind or format.kinds[0], from_records([]))
        yield replace(nothing, rejected=unread)


def _by_table(chunks: Iterable[Chunk], format: Format, unread: list[Rejected]) -> Iterator[tuple[str, pl.DataFrame]]:
    assert format.tables is not None
    for chunk in chunks:
        unread += chunk.rejected
        frame = chunk.frame()
        if len(frame):
            yield from format.tables(frame).items()


def _by_row(chunks: Iterable[Chunk], format: Format, unread: list[Rejected]) -> Iterator[tuple[str, pl.DataFrame]]:
    assert format.rows is not None
    waiting: dict[str, list[tuple[int, Record]]] = {}
    for line, kind, record in format.rows(_pairs(chunks, unread)):
        rows = waiting.setdefault(kind, [])
        rows.append((line, record))
        if len(rows) >= BATCH:
            yield kind, from_records(waiting.pop(kind))
    for kind, rows in waiting.items():
        yield kind, from_records(rows)


def _pairs(chunks: Iterable[Chunk], unread: list[Rejected]) -> Iterator[tuple[int, Record]]:
    for chunk in chunks:
        unread += chunk.rejected
        yield from chunk.pairs()
