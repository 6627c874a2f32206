"""Words in, every product that holds them all out: BM25F over sorted postings with the arithmetic done beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.errors import ArtifactError, DataError
from mercato.schema import Mask, Ranking, Request, Rows, Scores, Word
from mercato.words import Token, Vocabulary, analyse

Postings = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Rows ascending, and what each gains."""

_MOST_SPELLINGS = 4
_SPARSE = 8
"""Below one row in this many, a binary search or a sort costs less than a pass over the whole catalogue."""

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"title": 3.0, "categories": 1.5, "brand": 2.0, "attributes": 1.0, "description": 0.5}
)


@dataclass(frozen=True)
class Lexical:
    """BM25F (Robertson, Zaragoza & Taylor, CIKM 2004; Robertson & Zaragoza 2009, section 3.6): term counts are weighted
    by field and normalised by the field's length, then saturated once.

    ``k1``: how slowly a repeated term saturates; ``b``: how much a longer field discounts (0: not at all);
    ``weights``: what one occurrence in each field counts.
    """

    k1: float = 1.2
    b: float = 0.5
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)

    def index(self, fields: Mapping[str, Sequence[str]], like: LexicalIndex | None = None) -> LexicalIndex:
        """The finished index over n rows; each field is n strings by row, "" where a product has none.

        With ``like`` rows gain what they would in that index: how rare a term is and how long a field is come from
        there. Raises DataError when the fields differ in length or one has no weight.
        """
        if unknown := sorted(set(fields) - set(self.weights)):
            raise DataError(f"no weight for {unknown}", where="lexical.weights", hint=f"known: {list(self.weights)}")
        if len(sizes := {len(texts) for texts in fields.values()}) > 1:
            raise DataError(f"fields of different lengths: {sorted(sizes)}", where="lexical")
        n = sizes.pop() if sizes else 0
        reading = _Reading({}, Counter(), {})
        lengths = dict(like.lengths) if like is not None else {}
        counted = [self._field(name, texts, reading, lengths) for name, texts in fields.items()]
        rows = np.concatenate([np.empty(0, np.int32), *(column[0] for column in counted)])
        codes = np.concatenate([np.empty(0, np.int32), *(column[1] for column in counted)])
        counts = np.concatenate([np.empty(0, np.float32), *(column[2] for column in counted)])
        del counted
        terms = sorted(reading.codes)
        places = np.empty(len(terms), np.int64)
        places[[reading.codes[term] for term in terms]] = np.arange(len(terms))
        keys = places[codes] * n + rows
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.add.reduceat(counts[order], starts) if len(starts) else counts
        keys = keys[starts]
        indptr = np.searchsorted(keys, np.arange(len(terms) + 1) * n)
        frequencies = np.diff(indptr)
        idf = _rarity(n, frequencies) if like is None else like.rarity(terms)
        impacts = np.repeat(idf, frequencies) * (counts / (self.k1 + counts))
        spellings = reading.spellings()
        vocabulary = Vocabulary(terms, frequencies, [spellings[term] for term in terms], n, reading.compounds)
        rows = (keys % max(n, 1)).astype(np.int32)
        return LexicalIndex(vocabulary, indptr, rows, impacts.astype(np.float32), lengths)

    def _field(
        self, name: str, texts: Sequence[str], reading: _Reading, known: dict[str, float]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Row, term code and weighted, length-normalised count of every distinct term of every row.

        Each distinct text is read once: titles and categories repeat. The average length is over rows with a text,
        unless it is ``known``; it is afterwards.
        """
        distinct: dict[str, int] = {}
        text_of_row = np.fromiter((distinct.setdefault(text, len(distinct)) for text in texts), np.int64, len(texts))
        bags = [reading.bag(text) for text in distinct]
        sizes = np.array([len(bag) for bag in bags], np.int64)
        lengths = np.array([sum(bag.values()) for bag in bags], np.float64)
        codes = np.fromiter((code for bag in bags for code in bag), np.int32, sizes.sum())
        counts = np.fromiter((count for bag in bags for count in bag.values()), np.float32, sizes.sum())
        row_lengths = lengths[text_of_row]
        average = known.setdefault(name, float(row_lengths[row_lengths > 0].mean()) if row_lengths.any() else 1.0)
        norm = self.weights[name] / (1 - self.b + self.b * lengths / average)
        counts *= np.repeat(norm, sizes).astype(np.float32)
        row_sizes = sizes[text_of_row]
        rows = np.repeat(np.arange(len(texts), dtype=np.int32), row_sizes)
        shift = (np.cumsum(sizes) - sizes)[text_of_row] - (np.cumsum(row_sizes) - row_sizes)
        source = np.arange(len(rows)) + np.repeat(shift, row_sizes)
        return rows, codes[source], counts[source]


@dataclass(frozen=True)
class _Reading:
    """What reading the texts gathers: term → code, how often each (term, spelling) came, compound → parts."""

    codes: dict[str, int]
    spelled: Counter[tuple[str, str]]
    compounds: dict[str, tuple[str, ...]]

    def bag(self, text: str) -> dict[int, int]:
        """Code → count of the terms of ``text``."""
        bag: dict[int, int] = {}
        tokens = analyse(text)
        for token in tokens:
            self.spelled[token.term, token.text] += 1
            for term in (token.term, *token.also):
                code = self.codes.setdefault(term, len(self.codes))
                bag[code] = bag.get(code, 0) + 1
        self._note_compounds(tokens)
        return bag

    def _note_compounds(self, tokens: Sequence[Token]) -> None:
        for whole, same in groupby(tokens, key=lambda token: token.joined):
            run = list(same)
            end = next((place for place, token in enumerate(run) if whole in token.also), 0)
            if end > 0:
                self.compounds.setdefault(whole, tuple(token.term for token in run[: end + 1]))

    def spellings(self) -> dict[str, list[str]]:
        """Term → its spellings, most frequent first; a whole compound, which no text wrote so, is its own."""
        found: dict[str, list[str]] = {term: [] for term in self.codes}
        for term, text in sorted(self.spelled, key=lambda pair: (-self.spelled[pair], pair[1])):
            found[term].append(text)
        return {term: texts[:_MOST_SPELLINGS] or [term] for term, texts in found.items()}


@dataclass(frozen=True)
class LexicalIndex:
    """The finished index: term t of ``vocabulary`` is held by ``rows[indptr[t]:indptr[t+1]]`` (int32, ascending), each
    of which gains ``impacts`` (float32, above zero) by it; ``lengths`` are the average words of each field. Safe to
    share between threads.
    """

    vocabulary: Vocabulary
    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]
    impacts: NDArray[np.float32]
    lengths: Mapping[str, float] = field(default_factory=dict)

    def rarity(self, terms: Sequence[str]) -> NDArray[np.float64]:
        """What each of ``terms`` tells here (idf); one that no row holds as if one row did."""
        frequencies = np.array([max(self.vocabulary.frequency(term), 1) for term in terms], np.float64)
        return _rarity(self.vocabulary.n, frequencies)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best allowed rows that match every word of the request; none when it has no words."""
        return Ranking.best_first(*self.match(request.words, allowed), k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """The score of each of ``rows``; 0 where a word is missing."""
        total, every = np.zeros(len(rows)), np.full(len(rows), bool(request.words))
        for word in request.words:
            gains = _at(self._postings(word), rows, self.vocabulary.n)
            total += gains
            every &= gains > 0
        return np.where(every, total, 0.0)

    def match(self, words: Sequence[Word], allowed: Mask) -> tuple[Rows, Scores]:
        """The complete set of allowed rows that match every word through any of its terms, ascending, with scores:
        the sum over words of the best term's weight times impact.
        """
        postings = [self._postings(word) for word in words]
        by_length = sorted(range(len(words)), key=lambda word: len(postings[word][0]))
        rows = postings[by_length[0]][0] if words else np.empty(0, np.int32)
        rows = rows[allowed[rows]]
        for word in by_length[1:]:
            rows = rows[_at(postings[word], rows, self.vocabulary.n) > 0]
        scores = np.zeros(len(rows))
        for posting in postings:
            scores += _at(posting, rows, self.vocabulary.n)
        return rows, scores

    def share(self, words: Sequence[Word], allowed: Mask) -> tuple[Rows, Scores, Scores]:
        """Every allowed row that holds any of ``words``, ascending, with its score, the sum as in ``match``, and the
        share of what the words tell (``Word.information``) that it holds, in (0, 1]. Words without terms do not count.
        """
        known = [word for word in words if word.terms]
        gains, held = np.zeros(self.vocabulary.n, np.float32), np.zeros(self.vocabulary.n)
        for word in known:
            rows, gain = self._postings(word)
            gains[rows] += gain
            held[rows] += word.information
        found = np.flatnonzero((held > 0) & allowed).astype(np.int32)
        told = sum(word.information for word in known)
        return found, gains[found].astype(np.float64), np.minimum(held[found] / max(told, 1e-9), 1.0)

    def missing(self, words: Sequence[Word], row: int) -> list[Word]:
        """Those of ``words`` that ``row`` does not hold."""
        at = np.array([row], np.int32)
        return [word for word in words if _at(self._postings(word), at, self.vocabulary.n)[0] <= 0]

    def _postings(self, word: Word) -> Postings:
        """Rows that hold any term of ``word``, each with its best weight times impact."""
        found = [(self.vocabulary.place(term), weight) for term, weight in word.terms]
        lists = [self._list(place, weight) for place, weight in found if place >= 0]
        if len(lists) == 1:
            return lists[0]
        return _union(lists, self.vocabulary.n)

    def _list(self, place: int, weight: float) -> Postings:
        span = slice(self.indptr[place], self.indptr[place + 1])
        return self.rows[span], self.impacts[span] * np.float32(weight)

    def save(self, folder: Path) -> None:
        """Write arrays and the vocabulary into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("indptr", "rows", "impacts"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        about = {name: getattr(self.vocabulary, name) for name in ("n", "terms", "spellings", "compounds")}
        about["lengths"] = self.lengths
        (folder / "vocabulary.json").write_bytes(dumps(about))

    @staticmethod
    def load(folder: Path) -> LexicalIndex:
        """Map an index written by ``save``; raises ArtifactError when it is incomplete or damaged."""
        try:
            indptr, rows, impacts = (_mapped(folder / f"{name}.npy") for name in ("indptr", "rows", "impacts"))
            about = orjson.loads((folder / "vocabulary.json").read_bytes())
            compounds = {joined: tuple(parts) for joined, parts in about["compounds"].items()}
            vocabulary = Vocabulary(about["terms"], np.diff(indptr), about["spellings"], about["n"], compounds)
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArtifactError("the lexical index cannot be read", where=str(folder), hint="train again") from error
        if len(indptr) != len(vocabulary) + 1 or not len(rows) == len(impacts) == indptr[-1]:
            raise ArtifactError("the lexical index does not fit together", where=str(folder), hint="train again")
        return LexicalIndex(vocabulary, indptr, rows, impacts, about.get("lengths", {}))


def _rarity(n: int, frequencies: NDArray[Any]) -> NDArray[np.float64]:
    rarity: NDArray[np.float64] = np.log1p((n - frequencies + 0.5) / (frequencies + 0.5))
    return rarity


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # slicing a memmap object costs microseconds each time


def _at(postings: Postings, rows: Rows, n: int) -> NDArray[np.float32]:
    """What each of ``rows`` gains by ``postings``, 0 where it is not among them."""
    held, gains = postings
    if len(held) == 0:
        return np.zeros(len(rows), np.float32)
    if len(rows) * _SPARSE > len(held):
        dense = np.zeros(n, np.float32)
        dense[held] = gains
        return dense[rows]
    places = np.minimum(np.searchsorted(held, rows), len(held) - 1)
    return np.where(held[places] == rows, gains[places], np.float32(0))


def _union(lists: Sequence[Postings], n: int) -> Postings:
    """Every row of ``lists`` once, ascending, with its best gain."""
    if sum(len(rows) for rows, _ in lists) * _SPARSE > n:
        dense = np.zeros(n, np.float32)
        for rows, gains in lists:
            dense[rows] = np.maximum(dense[rows], gains)
        held = np.flatnonzero(dense).astype(np.int32)
        return held, dense[held]
    rows = np.concatenate([np.empty(0, np.int32), *(rows for rows, _ in lists)])
    gains = np.concatenate([np.empty(0, np.float32), *(gains for _, gains in lists)])
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return rows[starts], np.maximum.reduceat(gains[order], starts) if len(starts) else gains
