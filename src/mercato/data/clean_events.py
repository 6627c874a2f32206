"""Raw event columns in, typed clean events and refused rows out, whole columns at a time.

The rules are those of ``records.interaction``. Rows that every column test passes are taken as they are; a row that any
test doubts goes through ``records`` itself, which accepts it or says what is wrong, so the two can only agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from mercato.data import sure
from mercato.data.aliases import fields
from mercato.data.batch import Rejected, conform
from mercato.data.nouns import to_frame
from mercato.data.records import ABOUT_A_PRODUCT, AHEAD, MOST_UNITS, stored_interaction
from mercato.data.rows import LINE, row_text
from mercato.errors import DataError

_SURE = "_sure"
_READERS: Mapping[str, Callable[[str, pl.DataType], sure.Read]] = {
    "type": sure.event_type,
    "shopper_id": sure.identifier,
    "at": sure.moment,
    "product_id": sure.identifier,
    "quantity": lambda name, dtype: sure.whole(name, dtype, MOST_UNITS),
    "currency": sure.currency,
    "query": sure.query,
    "slate_id": sure.identifier,
    "position": lambda name, dtype: sure.whole(name, dtype, MOST_UNITS),
    "session_id": sure.identifier,
    "event_id": sure.identifier,
}


def clean_events(raw: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, list[Rejected]]:
    """Typed events (columns of COLUMNS["events"], in the order of the source) and the rows refused.

    ``raw`` has the source's columns under Mercato's names or aliases, and ``_line``, each row's place in the source.
    """
    named = fields("events", tuple(raw.columns))
    source = raw.select(LINE, *(pl.col(column).alias(field) for field, column in named.items()))
    typed = _typed(source, now)
    taken = typed.filter(pl.col(_SURE))
    rescued, lines, rejected = _one_by_one(source.filter(~typed[_SURE]), now)
    clean = conform(taken, "events")
    if not lines:
        return clean, rejected
    both = pl.concat([clean, rescued]).with_columns(pl.Series(LINE, [*taken[LINE].to_list(), *lines], pl.Int64))
    return both.sort(LINE, maintain_order=True).drop(LINE), rejected


def _typed(source: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Every field typed, ``_line``, and ``_sure``: True only where ``records`` would say exactly the same."""
    reads = {name: _READERS[name](name, dtype) for name, dtype in source.schema.items() if name in _READERS}
    missing = [pl.lit("").alias(name) for name in ("product_id", "slate_id", "query", "currency") if name not in reads]
    typed = source.with_columns(
        *missing,
        *(read.typed.alias(name) for name, read in reads.items()),
        **{_SURE: pl.all_horizontal([read.sure.fill_null(False) for read in reads.values()])},
    )
    if "value" in source.columns:
        currencies = typed["currency"].unique().to_list()
        money = sure.money("value", source.schema["value"], currencies)
        typed = typed.with_columns(money.typed.alias("value"), **{_SURE: pl.col(_SURE) & money.sure.fill_null(False)})
    quantity = pl.col("quantity").fill_null(1) if "quantity" in source.columns else pl.lit(1, pl.Int64)
    return typed.with_columns(
        quantity.alias("quantity"),
        **{_SURE: pl.col(_SURE) & _complete(set(source.columns), now).fill_null(False)},
    )


def _complete(present: set[str], now: datetime) -> pl.Expr:
    """Whether an event has what its type needs, and its time has come."""
    if not {"type", "shopper_id", "at"} <= present:
        return pl.lit(False)
    kind, product = pl.col("type"), pl.col("product_id") != ""
    return (
        (pl.col("shopper_id") != "")
        & pl.col("at").is_between(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), now + AHEAD)
        & (product | ~kind.is_in(list(ABOUT_A_PRODUCT)))
        & (product | (pl.col("slate_id") != "") | (kind != "impression"))
        & ((pl.col("query") != "") | (kind != "search"))
    )


def _one_by_one(doubtful: pl.DataFrame, now: datetime) -> tuple[pl.DataFrame, list[int], list[Rejected]]:
    kept: list[Any] = []
    lines: list[int] = []
    rejected: list[Rejected] = []
    for row in doubtful.iter_rows(named=True):
        line = row.pop(LINE)
        try:
            kept.append(stored_interaction(row, now))
            lines.append(line)
        except DataError as error:
            rejected.append(Rejected(line, error.where, error.what, row_text(row)))
    return to_frame("events", kept), lines, rejected
