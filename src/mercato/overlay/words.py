"""Finished indexes of words and small ones of a few rows in, the indexes with those rows as they are now out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from mercato.retrieve.lexical import LexicalIndex
from mercato.retrieve.numbers import NumberIndex
from mercato.retrieve.without import WithoutIndex
from mercato.schema import Rows
from mercato.words import Vocabulary, stem


def lexical(index: LexicalIndex, fresh: LexicalIndex, at: Rows) -> LexicalIndex:
    """``index`` where row ``at[i]`` (ascending) holds what ``fresh``, made with the statistics of the trained index
    (``Lexical.index(like=…)``), has of its row i. Frequencies are exact again, so a query is read and matched as if all
    had been indexed anew; what rows gain keeps to the trained statistics."""
    known, n = index.vocabulary, max(index.vocabulary.n, int(at.max(initial=-1)) + 1)
    terms = _Terms.of(known.terms, fresh.vocabulary.terms)
    lists = _Lists.of(index.indptr, terms.old, len(terms.all), index.rows, n).without(at)
    rows, place, frequencies = lists.joined(_Lists.of(fresh.indptr, terms.fresh, len(terms.all), at[fresh.rows], n))
    impacts = np.insert(index.impacts[lists.kept], place, fresh.impacts)
    held = frequencies > 0
    spellings = terms.merged(known.spellings, fresh.vocabulary.spellings)
    vocabulary = Vocabulary(
        list(compress(terms.all, held)),
        frequencies[held],
        list(compress(spellings, held)),
        n,
        {**fresh.vocabulary.compounds, **known.compounds},
    )
    indptr = np.concatenate([[0], np.cumsum(frequencies[held])])
    return LexicalIndex(vocabulary, indptr, rows, impacts, index.lengths)


def without(index: WithoutIndex, fresh: WithoutIndex, at: Rows, n: int) -> WithoutIndex:
    """``index`` over ``n`` rows where row ``at[i]`` says what ``fresh`` (``WithoutIndex.index(known=index)``) has of
    its row i. A term that one trained product alone said it is free of is not known before the next training."""
    terms = _Terms.of(index.terms, fresh.terms)
    lists = _Lists.of(index.indptr, terms.old, len(terms.all), index.rows, n).without(at)
    rows, _, counts = lists.joined(_Lists.of(fresh.indptr, terms.fresh, len(terms.all), at[fresh.rows], n))
    return WithoutIndex(tuple(terms.all), np.concatenate([[0], np.cumsum(counts)]), rows)


def numbers(index: NumberIndex, fresh: NumberIndex, at: Rows, words: Vocabulary, most: int) -> NumberIndex:
    """``index`` where row ``at[i]`` has the numbers that ``fresh`` has of its row i. A part number that the index does
    not have, though more than ``most`` products hold it as a word, is a kind of product and stays out."""
    kept = ~np.isin(index.rows, at)
    old = NumberIndex(index.forms[kept], index.rows[kept])
    forms, rows, places = list[bytes](), list[int](), list[int]()
    for form, row in zip(fresh.forms.tolist(), at[fresh.rows].tolist(), strict=True):
        low, high = np.searchsorted(old.forms, form, "left"), np.searchsorted(old.forms, form, "right")
        written = form.decode()
        if high > low or len(index.exactly(written)) or words.frequency(stem(written)) <= most:
            forms.append(form)
            rows.append(row)
            places.append(int(low + np.searchsorted(old.rows[low:high], row)))
    fresh_forms = np.array(forms, index.forms.dtype)
    return NumberIndex(np.insert(old.forms, places, fresh_forms), np.insert(old.rows, places, rows))


@dataclass(frozen=True)
class _Terms:
    """``all`` terms of two sorted lists, ascending, and where the ``old`` and the ``fresh`` ones are among them."""

    all: Sequence[str]
    old: NDArray[np.int64]
    fresh: NDArray[np.int64]

    @staticmethod
    def of(old: Sequence[str], fresh: Sequence[str]) -> _Terms:
        at = [bisect_left(old, term) for term in fresh]
        new = [place for place, term in zip(at, fresh, strict=True) if place == len(old) or old[place] != term]
        places = np.arange(len(old)) + np.searchsorted(new, np.arange(len(old)), "right")
        merged = sorted({*old, *fresh}) if new else list(old)
        return _Terms(merged, places, np.array([bisect_left(merged, term) for term in fresh], np.int64))

    def merged(self, old: Sequence[Sequence[str]], fresh: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        """What belongs to each term, of one in both lists the ``old``."""
        found: list[Sequence[str]] = [()] * len(self.all)
        for places, values in ((self.fresh, fresh), (self.old, old)):
            for place, value in zip(places.tolist(), values, strict=True):
                found[place] = value
        return found


@dataclass(frozen=True)
class _Lists:
    """Postings as pairs of ``terms`` (by number, of ``v``) and ``rows`` (of ``n``), both ascending; ``kept`` flags what
    of those they were made of is left."""

    terms: NDArray[np.int64]
    rows: Rows
    kept: NDArray[np.bool_]
    v: int
    n: int

    @staticmethod
    def of(indptr: NDArray[np.int64], places: NDArray[np.int64], v: int, rows: Rows, n: int) -> _Lists:
        """The lists ``rows[indptr[t]:indptr[t+1]]`` of terms that are number ``places[t]`` now."""
        return _Lists(np.repeat(places, np.diff(indptr)), rows, np.ones(len(rows), bool), v, n)

    def without(self, at: Rows) -> _Lists:
        """What is left without the rows ``at``."""
        gone = np.zeros(self.n, bool)
        gone[at] = True
        kept = ~gone[self.rows]
        return _Lists(self.terms[kept], self.rows[kept], kept, self.v, self.n)

    def joined(self, fresh: _Lists) -> tuple[Rows, NDArray[np.int64], NDArray[np.int64]]:
        """The rows with those of ``fresh``, where each of these went in (as ``numpy.insert`` wants it), and how many
        rows each term has then."""
        place = np.searchsorted(self.terms * self.n + self.rows, fresh.terms * self.n + fresh.rows)
        counts = np.bincount(self.terms, minlength=self.v) + np.bincount(fresh.terms, minlength=self.v)
        return np.insert(self.rows, place, fresh.rows), place, counts
