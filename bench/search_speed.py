"""A trained shop in, how long one search takes in process on one core out: bench/results/search-speed.md.

python bench/search_speed.py SHOP [QUERIES]

Queries are two or three words of a title in a row (a third of them with two letters swapped), and as many problems and
occasions of the lexicon. Each is asked once, for 20 products with the facets of brand and categories; no vector of a
query is at hand. *words* is the same shop without vectors.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np
from threadpoolctl import threadpool_limits

from machine import described
from mercato import build
from mercato.artifacts import open_current
from mercato.engine import Engine
from mercato.jobs.train import load_encoder
from mercato.parts import Parts
from mercato.schema import Request
from mercato.settings import load
from mercato.understand.lexicon import NEEDS, entries

RESULT = Path(__file__).resolve().parent / "results" / "search-speed.md"
GOALS = {"words": 25.0, "words and meaning": 50.0}
"""Milliseconds at the 99th percentile, of 100,000 products."""
WARM = 20


def queries(titles: list[str], most: int) -> list[str]:
    """Parts of titles, every third misspelt, and every fourth query a problem or an occasion."""
    random = np.random.default_rng(0)
    needs = [entry.said for entry in entries() if entry.kind in NEEDS and entry.said.isascii()]
    made: list[str] = []
    while len(made) < most:
        if len(made) % 4 == 3:
            made.append(needs[int(random.integers(len(needs)))])
            continue
        words = titles[int(random.integers(len(titles)))].lower().split()
        start, size = int(random.integers(max(len(words) - 1, 1))), int(random.integers(2, 4))
        text = " ".join(words[start : start + size])
        if len(made) % 3 == 0 and len(text) > 4:
            at = int(random.integers(1, len(text) - 2))
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        made.append(text)
    return made


def measured(engine: Engine, asked: list[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of each query by the clock and by this thread's own time."""
    clock, own, nobody = [], [], np.empty(0, np.int32)
    facets = tuple(name for name in ("brand", "categories") if name in engine.catalog.facets)
    for query in asked:
        request = Request("search", datetime(2026, 1, 1, tzinfo=UTC), k=20, query=query, facets=facets)
        begun, mine = perf_counter(), thread_time()
        engine.search(request, nobody, "")
        clock.append(1000 * (perf_counter() - begun))
        own.append(1000 * (thread_time() - mine))
    return clock, own


def main() -> None:
    """Ask both ways and write the table."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    home, most = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    settings = load(home / "mercato.toml")
    parts = Parts.load(open_current(home / "snapshots").folder, settings)
    encoder, _ = load_encoder(settings, home)
    titles = [parts.catalog.product(row).title for row in range(0, len(parts.catalog), 7)]
    asked = queries(titles, most + WARM)
    texts = len(parts.dense.vectors) if parts.dense is not None else 0
    lines = [
        "# How long a search takes",
        "",
        *described(),
        "",
        (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2],
        "",
    ]
    lines += [f"{len(parts.catalog):,} products, {texts:,} distinct texts, {most:,} queries.", ""]
    lines += [
        "| search by | p50, ms | p99, ms | most | p99 of its own CPU time | goal at p99 |",
        "|---|---|---|---|---|---|",
    ]
    shops = {
        "words": build.engine(settings, replace(parts, dense=None), None, {}),
        "words and meaning": build.engine(settings, parts, encoder, {}),
    }
    with threadpool_limits(1):
        for name, engine in shops.items():
            measured(engine, asked[:WARM])
            clock, own = measured(engine, asked[WARM:])
            p50, p99, top = np.quantile(clock, [0.5, 0.99, 1.0])
            cells = f"{p50:.1f} | {p99:.1f} | {top:.1f} | {np.quantile(own, 0.99):.1f}"
            lines.append(f"| {name} | {cells} | {GOALS[name]:.0f} |")
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
