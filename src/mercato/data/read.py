"""Files and tables in, chunks of raw rows out, streamed: what is in memory does not grow with the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from mercato.data.batch import Rejected
from mercato.data.compressed import open_plain
from mercato.data.csv_records import read_records
from mercato.data.lines import Line, read_lines
from mercato.data.rows import BATCH, LINE, from_records, numbered
from mercato.errors import DataError

JSON_BATCH = 10_000  # nested records are large
LARGEST_ARRAY = 256 << 20
Record = Mapping[str, Any]


@dataclass(slots=True)
class Chunk:
    """Raw rows as a frame with ``_line`` or as (line, record) pairs, and what could not even be read."""

    table: pl.DataFrame | None = None
    records: Sequence[tuple[int, Record]] = ()
    rejected: list[Rejected] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """The rows as a frame."""
        return from_records(self.records) if self.table is None else self.table

    def pairs(self) -> Iterable[tuple[int, Record]]:
        """The rows as (line, record) pairs."""
        if self.table is None:
            return self.records
        rows = self.table.drop(LINE).iter_rows(named=True)
        return zip(self.table[LINE].to_list(), rows, strict=True)


def csv_header(path: Path, delimiter: str) -> list[str]:
    """The cells of the first record; raises DataError when there is none."""
    with open_plain(path) as stream:
        first = next(read_records(read_lines(stream), delimiter), None)
    if first is None:
        raise DataError("the file has no rows", where=str(path))
    if isinstance(first, Rejected):
        raise DataError(f"the header cannot be read: {first.reason}", where=f"{path}, line {first.line}")
    return [name.strip() for name in first[1]]


def csv_chunks(path: Path, delimiter: str, columns: Sequence[str], *, header: bool) -> Iterator[Chunk]:
    """CSV rows as text columns; a record with another number of cells than ``columns`` is refused."""
    with open_plain(path) as stream:
        records = read_records(read_lines(stream), delimiter)
        if header:
            next(records)
        lines: list[int] = []
        rows: list[list[str]] = []
        rejected: list[Rejected] = []
        for record in records:
            if isinstance(record, Rejected):
                rejected.append(record)
            elif len(record[1]) != len(columns):
                rejected.append(_wrong_width(record, delimiter, len(columns)))
            else:
                lines.append(record[0])
                rows.append(record[1])
            if len(rows) + len(rejected) >= BATCH:
                yield Chunk(_text_table(columns, lines, rows), rejected=rejected)
                lines, rows, rejected = [], [], []
        if rows or rejected:
            yield Chunk(_text_table(columns, lines, rows), rejected=rejected)


def _wrong_width(record: tuple[int, list[str]], delimiter: str, width: int) -> Rejected:
    line, cells = record
    return Rejected(line, "", f"{len(cells)} cells where the header has {width}", delimiter.join(cells))


def _text_table(columns: Sequence[str], lines: list[int], rows: list[list[str]]) -> pl.DataFrame:
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    named = {name: pl.Series(column, dtype=pl.String) for name, column in zip(columns, cells, strict=True) if name}
    return pl.DataFrame({LINE: pl.Series(lines, dtype=pl.Int64), **named})


def json_chunks(path: Path) -> Iterator[Chunk]:
    """One JSON object a line; anything else on a line is refused with the parser's reason."""
    with open_plain(path) as stream:
        pairs: list[tuple[int, Record]] = []
        rejected: list[Rejected] = []
        for line in read_lines(stream):
            found = line if isinstance(line, Rejected) else _object(line)
            if isinstance(found, Rejected):
                rejected.append(found)
            elif found is not None:
                pairs.append(found)
            if len(pairs) + len(rejected) >= JSON_BATCH:
                yield Chunk(records=pairs, rejected=rejected)
                pairs, rejected = [], []
        if pairs or rejected:
            yield Chunk(records=pairs, rejected=rejected)


def _object(line: Line) -> tuple[int, Record] | Rejected | None:
    if not line.text.strip():
        return None
    try:
        found = orjson.loads(line.text)
    except orjson.JSONDecodeError as error:
        return Rejected(line.number, "", f"not JSON: {error.msg}", line.text)
    if not isinstance(found, dict):
        return Rejected(line.number, "", "not a JSON object", line.text)
    return line.number, found


def array_chunks(path: Path) -> Iterator[Chunk]:
    """A JSON array of objects, read whole; ``_line`` is the place in the array. Raises DataError above 256 MiB."""
    with open_plain(path) as stream:
        data = stream.read(LARGEST_ARRAY + 1)
    if len(data) > LARGEST_ARRAY:
        raise DataError("a JSON array this large cannot be streamed", where=str(path), hint="write one object a line")
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DataError(f"not JSON: {error}", where=str(path)) from error
    return record_chunks(found)


def record_chunks(records: Iterable[Any]) -> Iterator[Chunk]:
    """Dicts from any iterable; what is no dict is refused."""
    pairs: list[tuple[int, Record]] = []
    rejected: list[Rejected] = []
    for number, record in enumerate(records, 1):
        if isinstance(record, Mapping):
            pairs.append((number, record))
        else:
            rejected.append(Rejected(number, "", "not an object with named values", repr(record)))
        if len(pairs) + len(rejected) >= JSON_BATCH:
            yield Chunk(records=pairs, rejected=rejected)
            pairs, rejected = [], []
    if pairs or rejected:
        yield Chunk(records=pairs, rejected=rejected)


def parquet_chunks(path: Path) -> Iterator[Chunk]:
    """Row groups of a Parquet file, ``_line`` = row number."""
    try:
        first = 1
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH):
                frame = pl.from_arrow(pa.Table.from_batches([batch]))
                assert isinstance(frame, pl.DataFrame)
                yield Chunk(numbered(frame, first))
                first += len(frame)
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"the Parquet file cannot be read: {error}", where=str(path)) from error


def table_chunks(frame: pl.DataFrame) -> Iterator[Chunk]:
    """Slices of a frame in memory."""
    for start in range(0, len(frame), BATCH):
        yield Chunk(numbered(frame.slice(start, BATCH), start + 1))
