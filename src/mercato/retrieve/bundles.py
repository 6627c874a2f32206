"""Baskets in, sets of two or three products that go together out: complementary, counted exactly, of many shoppers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import SettingsError
from mercato.retrieve.sparse import positions
from mercato.schema import Mask, Rows, Scores

FEWEST_SHOPPERS = 5
"""A set that fewer shoppers bought would show what single people buy."""

_WORK = 4_000_000
"""Lines of baskets that one block of products is multiplied with: what bounds the memory."""
_LINKS = 200
"""Of what goes with a product at most so many are known."""
_WIDE = 32
"""Sets whose shoppers are counted at a time."""
_NOTHING = -1

Numbers = NDArray[np.int64]
Set = tuple[int, int, int, float]
"""Two other products (the second -1 in a set of two), the baskets that hold all, and the score."""


@dataclass(frozen=True)
class Bundles:
    """Sets of a product and one or two others that are bought in one basket, for pages and carts.

    Two products go together where ``least_baskets`` baskets of ``least_shoppers`` shoppers (5 or more) held both, at
    least ``least_lift`` times as many and ``least_z`` standard deviations more than chance puts them there, which knows
    how often each is bought and how much else is in the baskets with it. They are no substitutes: of other categories
    and other groups of variants. Of the ``partners`` that go with a product best, any two that go together make a set
    of three with it, where as many baskets and shoppers had all three, and ``least_share`` of the baskets with the
    product and either. For each product ``kept`` sets of three, no other product in more than two of them, and ``kept``
    sets of two; baskets of more than ``largest`` products tell nothing.
    """

    least_baskets: int = 5
    least_shoppers: int = FEWEST_SHOPPERS
    least_lift: float = 1.5
    least_z: float = 3.0
    least_share: float = 0.1
    partners: int = 20
    kept: int = 4
    largest: int = 200

    def __post_init__(self) -> None:
        if self.least_shoppers < FEWEST_SHOPPERS:
            what = f"least_shoppers is {self.least_shoppers}"
            raise SettingsError(what, where="bundles.least_shoppers", hint=f"at least {FEWEST_SHOPPERS}")

    def mine(self, shoppers: Numbers, baskets: Numbers, rows: Rows, catalog: Catalog) -> BundleIndex:
        """The sets of every product of ``catalog`` from parallel arrays, one entry for a line of a basket; a basket is
        one shopper's. What is not sellable is in no set."""
        held = _held(shoppers, baskets, rows, len(catalog), self.largest)
        held = held.only((held.counts >= self.least_baskets) & catalog.sellable)
        pairs = self._pairs(held, catalog.leaf[held.products], catalog.group[held.products])
        found = [self._sets(held, pairs, product) for product in range(len(held.products))]
        return _indexed(found, held.products, len(catalog))

    def _pairs(self, held: _Held, leaf: NDArray[np.int32], group: NDArray[np.int32]) -> _Pairs:
        """All pairs that go together, each from both ends, the best of a product first."""
        parts = []
        for begin, end in held.blocks():
            both = (held.of_product[begin:end] @ held.of_basket).tocoo()
            enough = both.data >= self.least_baskets
            one, other, count = both.coords[0][enough] + begin, both.coords[1][enough], both.data[enough]
            apart = (group[one] != group[other]) & ((leaf[one] != leaf[other]) | (leaf[one] < 0))
            one, other, count = one[apart], other[apart], count[apart].astype(np.float64)
            chance = held.chance(one, other)
            most = np.maximum(chance, held.chance(other, one))
            goes = (count >= self.least_lift * most) & (count - most >= self.least_z * np.sqrt(most))
            parts.append(_best_first(one[goes], other[goes], ((count - chance) / held.counts[one])[goes]))
        return _Pairs.joined(parts, len(held.products))

    def _sets(self, held: _Held, pairs: _Pairs, product: int) -> list[Set]:
        """The sets of one product that are kept, the best first."""
        partners, excess = pairs.of(product, self.partners)
        if not len(partners):
            return []
        three = pairs.linked(partners)
        three = three[np.argsort(-excess[three].sum(axis=1), kind="stable")]
        two = np.repeat(np.arange(len(partners)), 2).reshape(-1, 2)
        good = self._supported(*held.inside(product, partners), np.concatenate([three, two]))
        kept = [*_spread([one for one in good if one[0] != one[1]], self.kept)]
        kept += [one for one in good if one[0] == one[1]][: self.kept]
        found = []
        for i, j, baskets in kept:
            first, second = sorted((int(partners[i]), int(partners[j])))
            if i == j:
                found.append((first, _NOTHING, baskets, float(excess[i])))
            else:
                found.append((first, second, baskets, float(excess[i] + excess[j])))
        return sorted(found, key=lambda one: (-one[3], one[0], one[1]))

    def _supported(self, inside: Mask, owners: Numbers, sets: Numbers) -> list[tuple[int, int, int]]:
        """Of the ``sets`` (k × 2 columns of ``inside``, twice the same for one product) those with enough baskets and
        shoppers, and their baskets. ``owners`` are the shoppers of the baskets, each one's together."""
        lines = inside.astype(np.float32)
        both = (lines.T @ lines).astype(np.float64)
        baskets, most = both[sets[:, 0], sets[:, 1]], np.diag(both)[sets].max(axis=1)
        enough = np.flatnonzero((baskets >= self.least_baskets) & (baskets >= self.least_share * most))
        sets, baskets = sets[enough], baskets[enough]
        first = np.r_[0, np.flatnonzero(owners[1:] != owners[:-1]) + 1]
        shoppers = np.zeros(len(sets), np.int64)
        for begin in range(0, len(sets), _WIDE):
            one, other = sets[begin : begin + _WIDE].T
            held = inside[:, one] & inside[:, other]
            shoppers[begin : begin + _WIDE] = np.logical_or.reduceat(held, first, axis=0).sum(axis=0)
        many = shoppers >= self.least_shoppers
        return list(zip(*sets[many].T.tolist(), baskets[many].astype(np.int64).tolist(), strict=True))


