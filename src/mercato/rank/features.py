"""A pool in, the same pool with what the shopper's history says of each product's type, category, maker and group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.schema import Ranking, Request

PROFILE = "profile:"
"""Prefix of the note that holds the shopper's decayed weight on a product's value of one field."""


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
