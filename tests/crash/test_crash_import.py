"""kill -9 in the middle of an import through the facade: the shop is as it was, and the import can be repeated."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mercato

pytestmark = pytest.mark.crash
PRODUCTS, EVENTS, KILLS = 20_000, 60_000, 4
IMPORT = """
import sys, mercato
with mercato.open(sys.argv[1]) as shop:
    print("opened", flush=True)
    shop.import_(sys.argv[2:], tick=lambda step: print("step", flush=True))
    print("done", flush=True)
"""


def files(folder: Path) -> list[str]:
    """Products and events as files, some rows of each wrong."""
    products, events = folder / "products.csv", folder / "events.jsonl"
    with products.open("w", encoding="utf-8") as out:
        out.write("id,title,price\n")
        out.writelines(f"p{n},Thing {n},{-1 if n % 1000 == 7 else n}\n" for n in range(PRODUCTS))
    with events.open("w", encoding="utf-8") as out:
        for n in range(EVENTS):
            row = {"type": "purchase-complete", "shopper_id": f"u{n % 999}", "product_id": f"p{n % PRODUCTS}"}
            out.write(json.dumps({**row, "at": 1_700_000_000 + n if n % 5000 else "never"}) + "\n")
    return [str(products), str(events)]


def held(home: Path) -> tuple[int, int]:
    """(products, events) of the shop, after its integrity check."""
    with mercato.open(home) as shop:
        assert shop.store.check() == []
        return shop.store.product_count(), shop.store.last_seq()


def test_an_import_killed_midway_changes_nothing_and_can_be_repeated(tmp_path):
    home, chance = tmp_path / "shop", random.Random(20260301)
    sources = files(tmp_path)
    mercato.create(home, products=[{"id": "first", "title": "First"}]).close()
    whole = (1 + PRODUCTS - PRODUCTS // 1000, EVENTS - EVENTS // 5000)
    before = held(home)
    for kill in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", IMPORT, str(home), *sources], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(1 + kill % 4):  # opened, then a step a batch
                assert process.stdout.readline().strip() in ("opened", "step")
            time.sleep(chance.uniform(0.0, 0.3))
            os.kill(process.pid, signal.SIGKILL)
        assert held(home) in (before, whole)  # whole: the kill came after the commit
        if held(home) == whole:
            break
    else:
        assert held(home) == (1, 0)

    with mercato.open(home) as shop:
        report = shop.import_(sources)
        assert report["rejected"] == PRODUCTS // 1000 + EVENTS // 5000
        assert (shop.store.product_count(), shop.store.last_seq()) == whole
        again = shop.import_(sources)
        assert again["kept"].get("events", 0) == again["kept"].get("products", 0) == 0
        assert (shop.store.product_count(), shop.store.last_seq()) == whole
        assert shop.product("first").title == "First"
