"""Who knows whom: frames of relations in, one row a relation kept; relations out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl

from mercato.schema import Relation
from mercato.stores.records import EPOCH, TIME, shaped

COLUMNS: dict[str, Any] = {
    "shopper_id": pl.String,
    "friend_id": pl.String,
    "type": pl.String,
    "weight": pl.Float64,
    "at": TIME,
}
_SLICE = 20_000


def put(connection: sqlite3.Connection, given: pl.DataFrame) -> int:
    """Keep ``given`` (COLUMNS; shopper_id and friend_id are needed), the last put of a relation wins; returns how many
    relations were new or said something new.

    Friends are kept once, the smaller id first, whichever way round they came. Raises DataError for gaps.
    """
    filled = shaped(given, COLUMNS, ("shopper_id", "friend_id")).with_columns(
        type=pl.when(pl.col("type") == "").then(pl.lit("friends")).otherwise("type"),
        weight=pl.col("weight").fill_null(1.0),
        at=pl.col("at").dt.epoch("us"),
    )
    turned = (pl.col("type") == "friends") & (pl.col("friend_id") < pl.col("shopper_id"))
    kept = filled.with_columns(
        shopper_id=pl.when(turned).then("friend_id").otherwise("shopper_id"),
        friend_id=pl.when(turned).then("shopper_id").otherwise("friend_id"),
    ).unique(["shopper_id", "friend_id", "type"], keep="last", maintain_order=True)
    before = connection.total_changes
    for part in kept.iter_slices(_SLICE):
        connection.executemany(
            """INSERT INTO relations (shopper_id, friend_id, type, weight, at) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (shopper_id, friend_id, type) DO UPDATE SET weight = excluded.weight, at = excluded.at
            WHERE weight IS NOT excluded.weight OR at IS NOT excluded.at""",
            part.rows(),
        )
    return connection.total_changes - before


def every(connection: sqlite3.Connection) -> Iterator[Relation]:
    """All relations by shopper and friend; none in a file that no Mercato that knows them has written."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'relations'").fetchone() is None:
        return
    query = "SELECT shopper_id, friend_id, type, weight, at FROM relations ORDER BY shopper_id, friend_id, type"
    for shopper, friend, kind, weight, at in connection.execute(query):
        yield Relation(shopper, friend, kind, weight, None if at is None else EPOCH + timedelta(microseconds=at))
