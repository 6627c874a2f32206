"""A catalogue and a few products in, the catalogue with those in it out: rows keep their numbers, new ones follow."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog, Facet
from mercato.codec import dumps, product_to_dict
from mercato.schema import Mask, Product, Rows

_NOTHING = Facet(np.empty(0, np.int32), np.empty(0, np.int32), ())


class Codes:
    """The numbers that stand for category paths and for groups of variants in one catalogue and all that is put into
    it. Numbers are only ever added, so catalogues made before stay right. One thread at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._leaves = {path: code for code, path in enumerate(catalog.leaves) if path}
        self._groups = dict(catalog.groups)
        self._named = set(self._groups.values())
        self._next_leaf, self._next_group = (int(codes.max(initial=-1)) + 1 for codes in (catalog.leaf, catalog.group))

    def leaf(self, product: Product) -> int:
        """The number of its first category; -1 where it has none."""
        path = product.categories[0] if product.categories else ""
        if path and path not in self._leaves:
            self._leaves[path] = self._next_leaf
            self._next_leaf += 1
        return self._leaves[path] if path else -1

    def is_shared(self, group: int) -> bool:
        """Whether ``group`` is the number of a named group."""
        return group in self._named

    def group(self, product: Product) -> int:
        """The number of its group; a new one where nothing else is of that group, or it has none."""
        if product.group_id in self._groups:
            return self._groups[product.group_id]
        number, self._next_group = self._next_group, self._next_group + 1
        if product.group_id:
            self._groups[product.group_id] = number
            self._named.add(number)
        return number


def patched(catalog: Catalog, products: Sequence[Product], at: Rows, codes: Codes) -> Catalog:
    """``catalog`` with ``products`` (m) at rows ``at`` (m, ascending; those beyond the last without a gap).

    The same as a catalogue built of them all, but for the numbers that stand for values, categories and groups: a value
    or field that no product has any more stays, with a count of 0.
    """
    fresh, n = Catalog.build(products), max(len(catalog), int(at.max(initial=-1)) + 1)
    gone = np.zeros(n, bool)
    gone[at] = True
    names = sorted({*catalog.facets, *fresh.facets})
    later = {row: dumps(product_to_dict(product)) for row, product in zip(at.tolist(), products, strict=True)}
    return replace(
        catalog,
        ids=catalog.ids + tuple(product.id for product in products[len(at) - (n - len(catalog)) :]),
        facets={
            name: _merged(catalog.facets.get(name, _NOTHING), fresh.facets.get(name, _NOTHING), gone, at)
            for name in names
        },
        numbers={name: _put(column, fresh.numbers[name], at, n) for name, column in catalog.numbers.items()},
        leaf=_put(catalog.leaf, np.array([codes.leaf(product) for product in products], np.int32), at, n),
        group=_put(catalog.group, _groups(catalog, products, at, codes), at, n),
        sellable=_put(catalog.sellable, fresh.sellable, at, n),
        later={**catalog.later, **later},
    )


def _groups(catalog: Catalog, products: Sequence[Product], at: Rows, codes: Codes) -> NDArray[np.int32]:
    """The group of each product; one that was alone and still is keeps its number, or there would be ever more."""
    numbers = []
    for product, row in zip(products, at.tolist(), strict=True):
        alone = not product.group_id and row < len(catalog) and not codes.is_shared(catalog.group[row])
        numbers.append(int(catalog.group[row]) if alone else codes.group(product))
    return np.array(numbers, np.int32)


def _put(column: NDArray[Any], values: NDArray[Any], at: Rows, n: int) -> NDArray[Any]:
    longer = np.empty(n, column.dtype)
    longer[: len(column)] = column
    longer[at] = values
    return longer


def _merged(old: Facet, fresh: Facet, gone: Mask, at: Rows) -> Facet:
    """The pairs of ``old`` whose rows are not ``gone`` (n,), and those of ``fresh``, whose rows count along ``at``."""
    keep = ~gone[old.rows]
    if keep.all() and not len(fresh.rows):
        return old
    places = [bisect_left(old.values, value) for value in fresh.values]
    known = [old.values[place : place + 1] == (value,) for place, value in zip(places, fresh.values, strict=True)]
    new = [place for place, is_known in zip(places, known, strict=True) if not is_known]
    moved = np.arange(len(old.values)) + np.searchsorted(new, np.arange(len(old.values)), "right")
    values = tuple(sorted({*old.values, *fresh.values})) if new else old.values
    number: Mapping[str, int] = {value: bisect_left(values, value) for value in fresh.values}
    own = np.array([number[value] for value in fresh.values], np.int32)
    rows = np.concatenate([old.rows[keep], at[fresh.rows]])
    codes = np.concatenate([moved[old.codes[keep]].astype(np.int32), own[fresh.codes]])
    order = np.argsort(rows, kind="stable")
    return Facet(rows[order], codes[order], values)
