"""A built shop in, how good its bundles are on baskets they never saw out: bench/results/bundles.md.

python bench/bundles.py SHOP      the demo shop: mercato demo --no-serve, then shops/demo

Sets are mined from all purchases but those of the last 28 days. A case is a product in one of these later baskets, the
anchor, with at least one other product beside it, where the anchor has a set. Every line of the table offers the same
anchors the same number of products:
- *popularity*: what was in most baskets; *co-purchases*: what shared most baskets with the anchor; *co-purchases, no
  substitutes*: the same, of other categories and groups of variants than the anchor's; *cosine*: what the list "bought
  together" ranks by, with substitutes and without; *bundles*: the anchor's first set.
A basket that holds many things holds what sells most too, whatever else is in it. So beside the *hit rate* (any of the
products is in the basket) stands what *chance* does: how often they are in baskets of that time and about that size
without the anchor (two products as if independent); *beyond chance* is the difference, *lift* the quotient. Intervals
are 95 %, by 2,000 resamples of shoppers, who are in many cases.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from machine import described
from mercato.artifacts import open_current
from mercato.catalog import Catalog
from mercato.feedback.histories import Events
from mercato.retrieve.bundles import BundleIndex, Bundles
from mercato.schema import GRADES

RESULT = Path(__file__).resolve().parent / "results" / "bundles.md"
DAYS = 28
SIZES = (3, 4, 5, 7, 9, 12, 16, 22, 30, 45, 70)
"""Baskets are of about the same size between two of these."""
DRAWS = 2000
OURS = "bundles"

Offers = NDArray[np.int64]
"""(n, 2) catalogue rows offered to each anchor, -1 for none."""


@dataclass(frozen=True)
class Baskets:
    """0/1 of b baskets × n products, and whose they are."""

    lines: sp.csr_array
    owners: NDArray[np.int64]

    @staticmethod
    def of(events: Events, n: int) -> Baskets:
        """The baskets of all ``events``."""
        _, first, number = np.unique(events.baskets, return_index=True, return_inverse=True)
        lines = sp.csr_array((np.ones(len(number), np.float32), (number, events.rows)), shape=(len(first), n))
        lines.data[:] = 1
        return Baskets(lines, events.owner[first])


@dataclass(frozen=True)
class Cases:
    """Anchors in later baskets: c basket numbers, c rows, and the size class of each basket."""

    later: Baskets
    basket: NDArray[np.int64]
    anchor: NDArray[np.int64]
    size: NDArray[np.int64]

    @staticmethod
    def of(later: Baskets, offered: Offers) -> Cases:
        """Every line of ``later`` that has an offer and company."""
        sizes = np.diff(later.lines.indptr)
        basket = np.repeat(np.arange(len(sizes)), sizes)
        anchor = later.lines.indices.astype(np.int64)
        keep = (offered[anchor, 0] >= 0) & (sizes[basket] >= 2)
        return Cases(later, basket[keep], anchor[keep], np.digitize(sizes, SIZES))

    def held(self, products: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(c,) whether the basket of each case holds its product; never for -1."""
        n = self.later.lines.shape[1]
        keys = np.repeat(np.arange(len(self.size)), np.diff(self.later.lines.indptr)) * n + self.later.lines.indices
        keys.sort()
        wanted = self.basket * n + products
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return (products >= 0) & (keys[at] == wanted)

    def chance(self, products: NDArray[np.int64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(c,) how often baskets of the size without the anchor hold the product."""
        classes, n = len(SIZES) + 1, self.later.lines.shape[1]
        per_class = sp.csr_array(
            (np.ones(len(self.size), np.float32), (self.size, np.arange(len(self.size)))),
            shape=(classes, len(self.size)),
        )
        with_product = (per_class @ self.later.lines).toarray()
        size = self.size[self.basket]
        cell = self.anchor * classes + size
        with_anchor = np.bincount(cell, minlength=n * classes)[cell]
        with_both = np.bincount(cell, weights=held, minlength=n * classes)[cell]
        others = np.bincount(self.size, minlength=classes)[size] - with_anchor
        found = with_product[size, np.maximum(products, 0)] - with_both
        return np.where((products >= 0) & (others > 0), found / np.maximum(others, 1), 0.0)


def first_sets(index: BundleIndex, n: int) -> Offers:
    """The best set of each product."""
    offered = np.full((n, 2), -1, np.int64)
    some = np.flatnonzero(np.diff(index.starts))
    offered[some] = index.others[index.starts[some]]
    return offered


def nulls(past: Baskets, catalog: Catalog, ours: Offers) -> Iterator[tuple[str, Offers]]:
    """What simpler ways offer the same anchors, as many products each."""
    anchors, counts = np.flatnonzero(ours[:, 0] >= 0), np.asarray(past.lines.sum(axis=0)).ravel()
    both = (past.lines.T.tocsr()[anchors] @ past.lines).tocoo()
    one, other, shared = anchors[both.coords[0]], both.coords[1].astype(np.int64), both.data
    sold = (one != other) & catalog.sellable[other]
    one, other, shared = one[sold], other[sold], shared[sold]
    apart = (catalog.leaf[one] != catalog.leaf[other]) & (catalog.group[one] != catalog.group[other])
    best = np.argsort(-counts * catalog.sellable, kind="stable")[:3]
    popular = np.array([[row for row in best.tolist() if row != anchor][:2] for anchor in range(len(ours))])
    cosine = shared / np.sqrt((counts[one] + 10) * (counts[other] + 10))
    yield "popularity", popular
    yield "co-purchases", strongest(one, other, shared, len(ours))
    yield "co-purchases, no substitutes", strongest(one[apart], other[apart], shared[apart], len(ours))
    yield "cosine", strongest(one, other, cosine, len(ours))
    yield "cosine, no substitutes", strongest(one[apart], other[apart], cosine[apart], len(ours))


def strongest(one: Offers, other: Offers, worth: NDArray[np.floating], n: int) -> Offers:
    """The two of ``other`` that are worth most to each of ``one``, ties by row."""
    order = np.lexsort((other, -worth, one))
    one, other = one[order], other[order]
    place = np.arange(len(one)) - np.searchsorted(one, one)
    offered = np.full((n, 2), -1, np.int64)
    near = place < 2
    offered[one[near], place[near]] = other[near]
    return offered


@dataclass(frozen=True)
class Told:
    """What one way of choosing did in every case (c,): a product was there, all were, and what chance does."""

    hit: NDArray[np.float64]
    whole: NDArray[np.float64]
    chance: NDArray[np.float64]
    substitutes: float
    distinct: int

    @staticmethod
    def of(cases: Cases, offered: Offers, catalog: Catalog) -> Told:
        """``offered`` to every case."""
        given = offered[cases.anchor]
        held = [cases.held(given[:, place]) for place in (0, 1)]
        missed = [1 - cases.chance(given[:, place], held[place]) for place in (0, 1)]
        there = given >= 0
        same = there & (catalog.leaf[given] == catalog.leaf[cases.anchor][:, None])
        return Told(
            hit=(held[0] | held[1]).astype(float),
            whole=(held[0] & (held[1] | ~there[:, 1])).astype(float),
            chance=1 - missed[0] * missed[1],
            substitutes=float(same.sum() / there.sum()),
            distinct=len(np.unique(given[there])),
        )


@dataclass(frozen=True)
class Resampled:
    """Means over cases with intervals that know whose case each is."""

    owners: NDArray[np.int64]
    weights: NDArray[np.int64]

    @staticmethod
    def of(owners: NDArray[np.int64]) -> Resampled:
        """``DRAWS`` resamples of the shoppers of the cases."""
        _, owners = np.unique(owners, return_inverse=True)
        m = int(owners.max()) + 1
        return Resampled(owners, np.random.default_rng(0).multinomial(m, np.full(m, 1 / m), DRAWS))

    def mean(self, values: NDArray[np.float64]) -> tuple[float, float, float, float]:
        """Mean, interval, and the two-sided p that it is 0."""
        drawn = (self.weights @ np.bincount(self.owners, values)) / (self.weights @ np.bincount(self.owners))
        low, high = np.percentile(drawn, [2.5, 97.5])
        p = min(1.0, 2 * min((drawn <= 0).mean(), (drawn >= 0).mean()) + 1 / DRAWS)
        return float(values.mean()), float(low), float(high), float(p)


def rows(told: Mapping[str, Told], resampled: Resampled) -> list[str]:
    """The table."""
    lines = [
        "| | hit rate | chance | beyond chance | lift | bundles ahead, hit rate | bundles ahead, beyond chance "
        "| all of it | substitutes | distinct products |",
        "|---|---|---:|---|---:|---|---|---:|---:|---:|",
    ]
    ours = told[OURS]
    for name, one in told.items():
        hit, beyond = resampled.mean(one.hit), resampled.mean(one.hit - one.chance)
        ahead = ("", "") if one is ours else (
            _signed(resampled.mean(ours.hit - one.hit)),
            _signed(resampled.mean(ours.hit - ours.chance - one.hit + one.chance)),
        )  # fmt: skip
        cells = [
            f"**{name}**" if one is ours else name, _interval(hit), f"{one.chance.mean():.3f}", _interval(beyond),
            f"{one.hit.mean() / one.chance.mean():.2f}", *ahead, f"{one.whole.mean():.3f}",
            f"{100 * one.substitutes:.1f} %", f"{one.distinct:,}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _interval(value: tuple[float, float, float, float]) -> str:
    return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"


def _signed(value: tuple[float, float, float, float]) -> str:
    return f"{value[0]:+.3f} [{value[1]:+.3f}, {value[2]:+.3f}], p {value[3]:.4f}"


def mined(events: Events, catalog: Catalog) -> tuple[BundleIndex, float]:
    """The sets, and the processor's seconds they took."""
    begun = process_time()
    index = Bundles().mine(events.owner, events.baskets, events.rows, catalog)
    return index, process_time() - begun


def main() -> None:
    """Mine, offer, compare and write."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lines = ["# Bundles on baskets they never saw", "", *described()]
    folder = open_current(Path(sys.argv[1]) / "snapshots").folder
    catalog, events = Catalog.load(folder / "catalog"), Events.load(folder / "events")
    n = len(catalog)
    bought = events.where(events.grades >= GRADES["purchase-complete"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    index, seconds = mined(bought, catalog)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    cut = int(bought.at.max()) + 1 - DAYS * 86_400
    early, _ = mined(bought.where(bought.at < cut), catalog)
    past, later = (Baskets.of(bought.where(part), n) for part in (bought.at < cut, bought.at >= cut))
    ours = first_sets(early, n)
    cases = Cases.of(later, ours)
    single = ours[:, 1] < 0
    offers = {
        name: np.where(single[:, None] & [[False, True]], -1, given) for name, given in nulls(past, catalog, ours)
    }
    told = {name: Told.of(cases, given, catalog) for name, given in {**offers, OURS: ours}.items()}
    three = int((ours[:, 1] >= 0).sum())
    lines += [
        f"- {len(bought):,} purchases of {n:,} products in {len(np.unique(bought.baskets)):,} baskets",
        f"- mined from all of them: {len(index):,} sets for {int((np.diff(index.starts) > 0).sum()):,} products in "
        f"{seconds:.1f} s of one core, {max(grown, 0):.0f} MB more memory",
        f"- mined from what came before the last {DAYS} days: {len(early):,} sets for "
        f"{int((ours[:, 0] >= 0).sum()):,} products, the first of {three:,} of three products",
        f"- {len(cases.basket):,} cases ({100 * len(cases.basket) / later.lines.nnz:.0f} % of the lines) in "
        f"{len(np.unique(cases.basket)):,} baskets of {len(np.unique(later.owners[cases.basket])):,} shoppers", "",
        (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip(), "",
    ]  # fmt: skip
    lines += rows(told, Resampled.of(later.owners[cases.basket]))
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
