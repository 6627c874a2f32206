"""A made-up shop in, how long a product put takes until search shows it out: bench/results/product-update.md.

python bench/product_update.py [PRODUCTS [FOLDER]]

PRODUCTS (100,000) are made of 30,000 made-up words, the common ones far more common than the rest (Zipf), with brand,
category, price and two attributes; a shop of them is trained in FOLDER (a scratch folder), or taken from there when it
has been. Then products are put, one core for everything: time runs from the call of ``put_products`` until a search
for the product, filtered by its new price, has shown it as it is.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import machine
import mercato
from mercato.schema import Product

RESULT = Path(__file__).resolve().parent / "results" / "product-update.md"
SETTINGS = """\
[shop]
name = "made up"
[sequence]
train = "never"
[transitions]
tune = false
[learn]
shoppers = 200
"""
WORDS, KINDS, BRANDS, AISLES = 30_000, 2_000, 2_000, 600
SINGLE, MANY, BURST, AT_ONCE = 50, 1_000, 100, 8
TARGET = 1_000.0
"""Milliseconds at the 99th percentile of single puts."""
_SYLLABLES = ("ba", "do", "ki", "lu", "me", "na", "po", "ri", "su", "ta", "ve", "zo", "cha", "fen", "gol", "hin")


def words(random: np.random.Generator) -> list[str]:
    """Different made-up words of two to five syllables."""
    found: dict[str, None] = {}
    while len(found) < WORDS:
        found["".join(random.choice(_SYLLABLES, int(random.integers(2, 6))))] = None
    return list(found)


def products(count: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """``count`` records: KINDS of things, each in several sizes, so that text vectors repeat as in real shops."""
    known = words(random)
    chances = 1 / np.arange(1, WORDS + 1)
    chances /= chances.sum()

    def said(size: int) -> str:
        return " ".join(known[place] for place in random.choice(WORDS, size, p=chances))

    kinds = [(said(int(random.integers(3, 9))), said(int(random.integers(10, 40)))) for _ in range(KINDS)]
    for n in range(count):
        title, description = kinds[n % KINDS]
        aisle = (n % KINDS) % AISLES
        yield {
            "id": f"P-{n:06d}",
            "title": f"{title} · {n // KINDS + 1} pack",
            "description": description,
            "brand": known[-1 - int(random.integers(BRANDS))].title(),
            "categories": [f"{known[aisle % 12]} > {known[100 + aisle % 60]} > {known[300 + aisle]}"],
            "price": int(random.integers(50, 50_000)) / 100,
            "currency": "EUR",
            "attributes": {"colour": [known[500 + int(random.integers(20))]], "size": [str(int(random.integers(60)))]},
        }


def events(count: int, of: int, random: np.random.Generator) -> Iterator[dict[str, Any]]:
    """``count`` purchases of 2,000 shoppers, some products far more wanted than others."""
    rows = np.minimum(random.zipf(1.3, count), of) - 1
    for number, row in enumerate(rows.tolist()):
        at = f"2026-0{1 + number % 3}-{1 + number % 28:02d}T12:00:00Z"
        shopper = f"u{int(random.integers(2000))}"
        yield {"type": "purchase-complete", "shopper_id": shopper, "product_id": f"P-{row:06d}", "at": at}


def opened(home: Path, count: int) -> mercato.Shop:
    """The shop, made and trained unless it is there."""
    if not (home / "snapshots" / "CURRENT").exists():
        random = np.random.default_rng(0)
        with mercato.create(home, products=products(count, random), settings=SETTINGS) as made:
            made.import_([list(events(2 * count, count, random))], kind="events")
            made.train(lambda step: print(f"  {step}", file=sys.stderr))
    return mercato.open(home)


def shown(shop: mercato.Shop, product: Product) -> float:
    """Milliseconds from the call until a search has it as it is."""
    begun = perf_counter()
    shop.put_products([product])
    assert product.price is not None
    where = {"price": {"min": product.price / 100, "max": product.price / 100}}
    found = shop.search(product.title, 20, where=where, facets=("brand",))
    took = (perf_counter() - begun) * 1000
    assert product in [item.product for item in found.items], f"{product.id} is not shown"
    return took


def new(shop: mercato.Shop, n: int) -> Product:
    """A product that the shop does not have, with a word it never saw."""
    assert shop._live is not None
    known = shop._live.catalog.product(n)
    return replace(known, id=f"N-{n:06d}", title=f"Quixoval{n} {known.title}", price=6_000_000 + n)


def dearer(shop: mercato.Shop, n: int) -> Product:
    """A product of the shop at another price."""
    assert shop._live is not None
    return replace(shop._live.catalog.product(n), price=7_000_000 + n)


def retitled(shop: mercato.Shop, n: int) -> Product:
    """A product of the shop with another title and price."""
    return replace(dearer(shop, n), title=f"Quixoval{n} renamed")


def together(shop: mercato.Shop, made: list[Product], at_once: int) -> float:
    """Milliseconds until the last of ``made``, put one by one by so many callers, is shown."""
    begun = perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda product: shown(shop, product), made))
    return (perf_counter() - begun) * 1000


def peak() -> float:
    """MiB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(shop: mercato.Shop) -> list[str]:
    """The table."""
    rng = np.random.default_rng(1)
    assert shop._live is not None
    rows = rng.permutation(len(shop._live.catalog)).tolist()
    kinds: dict[str, Callable[[mercato.Shop, int], Product]] = {
        "a new product": new, "another price": dearer, "another title and price": retitled,
    }  # fmt: skip
    lines = ["| put | times | p50 ms | p99 ms | most | target p99 |", "|---|---:|---:|---:|---:|---|"]
    every: list[float] = []
    first = shown(shop, new(shop, rows.pop()))
    for name, make in kinds.items():
        times = [shown(shop, make(shop, rows.pop())) for _ in range(SINGLE)]
        every += times
        lines.append(_row(name, times))
    lines.append(_row("**all single puts**", [first, *every], TARGET))
    lines += ["", f"- the very first put after opening: {first:.0f} ms (in the last row)"]
    many = [new(shop, rows.pop()) for _ in range(min(MANY, len(rows) // 100))]
    begun = perf_counter()
    shop.put_products(many[:-1])
    took = (perf_counter() - begun) * 1000 + shown(shop, many[-1])
    lines.append(f"- one put of {len(many) - 1:,} new products and one of another: {took:.0f} ms until all are shown")
    burst = together(shop, [new(shop, rows.pop()) for _ in range(BURST)], AT_ONCE)
    lines.append(f"- {BURST} new products put one by one by {AT_ONCE} callers at once: {burst:.0f} ms in all")
    begun = perf_counter()
    shop.reload()
    lines.append(f"- opening the snapshot with all of these on top: {(perf_counter() - begun) * 1000:.0f} ms")
    return lines


def _row(name: str, times: list[float], target: float | None = None) -> str:
    p50, p99 = np.percentile(times, (50, 99))
    verdict = "" if target is None else f"{target:g} " + ("met" if p99 <= target else "**missed**")
    return f"| {name} | {len(times)} | {p50:.0f} | {p99:.0f} | {max(times):.0f} | {verdict} |"


def main() -> None:
    """Make, put, write."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(scratch) / "shop"
        with opened(home, count):
            pass
        about = machine.described()
        with mercato.open(home) as shop:
            before = peak()
            assert shop._live is not None
            size = f"{len(shop._live.catalog):,} products, {len(shop._live.parts.lexical.vocabulary):,} words"
            table = measured(shop)
            lines = [
                "# How long a product put takes until search shows it", "", *about, f"- shop: {size}", "", *table,
                f"- memory: {before:.0f} MiB at most before the first put, {peak():.0f} MiB after all of them", "",
            ]  # fmt: skip
    RESULT.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
