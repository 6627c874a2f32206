"""Group commit when rows are wrong, callers give up, or the disk fails."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mercato.errors import BackendError, DataError
from mercato.schema import Interaction
from mercato.stores import events
from mercato.stores.connect import connect
from mercato.stores.schema_sql import create_schema
from mercato.stores.sqlite import ShopStore
from mercato.stores.writer import Write, Writer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


A_LOT = pl.DataFrame({"event_id": [f"n{number}" for number in range(5000)]}).with_columns(
    type=pl.lit("search"), shopper_id=pl.lit("u"), at=pl.lit(NOON), query=pl.lit("x" * 1000)
)


def event(name: str, query: str = "") -> Interaction:
    return Interaction("search", "u", NOON, query=query, event_id=name)


def insert(name: str, size: int = 0) -> Write[object]:
    rows = [events.event_row(event(name, "x" * size))]
    return lambda connection: events.insert_events(connection, rows)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Writer, sqlite3.Connection]]:
    path = tmp_path / "shop.db"
    connection = connect(path, "rwc")
    create_schema(connection)
    writer = Writer(connection, path)
    reader = connect(path, "ro")
    yield writer, reader
    reader.close()
    writer.close()


def kept(reader: sqlite3.Connection) -> list[str]:
    return [name for (name,) in reader.execute("SELECT event_id FROM events ORDER BY seq")]


def test_one_callers_wrong_rows_fail_alone(opened: tuple[Writer, sqlite3.Connection]) -> None:
    writer, reader = opened
    with writer.turn():  # so that they share a commit
        before, after = writer.submit(insert("a")), None
        wrong = writer.submit(lambda connection: connection.execute("INSERT INTO meta VALUES ('k', NULL)"))
        huge = writer.submit(lambda connection: connection.execute("INSERT INTO meta VALUES ('k', ?)", (2**64,)))
        after = writer.submit(insert("b"))
    assert before.result(30) == after.result(30)
    for failed in (wrong, huge):
        with pytest.raises(DataError, match="a row cannot be kept"):
            failed.result(30)
    assert kept(reader) == ["a", "b"]


def test_a_callers_bug_is_reported_and_the_writer_lives_on(opened: tuple[Writer, sqlite3.Connection]) -> None:
    writer, reader = opened
    with pytest.raises(BackendError, match="by zero"):
        writer.submit(lambda _: 1 // 0).result(30)
    writer.submit(insert("a")).result(30)
    assert kept(reader) == ["a"]


def test_a_caller_that_gave_up_writes_nothing(opened: tuple[Writer, sqlite3.Connection]) -> None:
    writer, reader = opened
    with writer.turn():
        writer.submit(lambda _: None)  # the thread takes this one and waits for its turn
        gone = writer.submit(insert("gone"))
        cancelled = gone.cancel()
    writer.submit(insert("a")).result(30)
    assert kept(reader) == (["a"] if cancelled else ["gone", "a"])


def test_a_full_disk_refuses_everybody_then_recovers(opened: tuple[Writer, sqlite3.Connection]) -> None:
    writer, reader = opened
    pages = writer.submit(lambda c: c.execute("PRAGMA page_count").fetchone()[0]).result(30)
    writer.submit(lambda c: c.execute("PRAGMA max_page_count = " + str(pages + 3)).fetchone()).result(30)
    with writer.turn():
        writer.submit(lambda _: None)
        waiting = [writer.submit(insert(f"big{number}", 50_000)) for number in range(3)]
        writer.offer(insert("aside", 50_000))
    for one in waiting:
        with pytest.raises(BackendError, match=r"disk is full.*free some space"):
            one.result(30)
    assert kept(reader) == []
    assert writer.dropped == 1
    writer.submit(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone()).result(30)
    writer.submit(insert("big0", 50_000)).result(30)
    assert kept(reader) == ["big0"]


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file of this process grows beyond ``size`` bytes: writes fail with EFBIG, like a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_refuses_writes_costs_no_acknowledged_event(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        store.append([event("before")])
        wal = (tmp_path / "shop.db-wal").stat().st_size
        with files_at_most(wal + 20_000):
            with pytest.raises(BackendError, match="the disk failed"):
                store.append([event(f"e{number}", "x" * 1000) for number in range(100)])
            with pytest.raises(BackendError, match="the disk failed"), store.bulk() as bulk:
                bulk.events(A_LOT)
            assert [one.event_id for _, one in store.read()] == ["before"]
        assert store.append([event("after")]).accepted == 1
    with ShopStore.open(tmp_path) as store:
        assert [one.event_id for _, one in store.read()] == ["before", "after"]
        assert store.check() == []
