"""What a format is: how it is recognised, and how its rows become Mercato's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from mercato.data.aliases import key

Record = Mapping[str, Any]
Rows = Iterable[tuple[int, Record]]
Typed = Iterator[tuple[int, str, Record]]
"""(line, kind, record) with Mercato's field names or aliases."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first look at a source: its ``name``, its column names as written, its first few records.

    ``delimiter`` is "" for anything but delimited text; there ``first`` is the first line.
    """

    name: str
    columns: tuple[str, ...]
    records: tuple[Record, ...] = ()
    delimiter: str = ""
    first: str = ""

    def has(self, *names: str) -> bool:
        """Whether every one of ``names`` is a column, capitals and punctuation aside."""
        return {key(name) for name in names} <= {key(column) for column in self.columns}


@dataclass(frozen=True, slots=True)
class Format:
    """``kinds`` are what its files hold; exactly one of ``rows`` (record by record) and ``tables`` (whole columns: a
    raw frame to a frame per kind) says how. ``columns`` are the names where files have no header."""

    name: str
    kinds: tuple[str, ...]
    sniff: Callable[[Sample], bool]
    rows: Callable[[Rows], Typed] | None = None
    tables: Callable[[pl.DataFrame], Mapping[str, pl.DataFrame]] | None = None
    columns: tuple[str, ...] = ()
    delimiter: str = ""


def given(record: Record, *names: str) -> Any:
    """The first of ``names`` that the record has a value for; None where it has none."""
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)
