"""A trained shop in, how long each placement takes in process on one core out: bench/results/recommend-speed.md.

python bench/recommend_speed.py SHOP [REQUESTS]

Train the shop with `[sequence] train = "always"`, so that every lane is there; how good the model is does not matter to
its speed. Requests are by shoppers drawn at random, none asked twice in a row; the first hundred are not counted.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import numpy as np

import machine
import mercato
from mercato import build

RESULT = Path(__file__).resolve().parent / "results" / "recommend-speed.md"
WARM = 100
ASKED = ("home", "discover", "tail", "email", "buy-again", "similar", "together", "cart", "session")


def timed(shop: Any, placement: str, most: int, random: np.random.Generator) -> list[str]:
    """One Markdown row: milliseconds on the clock and of this thread, explained lists of 10."""
    live = shop._serving()
    shoppers, ids = live.parts.events.shoppers, live.parts.catalog.ids
    clock, own = [], []
    for number in range(most + WARM):
        what: dict[str, Any] = {"shopper": shoppers[int(random.integers(len(shoppers)))], "explain": True}
        if placement in ("similar", "together"):
            what["product"] = ids[int(random.choice(live.parts.events.rows))]
        if placement == "cart":
            what["cart"] = [ids[int(row)] for row in random.choice(live.parts.events.rows, 3)]
        began, used = perf_counter(), thread_time()
        shop.recommend(placement, **what)
        if number >= WARM:
            clock.append((perf_counter() - began) * 1e3)
            own.append((thread_time() - used) * 1e3)
    p50, p95, p99 = np.percentile(clock, (50, 95, 99))
    cells = f"{p50:.2f} | {p95:.2f} | {p99:.2f} | {np.percentile(own, 50):.2f} | {np.percentile(own, 99):.2f}"
    return [f"| {placement} | {len(clock)} | {cells} |"]


def main() -> None:
    """Time every placement of the shop named on the command line."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    most, random = int(sys.argv[2]) if len(sys.argv) > 2 else 1000, np.random.default_rng(0)
    with mercato.open(sys.argv[1], read_only=True) as shop:
        live = shop._serving()
        lanes = build.lanes(shop.settings, live.parts.behaviour, live.parts.dense, live.parts.content)
        used = live.engine.placements["discover"].pool.lanes
        lines = [
            "# Recommendations: time per list, in process, one core", "", *machine.described(),
            f"- {len(live.parts.catalog):,} products, {len(live.parts.events):,} events; lanes: {', '.join(lanes)}",
            f"- discover asks: {', '.join(used)}; its score: {type(live.parts.weights['new']).__name__}",
            f"- torch imported: {'torch' in sys.modules}", "",
            "| placement | lists | p50 ms | p95 | p99 | CPU p50 | CPU p99 |", "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for placement in ASKED:
            lines += timed(shop, placement, most, random)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
