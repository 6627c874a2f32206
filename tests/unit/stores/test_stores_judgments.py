"""Query sets and judgments in the store: every source keeps its own grade, and nothing is lost with a query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.stores.judgments import Judgment, QuerySet
from mercato.stores.schema_sql import VERSION
from mercato.stores.sqlite import FILE, ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def judgment(query: str = "tea", product: str = "p1", grade: float = 3, source: str = "hand") -> Judgment:
    return Judgment(query, product, grade, source, "me", NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path, create=True) as opened:
        yield opened


def test_sets_and_judgments_are_there_after_opening_again(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        assert store.query_sets.sets() == []
        assert store.query_sets.get("a") is None
        assert store.query_sets.judgments("a") == []
        store.query_sets.put("b", ["tea", "绿茶", "tea"], NOON)
        store.query_sets.put("a", ["milk"], NOON)
        assert store.query_sets.judge(
            "b", [judgment(), judgment(grade=1.4, source="clicks"), judgment("绿茶", "p2", 0)]
        )
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert store.query_sets.sets() == [
            QuerySet("a", ("milk",), NOON),
            QuerySet("b", ("tea", "绿茶"), NOON, {"clicks": 1, "hand": 2}),
        ]
        assert store.query_sets.judgments("b") == [
            judgment(grade=1.4, source="clicks"),
            judgment(),
            judgment("绿茶", "p2", 0),
        ]
        assert store.check() == []


def test_the_last_grade_of_a_source_wins_and_can_be_taken_back(store: ShopStore) -> None:
    store.query_sets.put("a", ["tea"], NOON)
    store.query_sets.judge("a", [judgment(grade=1), judgment(grade=2)])
    store.query_sets.judge("a", [replace(judgment(grade=0), at=LATER, by="you")])
    assert store.query_sets.judgments("a") == [replace(judgment(grade=0), at=LATER, by="you")]
    assert store.query_sets.take_back("a", "tea", "p1", "hand")
    assert not store.query_sets.take_back("a", "tea", "p1", "hand")
    assert store.query_sets.judgments("a") == []


def test_judging_another_query_adds_it_and_an_unknown_set_keeps_nothing(store: ShopStore) -> None:
    assert not store.query_sets.judge("a", [judgment()])
    store.query_sets.put("a", ["milk"], NOON)
    store.query_sets.judge("a", [judgment("tea"), judgment("coffee"), judgment("tea", "p2"), judgment("milk")])
    found = store.query_sets.get("a")
    assert found is not None
    assert found.queries == ("milk", "tea", "coffee")
    store.query_sets.judge("a", [])
    assert store.query_sets.get("a") == found


def test_a_source_that_judges_anew_forgets_only_what_it_said(store: ShopStore) -> None:
    store.query_sets.put("a", ["tea"], NOON)
    store.query_sets.judge("a", [judgment(), judgment(source="model"), judgment(product="p2", source="model")])
    store.query_sets.judge("a", [judgment(product="p3", source="model")], fresh="model")
    assert {(one.product_id, one.source) for one in store.query_sets.judgments("a")} == {
        ("p1", "hand"),
        ("p3", "model"),
    }


def test_judgments_rest_with_their_query_and_go_with_their_set(store: ShopStore) -> None:
    store.query_sets.put("a", ["tea", "milk"], NOON)
    store.query_sets.put("b", ["tea"], NOON)
    for name in "ab":
        store.query_sets.judge(name, [judgment()])
    store.query_sets.put("a", ["milk"], LATER)
    assert store.query_sets.judgments("a") == []
    assert store.query_sets.sets()[0] == QuerySet("a", ("milk",), LATER, {})
    store.query_sets.put("a", ["milk", "tea"], LATER)
    assert store.query_sets.judgments("a") == [judgment()]
    assert store.query_sets.delete("a")
    assert not store.query_sets.delete("a")
    store.query_sets.put("a", ["tea"], NOON)
    assert store.query_sets.judgments("a") == []
    assert store.query_sets.judgments("b") == [judgment()]


def test_many_judge_at_once_and_every_query_is_in_the_set(store: ShopStore) -> None:
    store.query_sets.put("a", ["tea"], NOON)
    threads = [Thread(target=store.query_sets.judge, args=("a", [judgment(f"q{n}")])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.query_sets.get("a")
    assert found is not None
    assert set(found.queries) == {"tea", *(f"q{n}" for n in range(8))}
    assert found.judged == {"hand": 8}


KEYS = st.tuples(st.sampled_from(["tea", "milk"]), st.sampled_from(["p1", "p2"]), st.sampled_from(["hand", "model"]))


@settings(max_examples=25)
@given(did=st.lists(st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 3))), max_size=12))
def test_judgments_are_what_a_dictionary_would_be(
    tmp_path_factory: pytest.TempPathFactory, did: list[tuple[tuple[str, str, str], int | None]]
) -> None:
    expected: dict[tuple[str, str, str], float] = {}
    with ShopStore.open(tmp_path_factory.mktemp("shop"), create=True) as store:
        store.query_sets.put("a", ["tea", "milk"], NOON)
        for (query, product, source), grade in did:
            if grade is None:
                assert store.query_sets.take_back("a", query, product, source) == ((query, product, source) in expected)
                expected.pop((query, product, source), None)
            else:
                store.query_sets.judge("a", [judgment(query, product, grade, source)])
                expected[query, product, source] = grade
        found = {(one.query, one.product_id, one.source): one.grade for one in store.query_sets.judgments("a")}
        assert found == expected


def test_a_shop_from_before_there_were_judgments_opens_and_learns_to_keep_them(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True):
        pass
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        for table in ("judgments", "query_sets"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'schema_version'")
    with ShopStore.open(tmp_path, read_only=True) as store:
        assert store.query_sets.sets() == []
        assert store.query_sets.judgments("a") == []
    with ShopStore.open(tmp_path) as store:
        store.query_sets.put("a", ["tea"], NOON)
        assert store.meta("schema_version") == str(VERSION)
        assert store.check() == []
