"""A query and the first rows of a search in, the chance that each is wanted out: kept, and given up under load."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from time import perf_counter

import numpy as np

from mercato.ports import PairScorer
from mercato.rank.linear import Signal
from mercato.schema import Product, Rows, Scores

NOTE, TERM = "lane:pair", "read"
_HEARD, _FORGIVEN = 0.2, 0.95
"""How much a reading's time counts in the moving mean; by how much the mean falls when a reading is given up, so that
it is tried again: a mean of twice the budget after 14 searches."""


def pair_text(product: Product) -> str:
    """What is read of a product: its title, maker, place in the shop and the start of its description."""
    title = product.title.split(" · ")[0]
    brand = "" if product.brand.casefold() in title.casefold() else product.brand
    leaf = product.categories[0].split(" > ")[-1] if product.categories else ""
    return ". ".join(part for part in (title, brand, leaf, product.description[:160]) if part)


def signal(weight: float, scale: float) -> Signal:
    """The share of the readable score that a chance has."""
    return Signal(NOTE, TERM, weight, scale)


@dataclass(frozen=True)
class Read:
    """Whether and how the first rows of a search are read once more, together with the query.

    ``source``: the folder of a tuned cross-encoder (jobs.cross.learn_cross); "" reads nothing. The first ``pairs`` rows
    are read, of ``at_once`` searches at a time; where more come, or the moving mean of what a whole reading takes is
    above ``budget_ms``, a search does without and says so. The last ``kept`` pairs are not read again.
    """

    source: str = ""
    pairs: int = 16
    at_once: int = 2
    budget_ms: float = 100.0
    kept: int = 50_000

    def over(self, scorer: PairScorer, text: Callable[[int], str], clock: Callable[[], float] = perf_counter) -> Reader:
        """What reads: ``text`` gives a row's text, ``clock`` seconds."""
        return Reader(self, scorer, text, clock)


class Reader:
    """The finished reader; safe to share between threads. What it says of a pair never changes, whether it does may."""

    def __init__(
        self, recipe: Read, scorer: PairScorer, text: Callable[[int], str], clock: Callable[[], float]
    ) -> None:
        self.most = recipe.pairs
        self._recipe, self._scorer, self._text, self._clock = recipe, scorer, text, clock
        self._places, self._lock = BoundedSemaphore(recipe.at_once), Lock()
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._mean = 0.0

    def over(self, text: Callable[[int], str]) -> Reader:
        """The same over other rows; what was read before is still known."""
        other = copy(self)
        other._text = text
        return other

    def read(self, query: str, rows: Rows) -> Scores | None:
        """(n,) from 0 to 1; None where something had to be read and there is no time for it."""
        texts = [self._text(row) for row in rows.tolist()]
        with self._lock:
            found = {text: self._known[query, text] for text in texts if (query, text) in self._known}
            for text in found:
                self._known.move_to_end((query, text))
        new = list(dict.fromkeys(text for text in texts if text not in found))
        if new:
            read = self._read(query, new)
            if read is None:
                return None
            found |= read
        return np.array([found[text] for text in texts], np.float64)

    def _read(self, query: str, texts: list[str]) -> dict[str, float] | None:
        if not self._free():
            return None
        try:
            begun = self._clock()
            scores = self._scorer.score(query, texts)
            took = (self._clock() - begun) * 1000 * self.most / len(texts)
        finally:
            self._places.release()
        with self._lock:
            self._mean = took if not self._mean else (1 - _HEARD) * self._mean + _HEARD * took
            for text, score in zip(texts, scores.tolist(), strict=True):
                self._known[query, text] = score
            while len(self._known) > self._recipe.kept:
                self._known.popitem(last=False)
        return dict(zip(texts, scores.tolist(), strict=True))

    def _free(self) -> bool:
        """Whether there is time to read; if so, a place is taken."""
        with self._lock:
            if self._mean > self._recipe.budget_ms:
                self._mean *= _FORGIVEN
                return False
        return self._places.acquire(blocking=False)
