"""Frames of clean rows in, nouns out, and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import polars as pl
import pyarrow as pa

from mercato.codec import dumps
from mercato.data.batch import COLUMNS
from mercato.schema import Interaction, Product, Review


def products(frame: pl.DataFrame) -> Iterator[Product]:
    """One Product per row of a "products" frame."""
    for row in frame.iter_rows(named=True):
        given = row["attributes"]
        yield Product(
            **{
                **row,
                "categories": tuple(row["categories"] or ()),
                "images": tuple(row["images"] or ()),
                "attributes": {name: tuple(found) for name, found in orjson.loads(given or "{}").items()},
                "availability": row["availability"] or "in-stock",
                "sellable": row["sellable"] is not False,
            }
        )


def interactions(frame: pl.DataFrame) -> Iterator[Interaction]:
    """One Interaction per row of an "events" frame."""
    return (Interaction(**row) for row in frame.iter_rows(named=True))


def reviews(frame: pl.DataFrame) -> Iterator[Review]:
    """One Review per row of a "reviews" frame."""
    return (Review(**row) for row in frame.iter_rows(named=True))


def to_frame(kind: str, nouns: Sequence[Any]) -> pl.DataFrame:
    """Nouns (for shoppers: id and attributes) as a frame with the columns of ``kind``."""
    columns = {}
    for place, (name, dtype) in enumerate(COLUMNS[kind].items()):
        cells = [noun[place] if kind == "shoppers" else getattr(noun, name) for noun in nouns]
        if name == "attributes":
            cells = [dumps(cell).decode() for cell in cells]
        elif isinstance(dtype, pl.List):
            columns[name] = pl.Series(name, pa.array(cells, pa.large_list(pa.large_string())), dtype)
            continue
        columns[name] = pl.Series(name, cells, dtype)
    return pl.DataFrame(columns)
