"""What matched and a filter in, the sidebar out: values with counts and ranges with buckets, each what a tick gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog, Facet
from mercato.errors import RequestError, SettingsError
from mercato.facets.edges import round_edges
from mercato.schema import Mask, Where
from mercato.words import normalise, scripts

_UNSPACED = frozenset({"han", "kana", "thai"})
_GROUPED = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""Rows, codes and groups of a facet's pairs, by code, then group."""


@dataclass(frozen=True)
class Facets:
    """The sidebar: at most ``values`` of a field, the most frequent ones; about ``buckets`` buckets of similar counts
    for a field of numbers, at round numbers chosen from what matched, or at the shop's own ``edges``, by field (price
    in major units, created_at in UNIX seconds): price = [5, 10] gives under 5, 5 to 10, and 10 and above."""

    values: int = 100
    buckets: int = 6
    edges: Mapping[str, Sequence[float]] = field(default_factory=lambda: MappingProxyType({}))

    def over(self, catalog: Catalog) -> Sidebar:
        """The finished counts over one snapshot. Raises SettingsError for edges of a field that has no numbers, or that
        do not ascend."""
        edges = {name: np.array(given, np.float64) for name, given in self.edges.items()}
        for name, given in edges.items():
            if name not in catalog.numbers:
                hint = f"fields of numbers: {', '.join(catalog.numbers)}"
                raise SettingsError(f"{name!r} has no numbers", where="[facets] edges", hint=hint)
            if given.ndim != 1 or not np.isfinite(given).all() or not (np.diff(given) > 0).all():
                raise SettingsError(f"the edges of {name!r} do not ascend", where="[facets] edges")
        return Sidebar(catalog, self, edges)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The rows that a query ``found`` (n flags), ``failed`` (n,) how many conditions of a filter each fails, and by
    field the rows ``passing`` its condition.
    """

    found: Mask
    failed: NDArray[np.int8]
    passing: Mapping[str, Mask]

    @staticmethod
    def of(catalog: Catalog, found: Mask, where: Where) -> Narrowed:
        """``found`` must be what the query matches without any filter: sellable, not deleted. Raises as
        ``Catalog.allowed``."""
        passing: dict[str, Mask] = {}
        for name, condition in where.items():
            own, mask = catalog.field(name, f"where.{name}"), catalog.passing(name, condition)
            passing[own] = passing[own] & mask if own in passing else mask
        failed = np.zeros(len(catalog), np.int8)
        for mask in passing.values():
            failed += ~mask
        return Narrowed(found, failed, passing)

    def rows(self) -> Mask:
        """What passes every condition: the list, whatever the page."""
        mask: Mask = self.found & (self.failed == 0)
        return mask

    def without(self, name: str) -> Mask:
        """What passes every condition but that of field ``name`` (as ``Catalog.field`` spells it)."""
        own = self.passing.get(name)
        if own is None:
            return self.rows()
        mask: Mask = self.found & (self.failed == ~own)
        return mask


@dataclass(frozen=True, slots=True)
class Bucket:
    """Numbers from ``min`` on and under ``below``, open where None, and how many products or groups have one."""

    min: float | None
    below: float | None
    count: int

    def condition(self) -> dict[str, float]:
        """What to put into ``where`` to see exactly these."""
        return {name: edge for name, edge in (("min", self.min), ("below", self.below)) if edge is not None}


@dataclass(frozen=True, slots=True)
class Spread:
    """The smallest and the largest number of a field, and its ``buckets``, ascending, that leave no number out."""

    min: float
    max: float
    buckets: tuple[Bucket, ...]

    def to_dict(self) -> dict[str, Any]:
        """The spread as JSON: each bucket its condition and its count."""
        buckets = [{**bucket.condition(), "count": bucket.count} for bucket in self.buckets]
        return {"min": self.min, "max": self.max, "buckets": buckets}


@dataclass(frozen=True, slots=True)
class Counted:
    """By field: the most frequent values with counts, how many further ones were ``left_out``, and the ``ranges``."""

    values: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int]
    ranges: Mapping[str, Spread]


@dataclass(frozen=True)
class Sidebar:
    """Counts over one snapshot; safe to share between threads.

    ``disjunctive`` counts take every condition but the field's own, so that a tick on "red" leaves "blue" standing, and
    say what ticking one value alone would list; others count what is listed. With ``groups`` they count groups of
    variants (``Catalog.group``), for a list that shows one product of each.
    """

    catalog: Catalog
    recipe: Facets
    edges: Mapping[str, NDArray[np.float64]]
    _grouped: dict[str, _GROUPED] = field(default_factory=dict, repr=False)
    _spelled: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def count(
        self,
        fields: Iterable[str],
        narrowed: Narrowed,
        *,
        disjunctive: bool = True,
        groups: bool = False,
        most: int | None = None,
    ) -> Counted:
        """At most ``most`` values of each of ``fields`` (the recipe's number when None), and ranges of those that are
        numbers, under the names asked for; a number that nothing has is left out. Raises RequestError for an unknown
        field.
        """
        values: dict[str, Mapping[str, int]] = {}
        left_out: dict[str, int] = {}
        ranges: dict[str, Spread] = {}
        for name in fields:
            own = self.catalog.field(name)
            within = narrowed.without(own) if disjunctive else narrowed.rows()
            if own in self.catalog.numbers:
                if spread := self._spread(own, within, groups):
                    ranges[name] = spread
                continue
            totals = self._totals(own, within, groups)
            values[name] = self.catalog.facets[own].most(totals, self.recipe.values if most is None else most)
            left_out[name] = int(np.count_nonzero(totals)) - len(values[name])
        return Counted(values, left_out, ranges)

    def matching(
        self,
        name: str,
        prefix: str,
        narrowed: Narrowed,
        *,
        k: int = 10,
        disjunctive: bool = True,
        groups: bool = False,
    ) -> tuple[dict[str, int], int]:
        """The ``k`` most frequent values of one field in which a word begins with ``prefix`` (case and accents aside;
        in scripts without spaces, anywhere), with counts, and how many further ones there are. Raises RequestError for
        an unknown field or one of numbers.
        """
        own = self.catalog.field(name)
        if own not in self.catalog.facets:
            raise RequestError(f"{name!r} is a number: it has ranges, no values", where="facets")
        totals = self._totals(own, narrowed.without(own) if disjunctive else narrowed.rows(), groups)
        typed = normalise(prefix)
        typed = typed if scripts(typed) & _UNSPACED else f" {typed}"
        spelled = self._words(own)
        beginning = [code for code in np.flatnonzero(totals).tolist() if typed in spelled[code]]
        kept = np.zeros_like(totals)
        kept[beginning] = totals[beginning]
        values = self.catalog.facets[own].most(kept, k)
        return values, len(beginning) - len(values)

    def _words(self, name: str) -> tuple[str, ...]:
        if name not in self._spelled:
            self._spelled[name] = tuple(f" {normalise(value)}" for value in self.catalog.facets[name].values)
        return self._spelled[name]

    def _totals(self, name: str, within: Mask, groups: bool) -> NDArray[np.int64]:
        """How many rows, or groups, of ``within`` have each value, by code."""
        facet = self.catalog.facets[name]
        if not groups:
            return facet.totals(within)
        rows, codes, group = self._by_group(name, facet)
        inside = within[rows]
        codes, group = codes[inside], group[inside]
        first = np.ones(len(codes), bool)
        first[1:] = (codes[1:] != codes[:-1]) | (group[1:] != group[:-1])
        return np.bincount(codes[first], minlength=len(facet.values))

    def _by_group(self, name: str, facet: Facet) -> _GROUPED:
        if name not in self._grouped:  # two threads at once work it out twice and agree
            group = self.catalog.group[facet.rows]
            order = np.lexsort((group, facet.codes))
            self._grouped[name] = facet.rows[order], facet.codes[order], group[order]
        return self._grouped[name]

    def _spread(self, name: str, within: Mask, groups: bool) -> Spread | None:
        column = self.catalog.numbers[name]
        rows = np.flatnonzero(within & ~np.isnan(column))
        if not len(rows):
            return None
        numbers = column[rows]
        edges = self.edges.get(name)
        if edges is None:
            edges = round_edges(np.sort(numbers), self.recipe.buckets, of_time=name == "created_at")
        place = np.searchsorted(edges, numbers, "right")
        if groups:
            held = np.zeros((len(edges) + 1, int(self.catalog.group.max()) + 1), bool)
            held[place, self.catalog.group[rows]] = True
            counts = np.count_nonzero(held, axis=1)
        else:
            counts = np.bincount(place, minlength=len(edges) + 1)
        ends = [None, *edges.tolist(), None]
        buckets = (Bucket(low, high, n) for low, high, n in zip(ends, ends[1:], counts.tolist(), strict=False))
        return Spread(float(numbers.min()), float(numbers.max()), tuple(buckets))
