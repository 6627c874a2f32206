"""The first bytes of a file in; what it is, a sample of it, and how to read the rest out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mercato.data.batch import Rejected
from mercato.data.compressed import open_plain
from mercato.data.csv_records import sniff_delimiter
from mercato.data.formats.format import Sample
from mercato.data.lines import read_lines
from mercato.data.read import Chunk, Record, array_chunks, csv_chunks, csv_header, json_chunks, parquet_chunks
from mercato.errors import DataError

Reader = Callable[[Path, str, Sequence[str]], Iterator[Chunk]]
_SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Look:
    """A sample, and ``chunks(path, delimiter, columns)`` to read it all; the last two matter for delimited text."""

    sample: Sample
    chunks: Reader


def look_at(path: Path) -> Look:
    """Parquet, JSON or delimited text, compressed or not; raises DataError for anything else and for empty files."""
    with open_plain(path) as stream:
        if stream.read(4) == b"PAR1":
            return _parquet(path)
    with open_plain(path) as stream:
        lines = (line for line in read_lines(stream) if isinstance(line, Rejected) or line.text.strip())
        first = next(lines, None)
    if first is None:
        raise DataError("the file has nothing but blank lines", where=str(path))
    text = first.row if isinstance(first, Rejected) else first.text.strip()
    if text.startswith("<"):
        raise DataError("XML and HTML are not read", where=str(path), hint="export the feed as CSV, TSV or JSONL")
    if text.startswith("["):
        return _json(path, array_chunks)
    return _json(path, json_chunks) if text.startswith("{") else _delimited(path, text)


def _parquet(path: Path) -> Look:
    try:
        columns = tuple(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"the Parquet file cannot be read: {error}", where=str(path)) from error
    first = next(parquet_chunks(path), None)
    if first is None:
        raise DataError("the file has no rows", where=str(path))
    records = tuple(record for _, record in islice(first.pairs(), _SAMPLE))
    return Look(Sample(str(path), columns, records), lambda path, _, __: parquet_chunks(path))


def _json(path: Path, chunks: Callable[[Path], Iterator[Chunk]]) -> Look:
    records: list[Record] = []
    refused: Rejected | None = None
    for chunk in chunks(path):
        records += [record for _, record in islice(chunk.records, _SAMPLE)]
        refused = refused or next(iter(chunk.rejected), None)
        if records:
            break
    if not records:
        reason = f"line {refused.line}: {refused.reason}" if refused else "no objects"
        raise DataError(f"the file has no JSON object ({reason})", where=str(path))
    columns = dict.fromkeys(str(name) for record in records for name in record)
    return Look(Sample(str(path), tuple(columns), tuple(records)), lambda path, _, __: chunks(path))


def _delimited(path: Path, first: str) -> Look:
    delimiter = sniff_delimiter(first)
    columns = csv_header(path, delimiter)

    def chunks(path: Path, wanted: str, named: Sequence[str]) -> Iterator[Chunk]:
        cut = wanted or delimiter
        return csv_chunks(path, cut, named or csv_header(path, cut), header=not named)

    return Look(Sample(str(path), tuple(columns), delimiter=delimiter, first=first), chunks)
