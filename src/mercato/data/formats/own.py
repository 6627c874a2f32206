"""Tables with Mercato's own column names or their common aliases in; the kind is told by the columns."""

from __future__ import annotations

import polars as pl

from mercato.data.aliases import kind_of
from mercato.data.formats.format import Format, Sample


def own(kind: str) -> Format:
    """The format for rows of ``kind``, columns by name or alias."""

    def tables(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
        return {kind: frame}

    return Format("own", (kind,), sniff=_nameable, tables=tables)


def _nameable(sample: Sample) -> bool:
    return kind_of(sample.columns) is not None
