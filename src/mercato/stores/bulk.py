"""Frames in, one transaction out: an import that is there as a whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import polars as pl

from mercato.ports import Receipt
from mercato.schema import Product
from mercato.stores import products, records, relations
from mercato.stores.event_load import EventLoad


class Bulk:
    """The writes of one import; they count once the ``with`` block of ``ShopStore.bulk`` has ended without an error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._events = EventLoad(connection)

    def events(self, frame: pl.DataFrame) -> Receipt:
        """Events as ``events.COLUMNS``; type, shopper_id, at and event_id are needed. Raises DataError."""
        return self._events.insert(frame)

    def products(self, given: Iterable[Product]) -> tuple[int, int]:
        """(inserted, updated); products equal to what is kept are neither. Raises DataError."""
        return products.put(self._connection, products.product_rows(given))

    def reviews(self, frame: pl.DataFrame) -> int:
        """Reviews as ``records.REVIEW_COLUMNS``; returns how many were new. Raises DataError."""
        return records.insert_reviews(self._connection, frame)

    def shoppers(self, frame: pl.DataFrame) -> int:
        """One record per ``id`` from all columns; the last put wins. Raises DataError."""
        return records.insert_shoppers(self._connection, frame)

    def prices(self, frame: pl.DataFrame) -> int:
        """Prices as ``records.PRICE_COLUMNS``; the last put of a product's week wins. Raises DataError."""
        return records.insert_prices(self._connection, frame)

    def relations(self, frame: pl.DataFrame) -> int:
        """Relations as ``relations.COLUMNS``; returns how many were new or said something new. Raises DataError."""
        return relations.put(self._connection, frame)

    def finish(self) -> None:
        """What is left to do before the commit; ``ShopStore.bulk`` calls it."""
        self._events.finish()