@dataclass(frozen=True)
class BundleIndex:
    """The sets of n products: those of row r are entries ``starts[r]`` to ``starts[r + 1]`` of ``others`` (m × 2
    catalogue rows, the second -1 in a set of two), ``baskets`` (m,) and ``scores`` (m,), the best first."""

    starts: Numbers
    others: NDArray[np.int32]
    baskets: NDArray[np.int32]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.baskets)

    def complete(self, anchors: Rows, held: Rows, allowed: Mask) -> Iterator[tuple[Rows, Rows, int]]:
        """Sets of ``anchors`` (rows of training), the best first: what of it is to be added, all of it ``allowed``
        (n,), what is ``held`` already, and how many baskets had the whole set. Nothing is added twice in the same
        company; equal scores go by row."""
        begin, end = self.starts[anchors], self.starts[np.asarray(anchors) + 1]
        spans = zip(begin.tolist(), end.tolist(), strict=True)
        places = np.concatenate([np.empty(0, np.int64), *(np.arange(*span) for span in spans)])
        sets = np.column_stack([np.repeat(anchors, end - begin), self.others[places]])
        there, has = sets >= 0, np.isin(sets, held)
        added = there & ~has
        good = added.any(axis=1) & (allowed[sets] | ~added).all(axis=1)
        order = np.lexsort((sets[:, 2], sets[:, 1], sets[:, 0], -self.scores[places]))
        given: set[bytes] = set()
        for one in order[good[order]].tolist():
            adds = sets[one][added[one]]
            if (name := np.sort(adds).tobytes()) not in given:
                given.add(name)
                yield adds, sets[one][there[one] & has[one]], int(self.baskets[places[one]])

    def save(self, folder: Path) -> None:
        """Write the arrays into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("starts", "others", "baskets", "scores"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> BundleIndex:
        """Map what ``save`` wrote."""
        names = ("starts", "others", "baskets", "scores")
        return BundleIndex(*(np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in names))


@dataclass(frozen=True)
class _Held:
    """Which of b baskets held which of m products; baskets stand by shopper. ``counts`` are the baskets with each
    product, ``company`` all else that was in them, ``lines`` what was in all baskets."""

    products: Rows
    of_basket: sp.csr_array
    of_product: sp.csr_array
    owners: Numbers
    counts: Numbers
    company: Numbers
    lines: int

    def only(self, keep: Mask) -> _Held:
        """The same baskets with some of the products; ``company`` and ``lines`` stay."""
        of_product = self.of_product[np.flatnonzero(keep)]
        return replace(
            self, products=self.products[keep], of_basket=of_product.T.tocsr(), of_product=of_product,
            counts=self.counts[keep], company=self.company[keep],
        )  # fmt: skip

    def chance(self, one: Rows, other: Rows) -> Scores:
        """How many baskets with ``one`` would hold ``other``, were their other places filled by how often each product
        is bought. Source: lift (Brin et al. 1997) over the null of a configuration model (Chung & Lu 2002): large
        baskets hold everything, so plain independence would find everything together."""
        return self.counts[other] * self.company[one] / max(self.lines, 1)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Neighbouring products whose baskets hold ``_WORK`` lines or so together."""
        done = np.cumsum(self.counts + self.company) // _WORK
        edges = [*np.flatnonzero(np.diff(done, prepend=-1)).tolist(), len(done)]
        return pairwise(edges)

    def inside(self, product: int, partners: Numbers) -> tuple[Mask, Numbers]:
        """Which baskets of ``product`` hold which of ``partners``, and whose baskets they are."""
        baskets = self.of_product.indices[self.of_product.indptr[product] : self.of_product.indptr[product + 1]]
        places, place = positions(self.of_basket, baskets)
        column = np.full(len(self.products), _NOTHING)
        column[partners] = np.arange(len(partners))
        at = column[self.of_basket.indices[places]]
        inside = np.zeros((len(baskets), len(partners)), bool)
        inside[place[at >= 0], at[at >= 0]] = True
        return inside, self.owners[baskets]


