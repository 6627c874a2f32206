"""A trained shop in, how long a completion takes in process on one core out: bench/results/suggest-speed.md.

python bench/suggest_speed.py SHOP [PRODUCTS [KEYSTROKES]]

The shop's titles, each with a number of its own, until there are PRODUCTS (100,000) different ones. Somebody types
titles letter by letter, half of them from the second word on, every fifth with two letters swapped: a shopper with a
past of 200 products.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter, thread_time

import numpy as np

import machine
from mercato.artifacts import open_current
from mercato.catalog import Catalog
from mercato.retrieve.suggest import Suggest, SuggestIndex
from mercato.schema import Product

RESULT = Path(__file__).resolve().parent / "results" / "suggest-speed.md"
WARM = 100


def built(products: list[Product], random: np.random.Generator) -> SuggestIndex:
    """Completions of titles, categories, brands and 5,000 past queries made of two words of a title."""
    popularity = random.zipf(1.3, len(products)).astype(np.float64)
    shelves: dict[str, int] = {}
    brands: dict[str, int] = {}
    for product in products:
        brands[product.brand] = brands.get(product.brand, 0) + 1
        for path in product.categories:
            shelves[path] = shelves.get(path, 0) + 1
    rows = random.integers(len(products), size=5000).tolist()
    queries = [(" ".join(products[row].title.split()[:2]), int(random.integers(3, 500)), row) for row in rows]
    aisles = [product.categories[0] if product.categories else "" for product in products]
    titles = [product.title for product in products]
    return Suggest().index(titles, popularity, shelves.items(), queries, brands.items(), aisles)


def _numbered(product: Product, row: int) -> Product:
    return replace(product, title=f"{product.title} {row}")


def keystrokes(products: list[Product], most: int, random: np.random.Generator) -> list[str]:
    """What stands in the box after every letter."""
    typed: list[str] = []
    while len(typed) < most:
        words = products[int(random.integers(len(products)))].title.lower().split()
        text = " ".join(words[int(random.integers(2)) :])[:20]
        if len(typed) % 5 == 0 and len(text) > 4:
            at = int(random.integers(1, min(len(text) - 1, 5)))
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        typed += [text[:size] for size in range(1, len(text) + 1)]
    return typed[:most]


def main() -> None:
    """Build, type, write the table."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    n, most = (int(sys.argv[at]) if len(sys.argv) > at else default for at, default in ((2, 100_000), (3, 5000)))
    random = np.random.default_rng(0)
    catalog = Catalog.load(open_current(Path(sys.argv[1]) / "snapshots").folder / "catalog")
    source = [catalog.product(row) for row in range(len(catalog))]
    products = [_numbered(source[row % len(source)], row) for row in range(n)]
    begun = perf_counter()
    index = built(products, random)
    seconds = perf_counter() - begun
    taken = random.integers(n, size=200).astype(np.int32)
    clock, own = [], []
    for number, text in enumerate(keystrokes(products, most + WARM, random)):
        began, used = perf_counter(), thread_time()
        index.suggest(text, 8, taken, products=24)
        if number >= WARM:
            clock.append((perf_counter() - began) * 1e3)
            own.append((thread_time() - used) * 1e3)
    row = " | ".join(f"{np.percentile(times, share):.2f}" for times in (clock, own) for share in (50, 95, 99))
    lines = ["# How long a completion takes", "", *machine.described(), ""]
    lines += [
        f"{n:,} products, {len(index.products.texts):,} titles; built in {seconds:.1f} s; {most:,} keystrokes.",
        "",
    ]
    lines += ["| p50 ms | p95 | p99 | p50 ms of CPU | p95 | p99 |", "|---|---|---|---|---|---|", f"| {row} |"]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
