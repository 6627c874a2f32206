"""The beginnings of words in, the texts that hold words beginning so out, most wanted first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mercato.words import Token, analyse

_SHORTEST_MISSPELT = 4
_LOOKED_AT = 1000
"""Of what fits, the most wanted are put in order by taste too: a letter alone fits a tenth of a shop."""
_BEGINS_SO = 0.7
"""What begins as was typed counts as if it were twice as wanted."""
_TASTE = 2.0
"""What this shopper takes and nothing else counts as if it were seven times as wanted."""
_LAST = "\U0010ffff"


class Phrase(NamedTuple):
    """A ``text``, how much it is ``wanted`` (0 on), the ``number`` that stands for it, and its ``aisle``: the path of
    its category ("" where it has none)."""

    text: str
    wanted: float
    number: int = 0
    aisle: str = ""


@dataclass(frozen=True)
class Phrases:
    """m ``texts``, most wanted first, each with ``wanted`` (m,), one of ``numbers`` (m,), the code of its aisle in
    ``aisles`` (m,), -1 where it has none, and of its first word in ``first`` (m,); ``places[indptr[w]:indptr[w+1]]``
    (int32) are those that hold word w of ``words``. Words ascend, so those that start alike are neighbours and so are
    their places.
    """

    texts: Sequence[str]
    wanted: NDArray[np.float32]
    numbers: NDArray[np.int64]
    aisles: NDArray[np.int32]
    first: NDArray[np.int32]
    words: Sequence[str]
    indptr: NDArray[np.int64]
    places: NDArray[np.int32]

    @staticmethod
    def of(given: Sequence[Phrase], aisles: Mapping[str, int], searched: Callable[[str], str] = str) -> Phrases:
        """Found by the words of their ``searched`` part; one without words is dropped, and of those that read alike
        (case, accents, plurals) all but the most wanted. Equally wanted ones come by length, then as given."""
        read: dict[tuple[str, ...], tuple[Phrase, list[str]]] = {}
        for phrase in sorted(given, key=lambda one: (-one.wanted, len(one.text))):
            tokens = analyse(searched(phrase.text))
            if tokens:
                read.setdefault(_reading(phrase, tokens, searched), (phrase, _beginnings(tokens)))
        words = sorted({word for _, beginnings in read.values() for word in beginnings})
        code = {word: place for place, word in enumerate(words)}
        sizes = np.array([len(beginnings) for _, beginnings in read.values()], np.int64)
        codes = np.array([code[word] for _, beginnings in read.values() for word in beginnings], np.int64)
        places = np.repeat(np.arange(len(read), dtype=np.int32), sizes)
        order = np.argsort(codes, kind="stable")
        kept = [phrase for phrase, _ in read.values()]
        return Phrases(
            texts=[phrase.text for phrase in kept],
            wanted=np.array([phrase.wanted for phrase in kept], np.float32),
            numbers=np.array([phrase.number for phrase in kept], np.int64),
            aisles=np.array([aisles.get(phrase.aisle, -1) for phrase in kept], np.int32),
            first=np.array([code[beginnings[0]] for _, beginnings in read.values()], np.int32),
            words=words,
            indptr=np.searchsorted(codes[order], np.arange(len(words) + 1)),
            places=places[order],
        )

    def complete(self, tokens: Sequence[Token], k: int, typos: bool, liking: NDArray[Any]) -> list[int]:
        """Places of the ``k`` best texts in which every token begins some word. ``liking`` (a,): how much of what the
        shopper takes is in each aisle, 0 to 1."""
        spans = [self._spans(token, typos) for token in tokens]
        fits = self._fitting(spans)[:_LOOKED_AT]
        score = np.log1p(self.wanted[fits])
        for span in spans[0] if spans else ():
            score += _BEGINS_SO * ((self.first[fits] >= span.start) & (self.first[fits] < span.stop))
        if len(liking):
            score += _TASTE * np.where(self.aisles[fits] >= 0, liking[self.aisles[fits]], 0.0)
        best: list[int] = fits[np.argsort(-score, kind="stable")[:k]].tolist()
        return best

    def _fitting(self, spans: Sequence[Sequence[range]]) -> NDArray[np.int64]:
        """Places of the texts that hold a word of each of ``spans``, ascending."""
        fits = np.ones(len(self.texts), bool)
        for several in spans:
            held = np.zeros(len(self.texts), bool)
            for span in several:
                held[self.places[self.indptr[span.start] : self.indptr[span.stop]]] = True
            fits &= held
        return np.flatnonzero(fits)

    def _spans(self, token: Token, typos: bool) -> list[range]:
        """Words that begin with the token, else with its stem, else one edit away from beginning with it."""
        found = _starting(self.words, token.text) or _starting(self.words, token.term)
        if found or not typos or len(token.text) < _SHORTEST_MISSPELT or not token.text.isalpha():
            return [found] if found else []
        return _disjoint(_starting(self.words, prefix) for prefix in nearly(self.words, token.text))

    def save(self, folder: Path, name: str) -> dict[str, Any]:
        """Write the arrays into ``folder``; gives back what belongs into JSON."""
        for array in _ARRAYS:
            np.save(folder / f"{name}-{array}.npy", getattr(self, array), allow_pickle=False)
        return {"texts": self.texts, "words": self.words}

    @staticmethod
    def load(folder: Path, name: str, about: Mapping[str, Any]) -> Phrases:
        """Read what ``save`` wrote."""
        arrays = {array: np.load(folder / f"{name}-{array}.npy", allow_pickle=False) for array in _ARRAYS}
        return Phrases(texts=about["texts"], words=about["words"], **arrays)


_ARRAYS = ("wanted", "numbers", "aisles", "first", "indptr", "places")


def nearly(words: Sequence[str], typed: str) -> Iterator[str]:
    """Every beginning of some of ``words`` (ascending) that is one edit (a letter too many, too few, another, or two
    neighbours swapped) away from ``typed``, its first letter right; some more than once.

    What may stand at a place is looked up letter by letter, so the cost is the word's length times the alphabet,
    however many words there are.

    >>> sorted(set(nearly(["cheddar", "cheese", "chess"], "chese")))
    ['chee', 'chees', 'cheese', 'ches', 'chess']
    """
    for at in range(1, len(typed)):
        begin, rest = typed[:at], typed[at:]
        if not _held(words, begin):
            return
        guesses = [begin + rest[1:], begin + rest[1:2] + rest[:1] + rest[2:]]
        for letter in _following(words, begin):
            guesses += [begin + letter + rest, begin + letter + rest[1:]]
        yield from (guess for guess in guesses if _held(words, guess))


def _starting(words: Sequence[str], prefix: str) -> range:
    """Places of the words that start with ``prefix``."""
    return range(bisect_left(words, prefix), bisect_left(words, prefix + _LAST))


def _held(words: Sequence[str], prefix: str) -> bool:
    at = bisect_left(words, prefix)
    return at < len(words) and words[at].startswith(prefix)


def _following(words: Sequence[str], prefix: str) -> Iterator[str]:
    """The letters that come after ``prefix`` in some word, ascending."""
    at = bisect_left(words, prefix + "\0")
    while at < len(words) and words[at].startswith(prefix):
        letter = words[at][len(prefix)]
        yield letter
        at = bisect_left(words, prefix + letter + _LAST)


def _disjoint(spans: Iterator[range]) -> list[range]:
    """The same places without those inside others."""
    kept: list[range] = []
    for span in sorted(set(spans), key=lambda one: (one.start, -one.stop)):
        if not kept or span.stop > kept[-1].stop:
            kept.append(span)
    return kept


def _reading(phrase: Phrase, tokens: Sequence[Token], searched: Callable[[str], str]) -> tuple[str, ...]:
    """What makes two phrases the same: their words, and what they are put under where not all of it is searched."""
    above = phrase.text.removesuffix(searched(phrase.text))
    return (above, *(token.term for token in tokens))


def _beginnings(tokens: Sequence[Token]) -> list[str]:
    """The words as written and as stems, and compounds as a whole, each once; the first as it was written."""
    return list(dict.fromkeys(word for one in tokens for word in (one.text, one.term, one.joined) if word))
