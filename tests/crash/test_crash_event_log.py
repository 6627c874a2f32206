"""kill -9 at random moments: what was acknowledged is there once, what was half-done is not.

The checks after each kill: it opens, the integrity check is clean, every acknowledged event is there exactly once,
none that was refused, every call whole or absent, a stock SQLite reader agrees, and two more openings change nothing.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mercato.artifacts import open_current, publish
from mercato.schema import Interaction
from mercato.stores.sqlite import FILE, ShopStore

pytestmark = pytest.mark.crash
BULK_EVENTS, BULK_PRODUCTS = 36_000, 1_200
PROGRAM = Path(__file__).with_name("appender.py")
KILLS, BULK_KILLS, PUBLISH_KILLS = 15, 5, 6


@contextmanager
def child(job: str, folder: Path, run: str) -> Iterator[subprocess.Popen[str]]:
    """The program at work; it is dead, by signal 9, when the block ends."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), job, str(folder), run], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            os.kill(process.pid, signal.SIGKILL)


def await_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == line


def told(folder: Path) -> tuple[set[str], set[str]]:
    """(acknowledged, refused) event ids by the ledgers."""
    acked: set[str] = set()
    refused: set[str] = set()
    for ledger in folder.glob("ledger-*"):
        for line in ledger.read_text().splitlines():
            word, *names = line.split()
            (acked if word == "acked" else refused).update(names)
    return acked, refused


def state(store: ShopStore) -> tuple[int, str, dict[str, int]]:
    rows = store.events_frame().hash_rows().to_numpy().tobytes()
    return store.last_seq(), hashlib.sha256(rows).hexdigest(), store.record_counts()


def check_store(folder: Path) -> list[str]:
    """The event ids kept, after the checks that hold whatever was killed."""
    with ShopStore.open(folder, read_only=True) as reader:
        before = state(reader)
    with ShopStore.open(folder) as store:
        assert store.check() == []
        names = [event.event_id for _, event in store.read()]
        assert state(store) == before
    with closing(sqlite3.connect(folder / FILE)) as stock:
        assert stock.execute("SELECT count(*) FROM events").fetchone()[0] == len(names)
        assert stock.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    for _ in range(2):
        with ShopStore.open(folder) as again:
            assert state(again) == before
    assert max(Counter(names).values(), default=1) == 1
    return names


def test_killed_while_appending(tmp_path: Path) -> None:
    chance = random.Random(20260301)
    acked_before = 0
    for run in range(KILLS):
        with child("append", tmp_path, str(run)) as process:
            await_line(process, "ready")
            time.sleep(chance.uniform(0.0, 0.25))
        kept = set(check_store(tmp_path))
        acked, refused = told(tmp_path)
        assert acked <= kept
        assert not refused & kept
        calls = Counter(name.rsplit("-", 3)[0] + " " + name.rsplit("-", 1)[1] for name in kept)
        assert all(int(call.split()[1]) == times for call, times in calls.items())
        assert len(acked) >= acked_before
        acked_before = len(acked)
    assert acked_before > 100


def test_killed_during_an_import(tmp_path: Path) -> None:
    chance = random.Random(7)
    with ShopStore.open(tmp_path, create=True) as store:
        store.append([Interaction("search", "u", datetime(2026, 3, 1, tzinfo=UTC), event_id="before")])
    for run in range(BULK_KILLS):
        with child("bulk", tmp_path, str(run)) as process:
            for _ in range(chance.randint(0, 12)):
                await_line(process, "step")
            time.sleep(chance.uniform(0.0, 0.15))
        kept = Counter(name.split("-")[1] if "-" in name else "before" for name in check_store(tmp_path))
        assert set(kept.values()) <= {1, BULK_EVENTS}
        with ShopStore.open(tmp_path) as store:
            assert store.product_count() == BULK_PRODUCTS * (len(kept) - 1)
    with child("bulk", tmp_path, "last") as process:
        assert process.stdout is not None
        assert process.stdout.read().split()[-2:] == ["committing", "done"]
    assert Counter(name.split("-")[1] for name in check_store(tmp_path) if "-" in name)["last"] == BULK_EVENTS


def test_killed_during_the_first_import_of_an_empty_shop(tmp_path: Path) -> None:
    with child("bulk", tmp_path, "0") as process:
        for _ in range(5):
            await_line(process, "step")
    assert check_store(tmp_path) == []
    event = Interaction("search", "u", datetime(2026, 3, 1, tzinfo=UTC), event_id="after")
    with ShopStore.open(tmp_path) as store:
        assert [store.append([event]).accepted for _ in range(2)] == [1, 0]


def test_killed_while_publishing(tmp_path: Path) -> None:
    chance = random.Random(11)
    root = tmp_path / "root"
    for run in range(PUBLISH_KILLS):
        with child("artifacts", tmp_path, str(run)) as process:
            await_line(process, "ready")
            time.sleep(chance.uniform(0.02, 0.3))
        ledger = tmp_path / "ledger"
        acked = ledger.read_text().split()
        if not acked:
            continue
        found = open_current(root)
        assert found.refused == ()
        last_run, last = map(int, acked[-1].split("-"))
        # The last acknowledged version, or the one after it, whose acknowledgement the kill cut off.
        assert found.version in (f"{last_run}-{last}", f"{last_run}-{last + 1}", f"{run}-0")
        parts = {path.read_bytes() for path in found.folder.glob("part*")}
        assert parts == {found.version.encode() * 5_000}
    publish(root, "final", lambda draft: (draft / "a").touch(), {})
    assert not list(root.glob(".draft-*"))
    assert open_current(root).version == "final"
