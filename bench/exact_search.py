"""A trained shop in, whether totals, facets and pages are those of brute force out: bench/results/exact-search.md.

python bench/exact_search.py SHOP [REQUESTS]

REQUESTS (10,000) random requests: queries of the workload (names of categories, stretches of titles, misspelt ones),
problems and occasions, prices in words and none at all, each with random filters, an order, facets (counted with or
without their own filter), a page and its size. Of each query the whole list is taken once, without filters, and what it
lists is checked against every product of the shop (exact.Oracle: no index of any kind). Every request must then show
exactly the page of that list, filtered and sorted in plain Python, with its total, and facets counted product by
product.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from exact import NOBODY, Oracle
from machine import described
from mercato import build
from mercato.artifacts import open_current
from mercato.jobs.train import load_encoder
from mercato.parts import Parts
from mercato.schema import Request, Slate
from mercato.settings import load
from mercato.understand.lexicon import NEEDS, entries
from workload import FACETS, filters, queries

RESULT = Path(__file__).resolve().parent / "results" / "exact-search.md"
AT = datetime(2026, 1, 1, tzinfo=UTC)
EACH = 20
"""Requests of one query."""


class Checked:
    """One query: its whole list, and what a request over it must answer."""

    def __init__(self, oracle: Oracle, query: str) -> None:
        self._oracle, self._query = oracle, query
        everything = Request("search", AT, k=len(oracle.products), query=query)
        slate, _ = oracle.engine.search(everything, NOBODY, "")
        self.rows: list[int] = oracle.catalog.rows(slate.ids).tolist()
        must, may = oracle.matched(query)
        self.wrong = [] if must <= set(self.rows) <= may else [f"{query!r} lists {len(self.rows)}, must {len(must)}"]
        if slate.total != len(self.rows) or len(set(self.rows)) != len(self.rows):
            self.wrong.append(f"{query!r}: total {slate.total}, listed {len(self.rows)}")

    def check(self, where: dict[str, Any], sort: str, page: int, k: int, disjunctive: bool) -> None:
        """Ask, and note what differs from brute force."""
        oracle = self._oracle
        request = Request(
            "search", AT, k=k, page=page, query=self._query, where=where, sort=sort, facets=FACETS,
            facet_values=1_000_000, disjunctive=disjunctive,
        )  # fmt: skip
        slate, _ = oracle.engine.search(request, NOBODY, "")
        rows = [row for row in self.rows if oracle.passes(row, where)]
        if sort:
            rows = sorted(rows, key=lambda row: self._key(row, sort))  # stable: the best first among equals
        said = f"{self._query!r} {where} {sort!r} page {page} of {k}"
        if slate.total != len(rows):
            self.wrong.append(f"{said}: total {slate.total}, brute force {len(rows)}")
        if oracle.catalog.rows(slate.ids).tolist() != rows[page * k : (page + 1) * k]:
            self.wrong.append(f"{said}: another page")
        self.wrong += [f"{said}: {name} counted otherwise" for name in self._miscounted(slate, where, disjunctive)]

    def _key(self, row: int, sort: str) -> float:
        price = self._oracle.products[row].price
        if price is None:
            return inf
        return -price if sort.startswith("-") else price

    def _miscounted(self, slate: Slate, where: dict[str, Any], disjunctive: bool) -> list[str]:
        wrong = []
        for name, counts in slate.facets.items():
            others = {field: asked for field, asked in where.items() if not disjunctive or field != name}
            rows = {row for row in self.rows if self._oracle.passes(row, others)}
            if dict(counts) != self._oracle.facets(rows)[name]:
                wrong.append(name)
        return wrong


def asked(parts: Parts, count: int) -> list[str]:
    """``count`` queries of every kind, the empty one first."""
    random = np.random.default_rng(5)
    needs = [entry.said for entry in entries() if entry.kind in NEEDS and entry.said.isascii()]
    plain = [query.text for query in queries(parts, count)]
    kinds = [*plain[: count // 2], *random.permutation(needs)[: count // 5].tolist()]
    kinds += [f"{text} under {random.integers(2, 30)}" for text in plain[count // 2 : count * 3 // 5]]
    kinds += plain[count * 3 // 5 :]
    return ["", *kinds][:count]


def main() -> None:
    """Check, and write what was found."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    home, most = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    settings = load(home / "mercato.toml")
    parts = Parts.load(open_current(home / "snapshots").folder, settings)
    encoder, _ = load_encoder(settings, home)
    oracle = Oracle(parts, build.engine(settings, parts, encoder, {}), settings)
    random, narrowing = np.random.default_rng(9), [{}, *filters(parts, 400)]
    wrong: list[str] = []
    done = listed = 0
    with threadpool_limits(1):
        for query in asked(parts, most // EACH):
            checked = Checked(oracle, query)
            for _ in range(EACH):
                where = narrowing[int(random.integers(len(narrowing)))] if random.random() < 0.8 else {}
                sort, k = str(random.choice(["", "price", "-price"])), int(random.choice([1, 10, 24, 100]))
                page = int(random.integers(max(len(checked.rows) // k // 10, 3)))
                checked.check(where, sort, page, k, bool(random.random() < 0.5))
            done, listed, wrong = done + EACH, listed + len(checked.rows), wrong + checked.wrong
    lines = ["# Totals, facets and pages against brute force", "", *described(), ""]
    lines += [(__doc__ or "").partition("\n\n")[2].partition("\n\n")[2], ""]
    said = f"{home.name}: {len(oracle.products):,} products; {done:,} requests, {done // EACH:,} queries that list"
    said += f" {listed * EACH // done:,} products on average: **{len(wrong)} differ**."
    lines += [said, "", *wrong[:50]]
    RESULT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines[-60:]))


if __name__ == "__main__":
    main()
