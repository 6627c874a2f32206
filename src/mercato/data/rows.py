"""Raw rows as one table: records of any shape in, a frame with ``_line`` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import polars as pl

LINE = "_line"
"""The column that says where in its source a row stood, from 1."""
BATCH = 50_000
"""Rows a batch."""


def row_text(row: Any) -> str:
    """A raw row (or one cell of it) as one line of JSON, for the list of rejected rows."""
    try:
        return orjson.dumps(row, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, UnicodeEncodeError):
        try:
            return repr(row)
        except RecursionError:  # deeper than Python can print, though not than orjson can read
            return f"a {type(row).__name__} nested too deep to show"


def from_records(records: Sequence[tuple[int, Mapping[str, Any]]]) -> pl.DataFrame:
    """(line, record) pairs as a frame; a column of mixed types becomes text, lists and maps become JSON text."""
    names = dict.fromkeys(str(name) for _, record in records for name in record)
    columns = [pl.Series(LINE, [line for line, _ in records], pl.Int64)]
    columns += [_column(name, [record.get(name) for _, record in records]) for name in names if name != LINE]
    return pl.DataFrame(columns)


def _column(name: str, cells: list[Any]) -> pl.Series:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds <= {int, float} and len(kinds) == 2:
        cells = [None if cell is None else float(cell) for cell in cells]
    if kinds <= {str} or kinds <= {int, float} or (len(kinds) == 1 and not kinds & {list, dict, tuple}):
        try:
            return pl.Series(name, cells, pl.String if kinds <= {str} else None)
        except (TypeError, OverflowError, UnicodeEncodeError, pl.exceptions.PolarsError):
            pass  # integers beyond 64 bits, half surrogates, objects: as text
    return pl.Series(name, [_as_text(cell) for cell in cells], pl.String)


def _as_text(cell: Any) -> str | None:
    if cell is None:
        return None
    text = row_text(cell) if isinstance(cell, dict | list | tuple) else str(cell)
    return text.encode("utf-8", "replace").decode()


def numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    """``frame`` with its rows numbered from ``first``."""
    return frame.with_columns(pl.int_range(first, first + pl.len(), dtype=pl.Int64).alias(LINE))
