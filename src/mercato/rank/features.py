"""A pool in, the same pool with what the shopper's history and the catalogue say of each product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import NUMBERS, Catalog
from mercato.schema import Ranking, Request

PROFILE = "profile:"
"""Prefix of the note that holds the shopper's decayed weight on a product's value of one field."""
FACT = "fact:"
"""Prefix of the note that holds what the catalogue says of a product, whoever asks."""


def columns(catalog: Catalog, relations: tuple[str, ...], common: float = 0.05) -> dict[str, NDArray[np.int32]]:
    """One code per row and field, -1 where a product has none: its deepest category, its variant group, and the main
    value of each field in ``relations`` that the catalogue has. A value that more than ``common`` of the products share
    relates nothing ("National brand")."""
    found = {"category": catalog.leaf, "group": catalog.group}
    for name in relations:
        facet = catalog.facets.get(name)
        if facet is not None and len(facet.values) > 1:
            codes = np.full(len(catalog), -1, np.int32)
            codes[facet.rows[::-1]] = facet.codes[::-1]
            shared = np.bincount(codes[codes >= 0], minlength=len(facet.values)) > max(common * len(catalog), 10)
            codes[(codes >= 0) & shared[codes]] = -1
            found[name] = codes
    return found


@dataclass(frozen=True)
class Profile:
    """How much of a shopper's recent wanting went to each value of each field.

    ``codes`` name → (n,) int32. An event weighs grade/3 and half as much each ``half_life_days`` before the newest one.
    """

    codes: Mapping[str, NDArray[np.int32]]
    half_life_days: float = 80.0

    def note(self, request: Request, ranking: Ranking) -> Ranking:
        """``ranking`` with one ``profile:NAME`` note per field."""
        history = request.history
        age = np.maximum(history.at.max(initial=0) - history.at, 0) / 86_400
        weight = history.grades / 3 * 0.5 ** (age / self.half_life_days)
        notes = {}
        for name, codes in self.codes.items():
            theirs, wanted = codes[history.rows], codes[ranking.rows]
            size = int(max(theirs.max(initial=-1), wanted.max(initial=-1))) + 2
            total = np.bincount(theirs + 1, weights=weight, minlength=size)
            total[0] = 0.0
            notes[f"{PROFILE}{name}"] = total[wanted + 1]
        return ranking.noted(**notes)

    def source(self, request: Request, row: int, name: str) -> int | None:
        """The newest product of the history that shares the value of field ``name`` with ``row``, itself excluded."""
        codes = self.codes[name]
        if codes[row] < 0:
            return None
        history = request.history
        shared = np.flatnonzero((codes[history.rows] == codes[row]) & (history.rows != row) & (history.grades > 0))
        return int(history.rows[shared[-1]]) if len(shared) else None


@dataclass(frozen=True)
class Facts:
    """What the catalogue says of a product beside all that match: one column a field that tells its products apart.

    ``price`` (n,) and ``rating`` (n,), 0 where a product has none; ``stock`` (n,) 1 for what can be had now, else 0;
    ``created`` (n,) UTC seconds, minus infinity for none. What is ``days`` old is half as fresh as what came just now.
    """

    profile: Profile
    price: NDArray[np.float64] | None = None
    stock: NDArray[np.float64] | None = None
    rating: NDArray[np.float64] | None = None
    created: NDArray[np.float64] | None = None
    days: float = 90.0

    @staticmethod
    def of(catalog: Catalog, profile: Profile) -> Facts:
        """The columns of ``catalog``."""
        price, rating, quantity, created = (catalog.numbers[name] for name in NUMBERS)
        known = catalog.facets.get("availability")
        there = np.ones(len(catalog)) if known is None else known.mask(["in-stock"], len(catalog)).astype(np.float64)
        there[quantity <= 0] = 0.0  # NaN is not
        return Facts(
            profile,
            price=_telling(np.where(price > 0, price, 0.0)),
            stock=_telling(there),
            rating=_telling(np.where(rating > 0, rating, 0.0)),
            created=_telling(np.where(np.isnan(created), -np.inf, created)),
        )

    def note(self, request: Request, ranking: Ranking) -> Ranking:
        """``ranking`` with the profile's notes and, each from 0 for what has none up: *cheap* (how many times its price
        goes into the usual, the geometric mean of all that match), *stock* (1 or 0), *fresh* (1 for what is new, ever
        less for what is older) and *rating*."""
        ranking, rows = self.profile.note(request, ranking), ranking.rows
        notes: dict[str, NDArray[np.float64]] = {}
        if self.price is not None:
            notes["cheap"] = _cheap(self.price[rows])
        if self.stock is not None:
            notes["stock"] = self.stock[rows]
        if self.rating is not None:
            notes["rating"] = self.rating[rows]
        if self.created is not None:
            age = np.maximum(request.now - self.created[rows], 0.0) / (86_400 * self.days)
            notes["fresh"] = 1 / (1 + age)
        return ranking.noted(**{f"{FACT}{name}": values for name, values in notes.items()})


def _cheap(price: NDArray[np.float64]) -> NDArray[np.float64]:
    priced = price > 0
    if not priced.any():
        return np.zeros(len(price))
    usual = float(np.exp(np.log(price, out=np.zeros(len(price)), where=priced).sum() / np.count_nonzero(priced)))
    return np.divide(usual, price, out=np.zeros(len(price)), where=priced)


def _telling(column: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """None for a column that says the same of every product."""
    return None if not len(column) or column.min() == column.max() else column
