"""Sets mined from baskets against a slow count of every basket, and what they complete."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.errors import SettingsError
from mercato.retrieve import bundles
from mercato.retrieve.bundles import BundleIndex, Bundles
from mercato.schema import Product

N = 9
CATALOG = Catalog.build(
    Product(
        id=f"p{row}",
        title=f"thing {row}",
        categories=(f"kind {row // 2}",) if row < 6 else (),
        group_id="variants" if row in (4, 6) else "",
        sellable=row != 8,
    )
    for row in range(N)
)


class Basket(NamedTuple):
    shopper: int
    rows: frozenset[int]


def mined(recipe: Bundles, baskets: list[Basket]) -> BundleIndex:
    """The index of ``baskets``; every second line is there twice."""
    lines = [(one.shopper, n, row) for n, one in enumerate(baskets) for row in sorted(one.rows)]
    lines += lines[::2]
    shoppers, numbers, rows = (np.array([line[place] for line in lines], np.int64) for place in range(3))
    return recipe.mine(shoppers, 1000 - 7 * numbers, rows.astype(np.int32), CATALOG)


def of(index: BundleIndex, row: int) -> list[tuple[tuple[int, ...], int, float]]:
    """The sets of ``row``: the others, the baskets, the score."""
    places = range(index.starts[row], index.starts[row + 1])
    others = ([int(other) for other in index.others[place] if other >= 0] for place in places)
    return [
        (tuple(some), int(index.baskets[place]), float(index.scores[place]))
        for some, place in zip(others, places, strict=True)
    ]


class Slow:
    """The same by looking into every basket for every set."""

    def __init__(self, recipe: Bundles, baskets: list[Basket]) -> None:
        self.recipe = recipe
        self.baskets = [one for one in baskets if one.rows and len(one.rows) <= recipe.largest]
        self.known: dict[frozenset[int], list[Basket]] = {}
        self.lines = sum(len(one.rows) for one in self.baskets)

    def holding(self, *rows: int) -> list[Basket]:
        key = frozenset(rows)
        if key not in self.known:
            self.known[key] = [one for one in self.baskets if one.rows >= key]
        return self.known[key]

    def chance(self, one: int, other: int) -> float:
        company = sum(len(basket.rows) - 1 for basket in self.holding(one))
        return len(self.holding(other)) * company / max(self.lines, 1)

    def goes(self, one: int, other: int) -> bool:
        kinds, groups = CATALOG.leaf, CATALOG.group
        alike = groups[one] == groups[other] or (kinds[one] == kinds[other] and kinds[one] >= 0)
        count, chance = len(self.holding(one, other)), max(self.chance(one, other), self.chance(other, one))
        above = count >= self.recipe.least_lift * chance and count - chance >= self.recipe.least_z * np.sqrt(chance)
        sold = CATALOG.sellable[one] and CATALOG.sellable[other]
        return bool(sold and not alike and above and count >= self.recipe.least_baskets)

    def excess(self, one: int, other: int) -> float:
        return (len(self.holding(one, other)) - self.chance(one, other)) / len(self.holding(one))

    def supported(self, *rows: int) -> bool:
        found = self.holding(*rows)
        many = len({one.shopper for one in found}) >= self.recipe.least_shoppers
        return many and len(found) >= self.recipe.least_baskets

    def share(self, row: int, one: int, other: int) -> float:
        return len(self.holding(row, one, other)) / max(len(self.holding(row, one)), len(self.holding(row, other)))

    def sets(self, row: int) -> list[tuple[tuple[int, ...], int, float]]:
        others = [other for other in range(N) if other != row and self.goes(row, other)]
        worth = {other: self.excess(row, other) for other in others}
        partners = sorted(others, key=lambda other: (-worth[other], other))[: self.recipe.partners]
        three = [pair for pair in combinations(partners, 2) if self.goes(*pair) and self.supported(row, *pair)]
        three = [pair for pair in three if self.share(row, *pair) >= self.recipe.least_share]
        three.sort(key=lambda pair: -(worth[pair[0]] + worth[pair[1]]))
        used: Counter[int] = Counter()
        kept: list[tuple[int, ...]] = []
        for pair in three:
            if len(kept) < self.recipe.kept and max(used[pair[0]], used[pair[1]]) < 2:
                used.update(pair)
                kept.append(tuple(sorted(pair)))
        kept += [(one,) for one in partners if self.supported(row, one)][: self.recipe.kept]
        found = [(some, len(self.holding(row, *some)), sum(worth[one] for one in some)) for some in kept]
        return sorted(found, key=lambda one: (-one[2], *one[0]))


ROWS = st.frozensets(st.integers(0, N - 1), min_size=1, max_size=5)


@st.composite
def shopping(draw: st.DrawFn) -> list[Basket]:
    """Baskets of a few habits that several shoppers keep, with something else now and then."""
    habits = draw(st.lists(ROWS, min_size=1, max_size=4))
    kept = draw(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(habits), ROWS), min_size=10, max_size=50))
    return [
        Basket(shopper, habit | (more if n % 3 == 0 else frozenset())) for n, (shopper, habit, more) in enumerate(kept)
    ]


@settings(max_examples=60)
@given(
    baskets=shopping(),
    recipe=st.builds(
        Bundles,
        least_baskets=st.integers(1, 8),
        least_lift=st.sampled_from([0.0, 1.0, 1.5]),
        least_z=st.sampled_from([-1e9, 0.5]),
        least_share=st.sampled_from([0.0, 0.25, 0.5]),
        partners=st.integers(1, 8),
        kept=st.integers(1, 4),
        largest=st.sampled_from([4, 200]),
    ),
)
def test_sets_against_a_look_into_every_basket(baskets: list[Basket], recipe: Bundles) -> None:
    index, slow = mined(recipe, baskets), Slow(recipe, baskets)
    for row in range(N):
        expected = [(others, count, float(np.float32(score))) for others, count, score in slow.sets(row)]
        assert of(index, row) == expected


def test_blocks_of_products_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    baskets = [Basket(n % 11, frozenset({n % 7, (n * n) % 7, (3 * n + 1) % 7})) for n in range(300)]
    recipe = Bundles(least_lift=0.0, least_z=-1e9)
    whole = mined(recipe, baskets)
    monkeypatch.setattr(bundles, "_WORK", 50)
    monkeypatch.setattr(bundles, "_WIDE", 2)
    small = mined(recipe, baskets)
    assert len(whole) > 10
    assert [of(small, row) for row in range(N)] == [of(whole, row) for row in range(N)]


def test_four_shoppers_make_no_set_however_often_they_buy() -> None:
    def bought(shoppers: int) -> BundleIndex:
        together = [Basket(n % shoppers, frozenset({0, 2, 5})) for n in range(40)]
        return mined(Bundles(), together + [Basket(n, frozenset({1, 3, 7})) for n in range(40)])

    assert not of(bought(4), 0)
    assert of(bought(5), 0)[0][:2] == ((2, 5), 40)
    with pytest.raises(SettingsError, match="least_shoppers is 4"):
        Bundles(least_shoppers=4)


def test_what_sells_most_goes_with_nothing_by_that_alone() -> None:
    """Row 7 is in every basket, row 2 only where row 0 is."""
    baskets = [Basket(n, frozenset({7, 0, 2} if n % 3 == 0 else {7, 1, 3, 5})) for n in range(60)]
    assert [others for others, _, _ in of(mined(Bundles(), baskets), 0)] == [(2,)]


def test_nothing_bought_nothing_found(tmp_path: Path) -> None:
    index = mined(Bundles(), [])
    assert len(index) == 0
    index.save(tmp_path / "none")
    assert len(BundleIndex.load(tmp_path / "none")) == 0
    every = np.ones(N, bool)
    assert not list(BundleIndex.load(tmp_path / "none").complete(np.array([0, 3], np.int32), np.array([0]), every))


@settings(max_examples=50)
@given(
    baskets=shopping(),
    cart=st.frozensets(st.integers(0, N - 1), max_size=4),
    allowed=st.lists(st.booleans(), min_size=N, max_size=N),
)
def test_a_cart_is_completed_with_what_is_allowed_and_not_in_it(
    baskets: list[Basket], cart: frozenset[int], allowed: list[bool]
) -> None:
    recipe = Bundles(least_baskets=2, least_lift=0.0, least_z=-1e9)
    index = mined(recipe, baskets)
    rows = np.array(sorted(cart), np.int32)
    found = list(index.complete(rows, rows, np.array(allowed)))
    known = {(row, *others): count for row in cart for others, count, _ in of(index, row)}
    for added, held, count in found:
        assert not cart & set(added.tolist())
        assert set(held.tolist()) <= cart
        assert all(allowed[row] for row in added.tolist())
        whole = {*added.tolist(), *held.tolist()}
        assert count in {n for members, n in known.items() if set(members) == whole}
    expected = {frozenset(members) - cart for members in known}
    expected = {adds for adds in expected if adds and all(allowed[row] for row in adds)}
    assert sorted(map(sorted, expected)) == sorted(sorted(added.tolist()) for added, _, _ in found)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    index = mined(Bundles(), [Basket(n % 9, frozenset({0, 2, 5} if n % 2 else {1, 3})) for n in range(80)])
    index.save(tmp_path / "sets")
    back = BundleIndex.load(tmp_path / "sets")
    assert len(index) > 0
    assert [of(back, row) for row in range(N)] == [of(index, row) for row in range(N)]
