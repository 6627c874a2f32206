"""Opening, refusing, locking, forking, closing a shop's store."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mercato.errors import BackendError, DataError
from mercato.schema import Interaction, Product
from mercato.stores.schema_sql import VERSION
from mercato.stores.sqlite import FILE, ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(event_id: str, kind: str = "detail-page-view") -> Interaction:
    return Interaction(kind, "u1", NOON, "p1", event_id=event_id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path / "shop", create=True) as opened:
        yield opened


def test_what_was_kept_is_there_after_reopening(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path / "a" / "shop ?#ü", create=True) as store:
        store.append([event("e1")])
        store.put_products([Product("p1", "Sofa")])
        store.set_meta("theme", "dark")
    with ShopStore.open(tmp_path / "a" / "shop ?#ü") as store:
        assert [one.event_id for _, one in store.read()] == ["e1"]
        assert store.product("p1") == Product("p1", "Sofa")
        assert store.meta("theme") == "dark"
        assert store.meta("none") is None
        assert store.check() == []


def test_creating_an_existing_shop_opens_it(tmp_path: Path) -> None:
    for name in ("e1", "e2"):
        with ShopStore.open(tmp_path, create=True) as store:
            store.append([event(name)])
            found = store.last_seq()
    assert found == 2


@pytest.mark.parametrize("read_only", [False, True])
def test_a_missing_shop_says_how_to_make_one(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(DataError, match=r"no shop here.*mercato new"):
        ShopStore.open(tmp_path / "nowhere", read_only=read_only)


def test_a_folder_that_cannot_be_made_or_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be made"):
        ShopStore.open(tmp_path / "file" / "shop", create=True)
    (tmp_path / "shop" / "lock").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be written"):
        ShopStore.open(tmp_path / "shop", create=True)


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("content", "message"), [(b"", "no tables"), (b"no database at all" * 400, "not a shop's database")]
)
def test_a_file_that_is_no_shop_is_refused(tmp_path: Path, content: bytes, message: str, read_only: bool) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DataError, match=message):
        ShopStore.open(tmp_path, read_only=read_only)
    assert (tmp_path / FILE).read_bytes().startswith(content)


@pytest.mark.parametrize(("version", "message"), [("99", "newer Mercato"), ("", "no version")])
def test_tables_of_another_version_are_refused(tmp_path: Path, version: str, message: str) -> None:
    ShopStore.open(tmp_path, create=True).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (version,))
    connection.close()
    with pytest.raises(DataError, match=message):
        ShopStore.open(tmp_path)
    # The failed opening let go of the folder.
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(VERSION),))
    connection.close()
    ShopStore.open(tmp_path).close()


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    with ShopStore.open(tmp_path, create=True) as store:
        store.append([event(f"e{number}") for number in range(2000)])
    path = tmp_path / FILE
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(raw)
    with ShopStore.open(tmp_path) as store:
        assert store.check()


def test_a_second_writer_is_refused_with_the_first_ones_pid_and_a_reader_is_welcome(store: ShopStore) -> None:
    folder = store.path.parent
    store.append([event("e1")])
    program = (
        "import sys; from pathlib import Path; from mercato.stores.sqlite import ShopStore\n"
        "folder = Path(sys.argv[1])\n"
        "with ShopStore.open(folder, read_only=True) as store: print([e.event_id for _, e in store.read()])\n"
        "ShopStore.open(folder)\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert child.stdout.strip() == "['e1']"
    assert f"another process (pid {os.getpid()}) is writing to this shop" in child.stderr
    with pytest.raises(DataError, match="is writing to this shop"):
        ShopStore.open(folder)


def test_a_read_only_store_sees_new_events_and_refuses_writes(store: ShopStore) -> None:
    with ShopStore.open(store.path.parent, read_only=True) as reader:
        store.append([event("e1")])
        assert reader.last_seq() == 1
        assert reader.recent_impressions() == []
        for write in (lambda: reader.append([event("e2")]), lambda: reader.put_products([]), reader.bulk().__enter__):
            with pytest.raises(BackendError, match="read-only"):
                write()


def test_a_forked_child_is_refused_and_does_not_hold_the_folder(tmp_path: Path) -> None:
    store = ShopStore.open(tmp_path, create=True)
    store.append([event("e1")])
    asked, answered = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        refusals = 0
        for call in (store.last_seq, lambda: store.append([event("e2")]), store.bulk().__enter__):
            try:
                call()
            except BackendError as error:
                refusals += "before a fork" in str(error)
        store.close()
        os.write(answered[1], str(refusals).encode())
        os.read(asked[0], 1)  # stay alive while the parent opens the shop again
        os._exit(0)
    assert os.read(answered[0], 1) == b"3"
    assert store.append([event("e3")]).accepted == 1
    store.close()
    ShopStore.open(tmp_path).close()
    os.write(asked[1], b"!")
    os.waitpid(child, 0)
    for handle in (*asked, *answered):
        os.close(handle)


def test_a_closed_store_says_so_and_closes_twice(tmp_path: Path) -> None:
    store = ShopStore.open(tmp_path, create=True)
    store.close()
    store.close()
    for call in (store.last_seq, lambda: store.append([event("e1")]), lambda: list(store.products())):
        with pytest.raises(BackendError, match="closed"):
            call()


def test_numbers_are_never_given_twice(store: ShopStore) -> None:
    store.append([event("e1"), event("e2")])
    with sqlite3.connect(store.path) as eraser:
        eraser.execute("DELETE FROM events WHERE event_id = 'e2'")
    eraser.close()
    store.append([event("e3")])
    assert [(seq, one.event_id) for seq, one in store.read()] == [(1, "e1"), (3, "e3")]


def test_counts_go_on_from_the_last_call(store: ShopStore) -> None:
    assert store.counts() == {}
    store.append([event("e1"), event("e2", "search")])
    assert store.counts() == {"detail-page-view": 1, "search": 1}
    store.append([event("e3"), event("e2", "search")])
    assert store.counts() == store.counts() == {"detail-page-view": 2, "search": 1}
