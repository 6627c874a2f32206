"""A query in, everything it matches out, in words and in meaning, with what had to be corrected or left out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.retrieve.dense import Meaning
from mercato.retrieve.needs import NeedIndex
from mercato.retrieve.numbers import NumberIndex
from mercato.schema import Mask, Ranking, Rows, Scores, Word

log = logging.getLogger(__name__)

Run = tuple[str, ...]
Synonyms = Mapping[Run, tuple[tuple[Run, float], ...]]
"""Index terms in a row → what else may stand for them, each with what it counts, below 1."""
NO_SYNONYMS: Synonyms = MappingProxyType({})

CLOSEST = "all words, and are what comes closest in meaning"
NEEDED = "all words, and are what one buys then"

_LEAST_COPY = 0.05
"""What the last of many products of one need still counts."""


class Index(Protocol):
    """The lexical index (retrieve.lexical.LexicalIndex)."""

    def match(self, words: Sequence[Word], allowed: Mask) -> tuple[Rows, Scores]: ...
    def share(self, words: Sequence[Word], allowed: Mask) -> tuple[Rows, Scores, Scores]: ...
    def missing(self, words: Sequence[Word], row: int) -> list[Word]: ...


class Read(Protocol):
    """A query as ``words``, and how it was ``corrected`` ("" when it was not)."""

    @property
    def words(self) -> tuple[Word, ...]: ...
    @property
    def corrected(self) -> str: ...


class Reader(Protocol):
    """Reads queries against one index's vocabulary (understand.query.Understanding)."""

    def parse(self, query: str, synonyms: Synonyms) -> Read:
        """The likeliest reading."""
        ...

    def respelled(self, query: str, synonyms: Synonyms) -> Iterator[Read]:
        """Other readings, the likeliest first, for when that one matches nothing."""
        ...


