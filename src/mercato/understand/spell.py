"""A misspelt word in, the index terms it may be meant as out: a look-up of its deletions, then exact distances."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from mercato.words import Vocabulary

_PREFIX = 7
_FURTHEST = 2
_SHORTEST_FOR_TWO = 6
_BASE = 0x9E3779B97F4A7C15

_DELETIONS = [gone for size in range(_FURTHEST + 1) for gone in combinations(range(_PREFIX), size)]
_SIZES = np.array([len(gone) for gone in _DELETIONS])
_NEEDED = np.array([max(gone, default=-1) + 1 for gone in _DELETIONS])


def _weights() -> NDArray[np.uint64]:
    """(29, 7): row d hashes a prefix without the characters of deletion d, as a polynomial modulo 2**64."""
    weights = np.zeros((len(_DELETIONS), _PREFIX), np.uint64)
    for number, gone in enumerate(_DELETIONS):
        kept = [place for place in range(_PREFIX) if place not in gone]
        weights[number, kept] = [pow(_BASE, power + 1, 1 << 64) for power in range(len(kept))]
    return weights


_WEIGHTS = _weights()


class Near(NamedTuple):
    """A term, written as ``text`` at ``distance`` edits from the word asked for."""

    term: str
    distance: int
    frequency: int
    text: str


def reach(word: str) -> int:
    """How many edits a word may be off: 0 below four letters or with a digit in it, 1 below eight, else 2."""
    if len(word) < 4 or any(character.isdigit() for character in word):
        return 0
    return 1 if len(word) < 8 else _FURTHEST


class Speller:
    """Symmetric deletions (Garbe's SymSpell, 2012) over the first seven letters, hashed into sorted arrays.

    Two strings within d edits share what is left of their prefixes after at most d deletions each, so the look-up
    misses nothing; rapidfuzz then measures the optimal-string-alignment distance (a swap of neighbours is one edit).
    What is compared are spellings, not stems: "wathces" is one edit from watches, and far from its stem.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        written = [
            (place, text)
            for place, texts in enumerate(vocabulary.spellings)
            for text in texts
            if len(text) > 2 and text.isalpha()
        ]
        self._terms = np.array([place for place, _ in written], np.int32)
        self._texts = [text for _, text in written]
        letters, lengths = _letters(self._texts)
        self._lengths = lengths
        most = np.where(lengths >= _SHORTEST_FOR_TWO, _FURTHEST, 1)
        hashes = letters @ _WEIGHTS.T
        row, deletion = np.nonzero((np.minimum(lengths, _PREFIX)[:, None] >= _NEEDED) & (most[:, None] >= _SIZES))
        keys = hashes[row, deletion]
        order = np.argsort(keys)
        self._keys = keys[order]
        self._places = row[order].astype(np.int32)

    def near(self, word: str, distance: int) -> list[Near]:
        """Every term with a spelling of three letters or more within ``distance`` (1 or 2) edits of ``word``, in order
        of the alphabet, each with its nearest spelling; of equally near ones the one that is written most.

        Two edits are found for words of eight letters or more.
        """
        letters, lengths = _letters([word])
        usable = (min(lengths[0], _PREFIX) >= _NEEDED) & (distance >= _SIZES)
        hashes = (letters @ _WEIGHTS.T)[0, usable]
        low, high = np.searchsorted(self._keys, hashes, "left"), np.searchsorted(self._keys, hashes, "right")
        found = [self._places[start:end] for start, end in zip(low, high, strict=True) if end > start]
        candidates = np.unique(np.concatenate(found)) if found else np.empty(0, np.int32)
        candidates = candidates[np.abs(self._lengths[candidates] - len(word)) <= distance]
        nearest: dict[int, tuple[int, str]] = {}
        for place in candidates.tolist():
            off, term = OSA.distance(word, self._texts[place], score_cutoff=distance), int(self._terms[place])
            if off <= distance and off < nearest.get(term, (distance + 1, ""))[0]:
                nearest[term] = (off, self._texts[place])
        terms, frequencies = self._vocabulary.terms, self._vocabulary.frequencies
        return [Near(terms[term], off, int(frequencies[term]), text) for term, (off, text) in nearest.items()]


def _letters(words: list[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """(n, 7) code points of each word's first letters, 0 beyond its end; and full lengths (n,)."""
    prefixes = np.array([word[:_PREFIX] for word in words], dtype=f"U{_PREFIX}")
    codes = prefixes.view(np.uint32).reshape(len(words), _PREFIX)
    return codes.astype(np.uint64), np.array([len(word) for word in words], np.int64)
