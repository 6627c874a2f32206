"""Rules in the store: every change is a version that can be read again, and nobody's change is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.stores.rules import RuleVersion
from mercato.stores.schema_sql import VERSION
from mercato.stores.sqlite import FILE, ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_every_change_is_a_version_that_can_be_read_again(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        assert store.rules.version() == 0
        assert store.rules.at(0) == {}
        assert store.rules.versions() == []
        assert store.rules.change({"b": {"n": 1}, "a": {"n": 2}}, "two", NOON, after=0) == 1
        later = NOON + timedelta(hours=1)
        assert store.rules.change({"a": None, "c": {"é": "绿茶"}}, "one for one", later, after=1) == 2
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert store.rules.version() == 2
        assert store.rules.at(1) == {"a": {"n": 2}, "b": {"n": 1}}
        assert store.rules.at(2) == {"b": {"n": 1}, "c": {"é": "绿茶"}}
        assert store.rules.at(99) == store.rules.at(2)
        assert store.rules.versions() == [
            RuleVersion(2, later, "one for one", ("a", "c")),
            RuleVersion(1, NOON, "two", ("a", "b")),
        ]
        assert [one.number for one in store.rules.versions(limit=1)] == [2]


def test_a_change_of_something_else_than_the_last_version_changes_nothing(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        assert store.rules.change({"a": {"n": 1}}, "first", NOON, after=0) == 1
        assert store.rules.change({"a": {"n": 2}}, "late", NOON, after=0) is None
        assert store.rules.change({"a": {"n": 2}}, "early", NOON, after=2) is None
        assert store.rules.at(1) == {"a": {"n": 1}}
        assert store.rules.version() == 1


def test_of_many_at_once_each_change_is_made_once(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:

        def write(name: str) -> None:
            while store.rules.change({name: {"n": name}}, name, NOON, after=store.rules.version()) is None:
                pass

        threads = [Thread(target=write, args=(f"r{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.rules.version() == 8
        assert store.rules.at(8) == {f"r{n}": {"n": f"r{n}"} for n in range(8)}


CHANGES = st.lists(
    st.dictionaries(
        st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3).map(lambda n: {"n": n})), min_size=1
    ),
    max_size=6,
)


@settings(max_examples=25)
@given(changes=CHANGES)
def test_versions_are_what_a_list_of_dictionaries_would_be(
    tmp_path_factory: pytest.TempPathFactory, changes: list[dict[str, dict[str, Any] | None]]
) -> None:
    expected: list[dict[str, dict[str, Any]]] = [{}]
    with ShopStore.open(tmp_path_factory.mktemp("shop"), create=True) as store:
        for number, change in enumerate(changes):
            now = {**expected[-1], **change}
            expected.append({rule_id: one for rule_id, one in now.items() if one is not None})
            assert store.rules.change(change, "x", NOON, after=number) == number + 1
        assert [store.rules.at(number) for number in range(len(expected))] == expected


def test_a_shop_from_before_there_were_rules_opens_and_learns_to_keep_them(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        for table in ("rules", "rule_versions", "judgments", "query_sets"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert store.rules.version() == 0
        assert store.rules.at(0) == {}
        assert store.rules.versions() == []
        assert store.check() == []
    with ShopStore.open(tmp_path) as store:
        assert store.rules.change({"a": {}}, "first", NOON, after=0) == 1
        assert store.meta("schema_version") == str(VERSION)
        assert store.check() == []
