"""A term in, what the index knows of it out: how many products hold it, how it is written, what it is made of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Vocabulary:
    """The v terms of an index over ``n`` products.

    ``terms`` ascend; ``frequencies`` (v,) int: products that hold each; ``spellings``: how each was written, most
    often first (a stem is no word to show); ``compounds``: joined term → the parts it was written with
    ("icecream" → ice, cream).
    """

    terms: Sequence[str]
    frequencies: NDArray[np.integer]
    spellings: Sequence[Sequence[str]]
    n: int
    compounds: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def __len__(self) -> int:
        return len(self.terms)

    def __contains__(self, term: object) -> bool:
        return isinstance(term, str) and self.place(term) >= 0

    def place(self, term: str) -> int:
        """The position of ``term``, -1 when no product holds it."""
        at = bisect_left(self.terms, term)
        return at if at < len(self.terms) and self.terms[at] == term else -1

    def frequency(self, term: str) -> int:
        """How many products hold ``term``."""
        at = self.place(term)
        return int(self.frequencies[at]) if at >= 0 else 0

    def written(self, term: str) -> Sequence[str]:
        """How ``term`` was written, most often first; itself when unknown."""
        at = self.place(term)
        return self.spellings[at] if at >= 0 else (term,)

    def starting(self, prefix: str) -> range:
        """Positions of the terms that start with ``prefix``."""
        return range(bisect_left(self.terms, prefix), bisect_left(self.terms, prefix + _LAST))
