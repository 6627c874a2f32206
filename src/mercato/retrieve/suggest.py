"""The beginning of a query in, how it may go on out: past queries, categories, brands and products, best first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.errors import ArtifactError, DataError
from mercato.retrieve.phrases import Phrase, Phrases
from mercato.schema import Rows
from mercato.words import query_tokens

_PARTS = ("queries", "categories", "brands", "products")
_NOBODY: Rows = np.empty(0, np.int32)


@dataclass(frozen=True)
class Suggest:
    """Completion by the beginnings of words, in any order, best first by how wanted a text is, how much the shopper
    takes of its kind, and whether it begins as was typed; ``typos``: whether a word that begins nothing may be one edit
    off after its first letter, from four letters on.
    """

    typos: bool = True

    def index(
        self,
        titles: Sequence[str],
        popularity: NDArray[Any],
        categories: Iterable[tuple[str, int]] = (),
        queries: Iterable[tuple[str, int, int]] = (),
        brands: Iterable[tuple[str, int]] = (),
        aisles: Sequence[str] = (),
    ) -> SuggestIndex:
        """The finished index.

        n ``titles`` by catalogue row ("" is never suggested) with their ``popularity`` (n,) and the path of each one's
        category in ``aisles`` (n, or none); category paths ("a > b") and ``brands`` with product counts; past
        ``queries`` with how many asked them and the row most chose then (-1: none). Of titles, and of queries, that
        read alike the most popular stands for all. Raises DataError when lengths differ.
        """
        if len(titles) != len(popularity) or len(aisles) not in (0, len(titles)):
            sizes = f"{len(titles)} titles, {len(popularity)} popularities, {len(aisles)} aisles"
            raise DataError(sizes, where="suggest")
        tidy = {path: " > ".join(_parts(path)) for path in set(aisles)}
        of_row = [tidy[path] for path in aisles] or [""] * len(titles)
        shelves = list(categories)
        tree = _Tree.of([*of_row, *(path for path, _ in shelves)])
        asked = [(text, count, of_row[row] if row >= 0 else "") for text, count, row in queries]
        wanted = np.maximum(np.nan_to_num(np.asarray(popularity, np.float64)), 0.0).tolist()
        products = [Phrase(title, wanted[row], row, of_row[row]) for row, title in enumerate(titles)]
        return SuggestIndex(
            queries=Phrases.of([Phrase(text, count, count, aisle) for text, count, aisle in asked], tree.code),
            categories=Phrases.of([Phrase(path, n, n, path) for path, n in shelves], tree.code, _deepest),
            brands=Phrases.of([Phrase(brand, n, n) for brand, n in brands], tree.code),
            products=Phrases.of(products, tree.code),
            aisles=np.array([tree.code.get(path, -1) for path in of_row], np.int32),
            ends=tree.ends,
            tops=tree.tops,
            typos=self.typos,
        )


@dataclass(frozen=True)
class _Tree:
    """Every path that category paths pass through, with a ``code``: so that what is below a path has the next codes, up
    to ``ends``; ``tops`` are the codes of the paths they begin with."""

    code: dict[str, int]
    ends: NDArray[np.int32]
    tops: NDArray[np.int32]

    @staticmethod
    def of(paths: Iterable[str]) -> _Tree:
        split = {_parts(path) for path in set(paths) if path}
        known = sorted({parts[:depth] for parts in split for depth in range(1, len(parts) + 1)})
        ends, tops = np.zeros(len(known), np.int32), np.zeros(len(known), np.int32)
        for at, parts in enumerate(known):
            ends[at] = at + sum(1 for _ in takewhile(lambda path: path[: len(parts)] == parts, islice(known, at, None)))  # noqa: B023
            tops[at] = at if len(parts) == 1 else tops[at - 1]
        return _Tree({" > ".join(parts): at for at, parts in enumerate(known)}, ends, tops)


@dataclass(frozen=True)
class SuggestIndex:
    """The finished completions; safe to share between threads. ``aisles`` (n,) is the category of each catalogue row,
    -1 for none; what is below category c has codes c to ``ends[c]``, its department is ``tops[c]``."""

    queries: Phrases
    categories: Phrases
    brands: Phrases
    products: Phrases
    aisles: NDArray[np.int32]
    ends: NDArray[np.int32]
    tops: NDArray[np.int32]
    typos: bool

    def suggest(self, prefix: str, k: int = 8, taken: Rows = _NOBODY, *, products: int | None = None) -> dict[str, Any]:
        """At most ``k`` past "queries" (texts), "categories" ({"path", "name", "parent", "count"}) and "brands"
        ({"brand", "count"}), and ``products`` or ``k`` "products" (catalogue rows, one a title), best first for a
        shopper who took the rows ``taken``. Nothing typed yet gives the best of each; any text is legal.
        """
        tokens = query_tokens(prefix)
        if not tokens and prefix.strip():
            return {name: [] for name in _PARTS}
        liking = self.liking(taken)
        sizes = {name: products if name == "products" and products is not None else k for name in _PARTS}
        parts: dict[str, Phrases] = {name: getattr(self, name) for name in _PARTS}
        found = {name: parts[name].complete(tokens, sizes[name], self.typos, liking) for name in _PARTS}
        return {
            "queries": [self.queries.texts[place] for place in found["queries"]],
            "categories": [
                _category(self.categories.texts[place], int(self.categories.numbers[place]))
                for place in found["categories"]
            ],
            "brands": [
                {"brand": self.brands.texts[place], "count": int(self.brands.numbers[place])}
                for place in found["brands"]
            ],
            "products": self.products.numbers[found["products"]].tolist(),
        }

    def liking(self, taken: Rows) -> NDArray[np.float64]:
        """(a,) By category, the share of the rows ``taken`` that is in it or below, halved with that of its department:
        1 where all are; of no length where nothing is known."""
        codes = self.aisles[taken]
        codes = codes[codes >= 0]
        if not len(codes):
            return np.empty(0)
        below = np.r_[0, np.cumsum(np.bincount(codes, minlength=len(self.ends)))]
        share = (below[self.ends] - below[:-1]) / len(codes)
        liked: NDArray[np.float64] = (share + share[self.tops]) / 2
        return liked

    def save(self, folder: Path) -> None:
        """Write the completions into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {name: getattr(self, name).save(folder, name) for name in _PARTS}
        for name in _OWN:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        (folder / "suggest.json").write_bytes(dumps({"typos": self.typos, "parts": parts}))

    @staticmethod
    def load(folder: Path) -> SuggestIndex:
        """Read what ``save`` wrote; raises ArtifactError when it is incomplete."""
        try:
            about = orjson.loads((folder / "suggest.json").read_bytes())
            found: dict[str, Any] = {name: Phrases.load(folder, name, about["parts"][name]) for name in _PARTS}
            found |= {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _OWN}
            return SuggestIndex(**found, typos=about["typos"])
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArtifactError("the suggestions cannot be read", where=str(folder), hint="train again") from error


_OWN = ("aisles", "ends", "tops")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in path.split(">"))


def _deepest(path: str) -> str:
    return path.rsplit(">", 1)[-1]


def _category(path: str, count: int) -> dict[str, Any]:
    above, _, name = path.rpartition(" > ")
    return {"path": path, "name": name, "parent": above.rpartition(" > ")[2], "count": count}