@dataclass(frozen=True)
class Matched:
    """``ranking``: the complete matched set, rows ascending, with the notes *words*, *every*, *meaning*, *exact* and
    *number*; how the query was read, what was left out of it, and the parts that ``failed``."""

    ranking: Ranking
    words: tuple[Word, ...] = ()
    corrected: str = ""
    relaxed: str = ""
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hybrid:
    """Words first, meaning beside them.

    A product matches when it holds every word, or is near enough in meaning. Only where fewer than ``enough`` products
    hold every word, others match that hold at least ``least`` of what the words tell; the less they hold, the less
    their words count; and what one buys who has such a problem or such a plan (``needs``), of products much alike each
    next one counting ``copies`` times as much. What matches never depends on filters, so a filter only ever narrows.

    Scores are fused by value, not by place (convex combination: Bruch, Gai & Ingber, TOIS 2023): *words* is the BM25F
    sum over the shop's best, *meaning* the cosine over the shop's best, and the less of the query the shop's words
    know, the more meaning counts, up to 1 + ``unsaid`` times. What was chosen on what: bench/results/search.md.
    """

    catalog: Catalog
    index: Index
    reader: Reader
    meaning: Meaning | None
    numbers: NumberIndex | None = None
    needs: NeedIndex | None = None
    enough: int = 10
    least: float = 0.3
    unsaid: float = 3.0
    copies: float = 0.7

    def match(self, query: str, synonyms: Synonyms = NO_SYNONYMS) -> Matched:
        """Everything sellable that matches; nothing for an empty query, nor for one that nobody understands."""
        shop = self.catalog.sellable
        read = self.reader.parse(query, synonyms)
        rows, scores = self.index.match(read.words, shop) if read.words else _nothing()
        if not len(rows):
            read, rows, scores = self._respelled(query, synonyms, read, shop)
        share, full, few = np.ones(len(rows)), len(rows) > 0, len(rows) < self.enough
        if few:
            rows, scores, share = self._partly(read.words, shop)
            scores = scores * np.sqrt(share)
        text = read.corrected or query
        cosines, failed = self._cosines(text)
        near = self.meaning.near(cosines) & shop if self.meaning is not None and len(cosines) else _none(shop)
        needed = self._worth(text, cosines, shop) if few else np.zeros(len(shop))
        relaxed = NEEDED if needed.any() and not full else ""
        if not len(rows) and not near.any() and not needed.any() and self.meaning is not None and len(cosines):
            near = self.meaning.closest(cosines, text) & shop
            relaxed, read = (CLOSEST if near.any() else ""), _Unread(read.words)
        ranking = self._joined(rows, scores, share, cosines, near)
        if len(rows) and not full:
            relaxed = self._left_out(read.words, ranking)
        if needed.any():
            both = np.union1d(ranking.rows, np.flatnonzero(needed)).astype(np.int32)
            ranking = _widened(ranking, both, {"lane:need": needed[both]})
        return Matched(self._with_number(ranking, query.strip()), read.words, read.corrected, relaxed, failed)

    def _worth(self, text: str, cosines: Scores, shop: Mask) -> Scores:
        """How much each row is what one buys who asks so: of every need the products that hold its words and are near
        in meaning to what was asked (a razor for legs is no scooter), each next one a little less, so that the list
        has of them all."""
        worth = np.zeros(len(shop))
        if self.needs is None:
            return worth
        vector = self.meaning.vector(text) if self.meaning is not None and len(cosines) else np.empty(0, np.float32)
        nearness = (
            np.maximum(cosines, 0.0) / max(cosines.max(initial=0.0), 1e-9) if len(cosines) else np.ones(len(shop))
        )
        for words, counts in self.needs.find(text, vector):
            rows, scores = self.index.match(words, shop)
            fit = nearness[rows] * scores / max(scores.max(initial=0.0), 1e-9)
            best = np.lexsort((rows, -fit))
            told = counts * np.sqrt(fit[best]) * np.maximum(self.copies ** np.arange(len(best)), _LEAST_COPY)
            worth[rows[best]] = np.maximum(worth[rows[best]], told)
        return worth

    def _left_out(self, words: Sequence[Word], ranking: Ranking) -> str:
        """The words that the likely first of the list does not hold."""
        worth = np.log1p(ranking.notes["lane:words"]) + 0.5 * np.log1p(ranking.notes["lane:meaning"])
        return " ".join(word.text for word in self.index.missing(words, int(ranking.rows[np.argmax(worth)])))

    def _respelled(self, query: str, synonyms: Synonyms, read: Read, shop: Mask) -> tuple[Read, Rows, Scores]:
        """The first other reading that some product matches wholly; the one that was, where there is none."""
        for other in self.reader.respelled(query, synonyms):
            rows, scores = self.index.match(other.words, shop)
            if len(rows):
                return other, rows, scores
        return read, *_nothing()

    def _partly(self, words: Sequence[Word], shop: Mask) -> tuple[Rows, Scores, Scores]:
        """What holds enough of what the words tell; where nothing holds that much, what holds most."""
        rows, scores, share = self.index.share(words, shop)
        share = share * _known(words)
        kept = share >= min(self.least, share.max(initial=0.0))
        return rows[kept], scores[kept], share[kept]

    def _cosines(self, text: str) -> tuple[Scores, tuple[str, ...]]:
        """Cosine of every row, empty where there is no encoder or it does not read this script."""
        if self.meaning is None:
            return np.empty(0), ()
        try:
            return self.meaning.cosines(text), ()
        except Exception:
            log.exception("meaning failed and was left out")
            return np.empty(0), ("meaning",)

    def _joined(self, rows: Rows, words: Scores, share: Scores, cosines: Scores, near: NDArray[np.bool_]) -> Ranking:
        """Rows that match either way with their notes; meaning has its say about what matches in words too."""
        both = np.union1d(rows, np.flatnonzero(near)).astype(np.int32)
        place = np.searchsorted(both, rows)
        notes = {name: np.zeros(len(both)) for name in ("lane:words", "lane:every", "lane:meaning")}
        notes["lane:words"][place] = words / max(words.max(initial=0.0), 1e-9)
        notes["lane:every"][place] = share > 1 - 1e-9
        if len(cosines):
            best = max(float(cosines[self.catalog.sellable].max(initial=0.0)), 1e-9)
            unsaid = 1 - share.max(initial=0.0)
            notes["lane:meaning"] = np.maximum(cosines[both], 0.0) / best * (1 + self.unsaid * unsaid)
        return Ranking(both, notes["lane:words"], notes)

    def _with_number(self, matched: Ranking, query: str) -> Ranking:
        """``matched`` and, when the query is a product's id or part number, that product, noted as exact; when a part
        of it is, noted as *number*."""
        row, shop = self.catalog.row(query), self.catalog.sellable
        named = self.numbers.find(query) if self.numbers is not None else None
        exact = np.array([] if row is None else [row], np.int32)
        partly = np.empty(0, np.int32)
        if named is not None:
            exact, partly = (np.union1d(exact, named.rows), partly) if named.whole else (exact, named.rows)
        exact, partly = exact[shop[exact]], partly[shop[partly]]
        if not len(exact) and not len(partly):
            return matched
        rows = np.union1d(matched.rows, np.union1d(exact, partly)).astype(np.int32)
        found = {"lane:exact": np.isin(rows, exact), "lane:number": np.isin(rows, partly)}
        return _widened(matched, rows, {name: flags.astype(np.float64) for name, flags in found.items()})


def _widened(matched: Ranking, rows: Rows, further: Mapping[str, Scores]) -> Ranking:
    """``matched`` over more ``rows``, of which it says nothing, with ``further`` notes of them all."""
    notes = {name: np.zeros(len(rows)) for name in matched.notes}
    place = np.searchsorted(rows, matched.rows)
    for name, values in matched.notes.items():
        notes[name][place] = values
    return Ranking(rows, notes["lane:words"], {**notes, **further})


@dataclass(frozen=True)
class _Unread:
    """A reading whose corrections led nowhere: they are not shown."""

    words: tuple[Word, ...]
    corrected: str = ""


def _known(words: Sequence[Word]) -> float:
    """The share of what the words tell that the shop's vocabulary knows; what others stand for it hardly knows."""
    told = sum(word.information / word.sure for word in words)
    return sum(word.information for word in words if word.terms) / told if told > 0 else 0.0


def _none(shop: Mask) -> NDArray[np.bool_]:
    return np.zeros(len(shop), bool)


def _nothing() -> tuple[Rows, Scores]:
    return np.empty(0, np.int32), np.empty(0)