@dataclass(frozen=True)
class _Pairs:
    """Pairs of m products that go together, in the order of their ``first``, the best ``excess`` first: the share of
    baskets with ``first`` that hold ``other`` beyond chance."""

    starts: Numbers
    other: Numbers
    excess: Scores
    keys: Numbers

    @staticmethod
    def joined(parts: Sequence[tuple[Numbers, Numbers, Scores]], m: int) -> _Pairs:
        """All ``parts``, whose first products ascend."""
        first, other = (np.concatenate([np.empty(0, np.int64), *(part[end] for part in parts)]) for end in (0, 1))
        excess = np.concatenate([np.empty(0), *(part[2] for part in parts)])
        keys = np.unique(np.r_[first * m + other, other * m + first])
        return _Pairs(np.searchsorted(first, np.arange(m + 1)), other, excess, keys)

    def of(self, product: int, most: int) -> tuple[Numbers, Scores]:
        """The ``most`` that go with ``product`` best, and their excess."""
        place = slice(self.starts[product], min(self.starts[product] + most, self.starts[product + 1]))
        return self.other[place], self.excess[place]

    def linked(self, products: Numbers) -> NDArray[np.int64]:
        """The pairs among ``products`` that go together, as places in it (k × 2), the first below the second."""
        one, other = _below(len(products))
        keys = products[one] * (len(self.starts) - 1) + products[other]
        at = np.searchsorted(self.keys, keys)
        there = self.keys[np.minimum(at, len(self.keys) - 1)] == keys
        return np.column_stack([one[there], other[there]])


@lru_cache(64)
def _below(k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All i < j < k."""
    return np.triu_indices(k, 1)


def _held(shoppers: Numbers, baskets: Numbers, rows: Rows, n: int, largest: int) -> _Held:
    """All baskets of at most ``largest`` products, each product once."""
    _, first, dense = np.unique(baskets, return_index=True, return_inverse=True)
    order = np.argsort(shoppers[first], kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    of_basket = sp.csr_array((np.ones(len(rows), np.float32), (number[dense], rows)), shape=(len(order), n))
    of_basket.data[:] = 1.0  # a product twice in a basket is summed up
    sizes: Numbers = np.diff(of_basket.indptr).astype(np.int64)
    fits = sizes <= largest
    of_basket, sizes, owners = of_basket[np.flatnonzero(fits)], sizes[fits], shoppers[first][order][fits]
    of_product = of_basket.T.tocsr()
    counts = np.diff(of_product.indptr).astype(np.int64)
    company = (of_product @ (sizes - 1.0)).astype(np.int64)
    return _Held(np.arange(n, dtype=np.int32), of_basket, of_product, owners, counts, company, int(sizes.sum()))


def _best_first(one: Numbers, other: Numbers, excess: Scores) -> tuple[Numbers, Numbers, Scores]:
    """Pairs by first product, the best first and at most ``_LINKS`` of each."""
    order = np.lexsort((other, -excess, one))
    one, other, excess = one[order].astype(np.int64), other[order].astype(np.int64), excess[order]
    near = np.arange(len(one)) - np.searchsorted(one, one) < _LINKS
    return one[near], other[near], excess[near]


def _spread(sets: Sequence[tuple[int, int, int]], most: int) -> Iterator[tuple[int, int, int]]:
    """The first ``most`` of ``sets`` in which no product is for the third time."""
    used: dict[int, int] = {}
    for one in sets:
        if most and all(used.get(product, 0) < 2 for product in one[:2]):
            used |= {product: used.get(product, 0) + 1 for product in one[:2]}
            most -= 1
            yield one


def _indexed(found: Sequence[Sequence[Set]], products: Rows, n: int) -> BundleIndex:
    """The sets of each of ``products`` by catalogue row."""
    sizes = np.zeros(n, np.int64)
    sizes[products] = [len(sets) for sets in found]
    table = np.array([one for sets in found for one in sets], np.float64).reshape(-1, 4)
    number = table[:, :2].astype(np.int64)
    others: NDArray[np.int32] = np.where(number >= 0, products[number], _NOTHING).astype(np.int32)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return BundleIndex(starts, others, table[:, 2].astype(np.int32), table[:, 3].astype(np.float32))
