"""What an import gives: typed clean rows in batches, and the rows that were refused with the reason why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

TIME = pl.Datetime("us", "UTC")

COLUMNS: Mapping[str, Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "products": {
        "id": pl.String,
        "title": pl.String,
        "description": pl.String,
        "categories": pl.List(pl.String),
        "brand": pl.String,
        "price": pl.Int64,
        "currency": pl.String,
        "cost": pl.Int64,
        "availability": pl.String,
        "quantity": pl.Int64,
        "images": pl.List(pl.String),
        "attributes": pl.String,
        "rating": pl.Float64,
        "rating_count": pl.Int64,
        "group_id": pl.String,
        "created_at": TIME,
        "url": pl.String,
        "language": pl.String,
        "sellable": pl.Boolean,
    },
    "events": {
        "type": pl.String,
        "shopper_id": pl.String,
        "at": TIME,
        "product_id": pl.String,
        "quantity": pl.Int64,
        "value": pl.Int64,
        "currency": pl.String,
        "query": pl.String,
        "slate_id": pl.String,
        "position": pl.Int64,
        "session_id": pl.String,
        "event_id": pl.String,
    },
    "reviews": {
        "product_id": pl.String,
        "shopper_id": pl.String,
        "rating": pl.Float64,
        "title": pl.String,
        "text": pl.String,
        "at": TIME,
        "language": pl.String,
    },
    "shoppers": {"id": pl.String, "attributes": pl.String},
    "relations": {
        "shopper_id": pl.String,
        "friend_id": pl.String,
        "type": pl.String,
        "weight": pl.Float64,
        "at": TIME,
    },
    "prices": {"product_id": pl.String, "week": pl.Int64, "price": pl.Int64, "currency": pl.String},
}
"""Columns of a batch's frame by kind. Money is minor units; ``attributes`` is JSON text, name → list of values; text
that a row does not have is "", never null; ``week`` counts from 1 in the source's own calendar."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "products": ("id", "title"),
    "events": ("type", "shopper_id", "at"),
    "reviews": ("product_id",),
    "shoppers": ("id",),
    "relations": ("shopper_id", "friend_id"),
}
"""Columns without which a file of that kind cannot be read."""

KINDS = tuple(COLUMNS)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was refused: ``line`` in the source (1 = first line; a row number for tables), what was wrong with
    which ``field`` ("" = the whole row), and the ``row`` itself, cut to 2,000 characters."""

    line: int
    field: str
    reason: str
    row: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "row", self.row[:2000])


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one kind: ``frame`` has exactly the columns of ``COLUMNS[kind]``; ``repeated`` rows said an id again
    (products: the last one counts; events: the first)."""

    kind: str
    frame: pl.DataFrame
    rejected: list[Rejected] = field(default_factory=list)
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """Something to import. ``kind`` is one of KINDS, or "mixed" where batches differ; ``name`` is for messages."""

    kind: str
    format: str
    name: str
    opened: Callable[[], Iterator[Batch]]

    def batches(self) -> Iterator[Batch]:
        """The rows from the start, about 50,000 a batch; raises DataError when the source cannot be read on."""
        return self.opened()


def conform(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """``frame`` with exactly the columns of its kind, in order; missing ones null or ""."""
    columns = []
    for name, dtype in COLUMNS[kind].items():
        column = pl.col(name) if name in frame.columns else pl.lit(None)
        column = column.cast(dtype)
        columns.append((column.fill_null("") if dtype == pl.String else column).alias(name))
    return frame.select(columns)
