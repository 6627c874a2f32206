"""Relations: kept once whichever way round they came, the last put wins, and older shops learn to keep them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import DataError
from mercato.schema import Interaction, Relation
from mercato.stores.relations import COLUMNS
from mercato.stores.schema_sql import MIGRATIONS, TABLES, VERSION
from mercato.stores.sqlite import FILE, ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def relation(shopper: str, friend: str, kind: str = "friends", weight: float = 1.0) -> dict[str, Any]:
    return {"shopper_id": shopper, "friend_id": friend, "type": kind, "weight": weight, "at": None}


def put(store: ShopStore, *rows: dict[str, Any]) -> int:
    with store.bulk() as bulk:
        return bulk.relations(pl.DataFrame(rows, schema=COLUMNS))


def test_friends_stand_once_and_following_has_a_direction(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        assert put(store, relation("b", "a"), relation("a", "b"), relation("a", "b", "follows")) == 2
        assert put(store, relation("b", "a", "follows"), relation("b", "a")) == 1
        assert put(store, {**relation("a", "b", weight=2.0), "at": NOON}) == 1, "it says something new"
        found = list(store.relations())
    assert found == [
        Relation("a", "b", "follows"),
        Relation("a", "b", weight=2.0, at=NOON),
        Relation("b", "a", "follows"),
    ]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.builds(
            relation,
            st.sampled_from("abc"),
            st.sampled_from("xyzabc"),
            st.sampled_from(["friends", "follows"]),
            st.sampled_from([1.0, 2.0]),
        )
    ),
    cut=st.integers(0, 5),
)
def test_what_is_kept_is_what_a_dictionary_would_keep(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], cut: int
) -> None:
    oracle: dict[tuple[str, str, str], float] = {}
    for row in rows:
        ends = (row["shopper_id"], row["friend_id"])
        first, then = sorted(ends) if row["type"] == "friends" else ends
        oracle[first, then, row["type"]] = row["weight"]
    with ShopStore.open(tmp_path_factory.mktemp("shop"), create=True) as store:
        put(store, *rows[:cut])
        put(store, *rows[cut:])
        found = list(store.relations())
        put(store, *rows)
        assert list(store.relations()) == found, "twice is the same as once"
    kept = {(one.shopper_id, one.friend_id, one.type): one.weight for one in found}
    assert kept == oracle
    assert len(found) == len(oracle)


def put_then_half(store: ShopStore) -> None:
    with store.bulk() as bulk:
        bulk.relations(pl.DataFrame([relation("a", "b")], schema=COLUMNS))
        bulk.relations(pl.DataFrame({"shopper_id": ["a"]}))


def test_a_relation_without_an_end_is_refused_and_an_import_is_whole_or_nothing(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        with pytest.raises(DataError, match="friend_id"):
            put_then_half(store)
        assert len(list(store.relations())) == 0


def first_version(folder: Path) -> None:
    """The shop that the first Mercato would have made, with one event."""
    later = {statement for statements in MIGRATIONS.values() for statement in statements}
    with ShopStore.open(folder, create=True) as store:
        store.append([Interaction("search", "u1", NOON, query="sofa", event_id="e1")])
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        for table in ("relations", "rules", "rule_versions", "judgments", "query_sets"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
        tables = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")}
    assert {" ".join(sql.split()) for sql in tables} >= {" ".join(sql.split()) for sql in set(TABLES) - later}


def test_a_shop_of_the_first_version_opens_and_learns_to_keep_relations(tmp_path: Path) -> None:
    first_version(tmp_path)
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert len(list(store.relations())) == 0, "reading changes nothing"
    for _ in range(2):
        with ShopStore.open(tmp_path) as store:
            put(store, relation("a", "b"))
            assert [event.event_id for _, event in store.read()] == ["e1"]
            assert len(list(store.relations())) == 1
            assert store.meta("schema_version") == str(VERSION)
            assert store.check() == []


def test_a_migration_that_fails_leaves_the_shop_as_it_was(tmp_path: Path) -> None:
    first_version(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("CREATE INDEX relations_by_friend ON events (shopper_id)")  # in the way of the second step
    with pytest.raises(Exception, match="relations_by_friend"):
        ShopStore.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("1",)
        assert connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'relations'").fetchone() is None
