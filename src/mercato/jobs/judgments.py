"""A file of judgments and a catalogue in, queries with graded products out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from mercato.catalog import Catalog
from mercato.data.aliases import key
from mercato.data.rows import LINE
from mercato.data.sniff import look_at
from mercato.errors import DataError
from mercato.schema import Rows

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "query": ("search_query", "keywords", "q"),
    "product_id": ("product", "item_id", "item", "doc_id", "id", "sku", "asin", "upc"),
    "grade": ("label", "relevance", "rel", "rating"),
}
"""Each column of judgments and other names for it; capitals, spaces, "_" and "-" do not count."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One query: catalogue row → grade (0 and up); rows left out were not judged. ``slice`` is the kind of query."""

    query: str
    grades: Mapping[int, float]
    slice: str = ""

    @property
    def wanted(self) -> Rows:
        """The rows of a grade above 0."""
        return np.array([row for row, grade in self.grades.items() if grade > 0], np.int32)


@dataclass(frozen=True)
class Judgments:
    """``queries`` in the order of the file, and an ``account`` of what they were made of and what was left out."""

    queries: tuple[Judged, ...]
    account: Mapping[str, Any] = field(default_factory=dict)


def read_judgments(path: Path | str, catalog: Catalog) -> Judgments:
    """Read ``path`` (CSV, TSV, JSONL or Parquet; gzip and zstd too): columns query, product_id, grade and, if there,
    slice. Of a product judged twice for a query the highest grade counts.

    Judgments of products that the catalogue does not have are left out and counted, and so is a query that has no
    other, since nobody could find anything; a query of which all is judged 0 stays. Raises DataError for a file
    without these columns, and for a grade that is no number from 0 up, with its line.
    """
    found: dict[tuple[str, str], dict[int, float]] = {}
    find, unknown, queries = Finder(catalog), 0, set()
    for one in read_lines(path):
        row = find(one.product)
        queries.add((one.slice, one.query))
        unknown += row is None
        if row is not None:
            judged = found.setdefault((one.slice, one.query), {})
            judged[row] = max(judged.get(row, 0.0), one.grade)
    if not found:
        raise DataError("no judged product is in the catalogue", where=str(path), hint="do the ids agree?")
    account = {"judged": sum(map(len, found.values())), "of_unknown_products": unknown,
               "queries_left_out": len(queries) - len(found)}  # fmt: skip
    return Judgments(tuple(Judged(query, grades, kind) for (kind, query), grades in found.items()), account)


class Line(NamedTuple):
    """One judgment of a file; ``slice`` and ``source`` are "" where the file does not say."""

    query: str
    product: str
    grade: float
    slice: str = ""
    source: str = ""


def read_lines(path: Path | str) -> Iterator[Line]:
    """The judgments of a file that ``read_judgments`` reads, one by one; raises DataError as it does."""
    for frame in tables(path):
        named = columns(frame.columns, COLUMNS, str(path))
        typed, products = (frame[named[name]].cast(pl.String) for name in ("query", "product_id"))
        lines, grades, (slices, sources) = frame[LINE], frame[named["grade"]], _optional(frame, ("slice", "source"))
        for line, query, product, given, kind, source in zip(
            lines, typed, products, grades, slices, sources, strict=True
        ):
            if not (query or "").strip():
                raise DataError("a judgment without a query", where=f"{path}, line {line}")
            yield Line(query, product or "", _grade(given, f"{path}, line {line}"), kind, source)


def _optional(frame: pl.DataFrame, names: Sequence[str]) -> list[pl.Series]:
    nothing = pl.Series([""], dtype=pl.String).new_from_index(0, len(frame))
    return [frame[name].cast(pl.String).fill_null("") if name in frame.columns else nothing for name in names]


def _grade(given: Any, where: str) -> float:
    try:
        grade = float(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"the grade {given!r} is no number", where=where) from error
    if not isfinite(grade) or grade < 0:
        raise DataError(f"the grade {given!r} is not from 0 up", where=where)
    return grade


class Finder:
    """A product's id to its row; ids that went through a table of numbers have lost their leading zeros."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._bare: dict[str, int | None] = {}
        for row, product in enumerate(catalog.ids):
            bare = product.lstrip("0")
            self._bare[bare] = None if bare in self._bare else row  # two ids that differ in zeros alone: neither

    def __call__(self, product: str) -> int | None:
        """The row of ``product``, None where there is none."""
        row = self._catalog.row(product)
        return self._bare.get(product.lstrip("0")) if row is None and product.isdigit() else row


def tables(path: Path | str) -> Iterator[pl.DataFrame]:
    """The rows of any table Mercato reads, in parts, with the line of each; raises DataError for a broken line."""
    given = Path(path)
    look = look_at(given)
    for chunk in look.chunks(given, look.sample.delimiter, ()):
        for wrong in chunk.rejected:
            raise DataError(wrong.reason, where=f"{given}, line {wrong.line}")
        yield chunk.frame()


def columns(given: Sequence[str], wanted: Mapping[str, Sequence[str]], where: str) -> dict[str, str]:
    """Name → the column of ``given`` that holds it; raises DataError where one of ``wanted`` is missing."""
    present = {key(column): column for column in given}
    found = {}
    for name, others in wanted.items():
        column = next((present[key(one)] for one in (name, *others) if key(one) in present), None)
        if column is None:
            shown = ", ".join(column for column in given if column != LINE)
            raise DataError(
                f"there is no column {name!r}; found: {shown}", where=where, hint=f"or: {', '.join(others)}"
            )
        found[name] = column
    return found
