"""A child process that is going to be killed: it writes, and tells a ledger of its own what was acknowledged."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from mercato.artifacts import prune, publish
from mercato.errors import DataError
from mercato.schema import Impression, Interaction, Product
from mercato.stores.sqlite import ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BULK_BATCHES, BULK_ROWS = 12, 3_000


class Ledger:
    """Lines that are on disk when ``write`` returns; one file a thread, opened before the first write."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())
        os.fsync(self._file)


def append(folder: Path, run: str) -> None:
    """Four threads that append calls of one to six events, now and then one that must be refused."""
    store = ShopStore.open(folder, create=True)
    print("ready", flush=True)

    def work(thread: int) -> None:
        chance = random.Random(f"{run}-{thread}")
        ledger = Ledger(folder / f"ledger-{run}-{thread}")
        for call in range(1_000_000):
            size = chance.randint(1, 6)
            events = [
                Interaction("search", f"u{thread}", NOON, query="x" * chance.randint(0, 200),
                            event_id=f"{run}-{thread}-{call}-{number}-of-{size}")
                for number in range(size)
            ]  # fmt: skip
            slate = f"{run}-{thread}-{call}"
            store.log_impression(Impression(slate, "home", NOON, "u", "", "", (), (), {}, 0, {}))
            if chance.random() < 0.1:
                wrong = Interaction("search", "u", None, event_id=f"{run}-{thread}-{call}-wrong")
                try:
                    store.append([*events, wrong])
                except DataError:
                    ledger.write(f"refused {events[0].event_id}")
                continue
            receipt = store.append(events)
            assert receipt.accepted == size
            ledger.write("acked " + " ".join(event.event_id for event in events))

    for thread in range(4):
        threading.Thread(target=work, args=(thread,)).start()


def bulk(folder: Path, run: str) -> None:
    """One import of events and products, a line per step."""
    store = ShopStore.open(folder, create=True)
    fixed = {"type": "search", "shopper_id": "u", "at": NOON}
    with store.bulk() as load:
        for batch in range(BULK_BATCHES):
            names = [f"bulk-{run}-{batch}-{number}" for number in range(BULK_ROWS)]
            load.events(pl.DataFrame({"event_id": names}).with_columns(pl.lit(v).alias(k) for k, v in fixed.items()))
            load.products(Product(f"{run}-{batch}-{number}", "Sofa") for number in range(100))
            print("step", flush=True)
        print("committing", flush=True)
    print("done", flush=True)
    store.close()


def artifacts(folder: Path, run: str) -> None:
    """Versions without end, each of several files with the same number inside."""
    ledger = Ledger(folder / "ledger")
    print("ready", flush=True)
    for number in range(1_000_000):
        version = f"{run}-{number}"
        text = version.encode() * 5_000

        def write(draft: Path, text: bytes = text) -> None:
            for part in range(5):
                (draft / f"part{part}").write_bytes(text)

        publish(folder / "root", version, write, {"version": version})
        ledger.write(version)
        prune(folder / "root", keep=3)


JOBS: dict[str, Callable[[Path, str], None]] = {"append": append, "bulk": bulk, "artifacts": artifacts}

if __name__ == "__main__":
    JOBS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
