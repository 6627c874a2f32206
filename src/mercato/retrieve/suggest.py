"""The beginning of a query in, how it may go on out: past queries, categories and products, the most popular first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from mercato.codec import dumps
from mercato.errors import ArtifactError, DataError
from mercato.words import Token, Vocabulary, analyse, normalise, query_tokens

_PARTS = ("queries", "categories", "products")
_SHORTEST_MISSPELT = 4


@dataclass(frozen=True)
class Suggest:
    """Completion by the beginnings of words, in any order; ``typos``: whether a word that begins nothing may be one
    edit off after its first letter.
    """

    typos: bool = True

    def index(
        self,
        titles: Sequence[str],
        popularity: NDArray[Any],
        categories: Iterable[tuple[str, int]] = (),
        queries: Iterable[tuple[str, int]] = (),
    ) -> SuggestIndex:
        """The finished index: n ``titles`` by catalogue row ("" is never suggested) with their ``popularity`` (n,),
        category paths ("a > b") with product counts, and past queries with how often they were asked.

        A title that several products share stands for the most popular. Raises DataError when lengths differ.
        """
        if len(titles) != len(popularity):
            raise DataError(f"{len(titles)} titles, {len(popularity)} popularities", where="suggest")
        best_row: dict[str, int] = {}
        for row in np.argsort(-np.asarray(popularity, np.float64), kind="stable").tolist():
            best_row.setdefault(titles[row], row)
        asked: Counter[str] = Counter()
        for query, count in queries:
            asked[normalise(query)] += count
        by_count = sorted(dict(categories).items(), key=lambda pair: (-pair[1], pair[0]))
        return SuggestIndex(
            queries=_phrases(sorted(asked.items(), key=lambda pair: (-pair[1], pair[0])), _whole),
            categories=_phrases(by_count, _deepest),
            products=_phrases(list(best_row.items()), _whole),
            typos=self.typos,
        )


@dataclass(frozen=True)
class Phrases:
    """m ``texts``, best first, each with a ``number`` (m,); ``places[indptr[w]:indptr[w+1]]`` (int32) are those that
    hold word w of ``words``. Words ascend, so those that start alike are neighbours and so are their places.
    """

    texts: Sequence[str]
    numbers: NDArray[np.int64]
    words: Vocabulary
    indptr: NDArray[np.int64]
    places: NDArray[np.int32]

    def complete(self, tokens: Sequence[Token], k: int, typos: bool) -> NDArray[np.int64]:
        """Places of the ``k`` best texts in which every token begins some word."""
        fits = np.ones(len(self.texts), bool)
        for token in tokens:
            held = np.zeros(len(self.texts), bool)
            for span in self._spans(token, typos):
                held[self.places[self.indptr[span.start] : self.indptr[span.stop]]] = True
            fits &= held
        return np.flatnonzero(fits)[:k]

    def _spans(self, token: Token, typos: bool) -> list[range]:
        """Words that begin with the token, else with its stem, else one edit away from beginning with it."""
        found = self.words.starting(token.text) or self.words.starting(token.term)
        if found or not typos or len(token.text) < _SHORTEST_MISSPELT:
            return [found] if found else []
        near = self.words.starting(token.text[0])
        return [range(place, place + 1) for place in near if _begins_nearly(self.words.terms[place], token.text)]


def _begins_nearly(word: str, typed: str) -> bool:
    return any(
        OSA.distance(typed, word[: len(typed) + change], score_cutoff=1) <= 1
        for change in (0, 1, -1)
        if len(word) >= len(typed) + change
    )


@dataclass(frozen=True)
class SuggestIndex:
    """The finished completions; safe to share between threads."""

    queries: Phrases
    categories: Phrases
    products: Phrases
    typos: bool

    def suggest(self, prefix: str, k: int = 8) -> dict[str, Any]:
        """At most ``k`` past "queries" (texts), "categories" ({"path", "count"}) and "products" (catalogue rows, one
        a title). Nothing typed yet gives the most popular of each; any text is legal.
        """
        tokens = query_tokens(prefix)
        if not tokens and prefix.strip():
            return {"queries": [], "categories": [], "products": []}
        queries, categories, products = (
            phrases.complete(tokens, k, self.typos) for phrases in (self.queries, self.categories, self.products)
        )
        paths, counts = self.categories.texts, self.categories.numbers
        return {
            "queries": [self.queries.texts[place] for place in queries],
            "categories": [{"path": paths[place], "count": int(counts[place])} for place in categories],
            "products": self.products.numbers[products].tolist(),
        }

    def save(self, folder: Path) -> None:
        """Write the completions into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {"typos": self.typos}
        for name in _PARTS:
            phrases: Phrases = getattr(self, name)
            about[name] = {"texts": phrases.texts, "words": phrases.words.terms}
            for array in ("numbers", "indptr", "places"):
                np.save(folder / f"{name}-{array}.npy", getattr(phrases, array), allow_pickle=False)
        (folder / "suggest.json").write_bytes(dumps(about))

    @staticmethod
    def load(folder: Path) -> SuggestIndex:
        """Read what ``save`` wrote; raises ArtifactError when it is incomplete."""
        try:
            about = orjson.loads((folder / "suggest.json").read_bytes())
            parts = {name: _loaded(folder, name, about[name]["texts"], about[name]["words"]) for name in _PARTS}
            return SuggestIndex(**parts, typos=about["typos"])
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArtifactError("the suggestions cannot be read", where=str(folder), hint="train again") from error


def _loaded(folder: Path, name: str, texts: list[str], words: list[str]) -> Phrases:
    numbers, indptr, places = (
        np.load(folder / f"{name}-{array}.npy", allow_pickle=False) for array in ("numbers", "indptr", "places")
    )
    return Phrases(
        texts, numbers, Vocabulary(words, np.diff(indptr), [(word,) for word in words], len(texts)), indptr, places
    )


def _whole(text: str) -> str:
    return text


def _deepest(path: str) -> str:
    return path.rsplit(">", 1)[-1]


def _phrases(numbered: Sequence[tuple[str, int]], searched: Callable[[str], str]) -> Phrases:
    """Texts with numbers, best first, found by the words of their ``searched`` part; one without words is dropped."""
    read = [(text, number, _beginnings(searched(text))) for text, number in numbered]
    read = [found for found in read if found[2]]
    words = sorted({word for *_, beginnings in read for word in beginnings})
    code = {word: place for place, word in enumerate(words)}
    sizes = np.array([len(beginnings) for *_, beginnings in read], np.int64)
    codes = np.array([code[word] for *_, beginnings in read for word in beginnings], np.int64)
    places = np.repeat(np.arange(len(read), dtype=np.int32), sizes)
    order = np.argsort(codes, kind="stable")
    indptr = np.searchsorted(codes[order], np.arange(len(words) + 1))
    texts = [text for text, *_ in read]
    numbers = np.array([number for _, number, _ in read], np.int64)
    return Phrases(
        texts,
        numbers,
        Vocabulary(words, np.diff(indptr), [(word,) for word in words], len(texts)),
        indptr,
        places[order],
    )


def _beginnings(text: str) -> set[str]:
    """The words of ``text`` as written and as stems, and compounds as a whole."""
    return {word for token in analyse(text) for word in (token.text, token.term, token.joined) if word}
