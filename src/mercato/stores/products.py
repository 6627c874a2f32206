"""Products to rows and back; every change has a number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import orjson

from mercato.codec import dumps, product_from_dict, product_to_dict
from mercato.errors import DataError
from mercato.schema import Product

Row = tuple[str, bytes]
"""A product's id and its JSON."""

_SLICE = 2_000
_INSERT = """INSERT INTO products (id, record, updated_seq, deleted) VALUES (?, ?, ?, 0)
    ON CONFLICT (id) DO NOTHING"""
_UPDATE = """UPDATE products SET record = ?2, updated_seq = ?3, deleted = 0
    WHERE id = ?1 AND (record <> ?2 OR deleted)"""


def product_rows(products: Iterable[Product]) -> Iterator[Row]:
    """``products`` as the shop keeps them; raises DataError for one without id or with text that is not Unicode."""
    for product in products:
        if not product.id:
            raise DataError("a product needs an id", where="id")
        try:
            yield product.id, dumps(product_to_dict(product))
        except (TypeError, ValueError) as error:
            raise DataError(f"a product cannot be kept: {error}", where=ascii(product.id)) from error


def put(connection: sqlite3.Connection, rows: Iterable[Row]) -> tuple[int, int]:
    """Keep ``rows``, the last of an id winning; returns (inserted, updated); equal ones are neither."""
    version = catalogue_version(connection) + 1
    source, inserted, updated = iter(rows), 0, 0
    while chunk := list(islice(source, _SLICE)):
        numbered = [(product_id, record, version) for product_id, record in dict(chunk).items()]
        inserted += _changes(connection, _INSERT, numbered)
        updated += _changes(connection, _UPDATE, numbered)
    if inserted or updated:
        _set_version(connection, version)
    return inserted, updated


def _changes(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[str, bytes, int]]) -> int:
    before = connection.total_changes
    connection.executemany(statement, rows)
    return connection.total_changes - before


def delete(connection: sqlite3.Connection, product_id: str) -> bool:
    """Take one product out of the shop; False when it was not there."""
    version = catalogue_version(connection) + 1
    changed = connection.execute(
        "UPDATE products SET deleted = 1, updated_seq = ? WHERE id = ? AND NOT deleted", (version, product_id)
    ).rowcount
    if changed:
        _set_version(connection, version)
    return bool(changed)


def get(connection: sqlite3.Connection, product_id: str) -> Product | None:
    """The product, None when the shop does not have it."""
    query = "SELECT record FROM products WHERE id = ? AND NOT deleted"
    row = connection.execute(query, (product_id,)).fetchone()
    return None if row is None else product_from_dict(orjson.loads(row[0]))


def every(connection: sqlite3.Connection) -> Iterator[Product]:
    """All products as of one moment, oldest id first."""
    for (record,) in connection.execute("SELECT record FROM products WHERE NOT deleted ORDER BY rowid"):
        yield product_from_dict(orjson.loads(record))


def changed(connection: sqlite3.Connection, after: int) -> list[tuple[int, str, Product | None]]:
    """(version, id, product; None when deleted) of what changed above catalogue version ``after``."""
    query = "SELECT updated_seq, id, deleted, record FROM products WHERE updated_seq > ? ORDER BY updated_seq, rowid"
    return [
        (version, product_id, None if deleted else product_from_dict(orjson.loads(record)))
        for version, product_id, deleted, record in connection.execute(query, (after,))
    ]


def count(connection: sqlite3.Connection) -> int:
    """How many products the shop has."""
    return int(connection.execute("SELECT count(*) FROM products WHERE NOT deleted").fetchone()[0])


def catalogue_version(connection: sqlite3.Connection) -> int:
    """A number that grows with each change of any product; 0 in a new shop."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'catalogue_version'").fetchone()[0])


def _set_version(connection: sqlite3.Connection, version: int) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = 'catalogue_version'", (str(version),))
