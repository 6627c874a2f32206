"""Reviews, shoppers, prices and notes: frames in, rows kept; rows out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson
import polars as pl

from mercato.codec import dumps
from mercato.errors import DataError
from mercato.schema import Review

TIME = pl.Datetime("us", "UTC")
REVIEW_COLUMNS: dict[str, Any] = {
    "product_id": pl.String,
    "shopper_id": pl.String,
    "rating": pl.Float64,
    "title": pl.String,
    "text": pl.String,
    "at": TIME,
    "language": pl.String,
}
PRICE_COLUMNS: dict[str, Any] = {
    "product_id": pl.String,
    "week": pl.Int64,
    "price": pl.Int64,
    "currency": pl.String,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLICE = 20_000
_REVIEW = "SELECT product_id, shopper_id, rating, title, text, at, language FROM reviews "


def insert_reviews(connection: sqlite3.Connection, frame: pl.DataFrame) -> int:
    """Keep the reviews of ``frame`` (Review's fields as columns; product_id is needed); returns how many were new.

    A review has no id of its own: one that equals a kept one in every field is the same.
    """
    before = connection.total_changes
    for part in shaped(frame, REVIEW_COLUMNS, ("product_id",)).iter_slices(_SLICE):
        rows = part.with_columns(pl.col("at").dt.epoch("us")).rows()
        connection.executemany(
            """INSERT INTO reviews (digest, product_id, shopper_id, rating, title, text, at, language)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING""",
            ((blake2b(orjson.dumps(row), digest_size=16).digest(), *row) for row in rows),
        )
    return connection.total_changes - before


def insert_shoppers(connection: sqlite3.Connection, frame: pl.DataFrame) -> int:
    """Keep one record per ``id``, made of all columns that are not null; the last put wins."""
    if "id" not in frame.columns or frame["id"].null_count():
        raise DataError("every shopper needs an id", where="id")
    frame = frame.with_columns(pl.col("id").cast(pl.String))
    for part in frame.iter_slices(_SLICE):
        connection.executemany(
            "INSERT INTO shoppers (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            (
                (row["id"], dumps({name: value for name, value in row.items() if value is not None}))
                for row in part.to_dicts()
            ),
        )
    return len(frame)


def insert_prices(connection: sqlite3.Connection, frame: pl.DataFrame) -> int:
    """Keep ``frame`` (product_id, week, price in minor units, currency); the last put of a week wins."""
    frame = shaped(frame, PRICE_COLUMNS, ("product_id", "week", "price"))
    for part in frame.iter_slices(_SLICE):
        connection.executemany(
            """INSERT INTO prices (product_id, week, price, currency) VALUES (?, ?, ?, ?)
            ON CONFLICT (product_id, week) DO UPDATE SET price = excluded.price, currency = excluded.currency""",
            part.rows(),
        )
    return len(frame)


def shaped(frame: pl.DataFrame, kinds: dict[str, Any], needed: Sequence[str]) -> pl.DataFrame:
    """``frame`` with the columns of ``kinds``, no text as ""; raises DataError where ``needed`` has gaps."""
    for name in needed:
        if name not in frame.columns or frame[name].null_count():
            raise DataError("a column is missing or has gaps", where=name, hint=f"needed: {', '.join(needed)}")
    columns = []
    for name, kind in kinds.items():
        column = pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        columns.append(column.fill_null("") if kind is pl.String else column)
    try:
        return frame.select(columns)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"a column has another type: {error}", where=", ".join(kinds)) from error


def reviews(connection: sqlite3.Connection, product_id: str | None) -> Iterator[Review]:
    """The reviews of one product, or all, in the order they were kept."""
    if product_id is None:
        rows = connection.execute(_REVIEW + "ORDER BY seq")
    else:
        rows = connection.execute(_REVIEW + "WHERE product_id = ? ORDER BY seq", (product_id,))
    for product, shopper, rating, title, text, at, language in rows:
        moment = None if at is None else EPOCH + timedelta(microseconds=at)
        yield Review(product, shopper, rating, title, text, moment, language)


def reviews_frame(connection: sqlite3.Connection) -> pl.DataFrame:
    """All reviews with REVIEW_COLUMNS, in the order they were kept."""
    return _frame(connection.execute(_REVIEW + "ORDER BY seq"), REVIEW_COLUMNS)


def prices_frame(connection: sqlite3.Connection) -> pl.DataFrame:
    """All prices with PRICE_COLUMNS, by product and week."""
    query = "SELECT product_id, week, price, currency FROM prices ORDER BY product_id, week"
    return _frame(connection.execute(query), PRICE_COLUMNS)


def _frame(cursor: sqlite3.Cursor, kinds: dict[str, Any]) -> pl.DataFrame:
    stored = {name: pl.Int64 if kind == TIME else kind for name, kind in kinds.items()}
    parts = [pl.DataFrame(schema=stored)]
    while rows := cursor.fetchmany(_SLICE):
        columns = zip(stored.items(), zip(*rows, strict=True), strict=True)
        parts.append(pl.DataFrame([pl.Series(name, values, kind) for (name, kind), values in columns]))
    return pl.concat(parts).cast(pl.Schema(kinds))


def shopper(connection: sqlite3.Connection, shopper_id: str) -> dict[str, Any] | None:
    """The record of one shopper, None when there is none."""
    row = connection.execute("SELECT record FROM shoppers WHERE id = ?", (shopper_id,)).fetchone()
    return None if row is None else dict(orjson.loads(row[0]))


def shoppers(connection: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every shopper's record, in the order they came."""
    for (record,) in connection.execute("SELECT record FROM shoppers ORDER BY rowid"):
        yield orjson.loads(record)


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many reviews, shoppers, prices and slates are kept."""
    query = """SELECT (SELECT count(*) FROM reviews), (SELECT count(*) FROM shoppers),
        (SELECT count(*) FROM prices), (SELECT count(*) FROM slates)"""
    found = connection.execute(query).fetchone()
    return dict(zip(("reviews", "shoppers", "prices", "slates"), found, strict=True))


def meta(connection: sqlite3.Connection, key: str) -> str | None:
    """The note kept under ``key``, None when there is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a note under ``key``; the last put wins."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
