"""What was asked, what was chosen then and what was asked next in; related searches and better spellings out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from mercato.codec import dumps
from mercato.errors import ArtifactError, DataError
from mercato.schema import Rows
from mercato.words import analyse, normalise

Integers = NDArray[np.int64]
Edges = tuple[NDArray[np.int32], NDArray[np.int32], Integers]
"""From where, to where, and how many shoppers went."""

_NO_ROWS: Rows = np.empty(0, np.int32)
_SHORTEST_MISSPELT = 4
_SHORTEST_FOR_TWO = 8
_EVERYWHERE = 500
"""What is chosen after more queries than this does not tell them apart, and would compare each with each."""
_BLOCK = 1000
"""Queries compared with all others at a time, for memory's sake."""


@dataclass(frozen=True)
class Related:
    """Two queries are related as far as they lead to the same products (the cosine of how many chose each, logarithms
    taken) and are asked one after the other (steps between them by the geometric mean of how many asked each), both 0
    to 1, added. ``most`` are kept of each query, none below ``floor``. Of a query ``times`` as popular as one that is
    spelt nearly like it, that one may be a misspelling.
    """

    most: int = 10
    floor: float = 0.05
    times: float = 5.0

    def index(self, texts: Sequence[str], shoppers: Integers, chosen: Edges, steps: Edges, n: int) -> RelatedIndex:
        """The finished index of q ``texts`` with how many ``shoppers`` (q,) asked each, ``chosen``: (query, row of n,
        shoppers), and ``steps``: (query, next query, shoppers). Raises DataError for numbers out of range.

        Whoever calls sees to it that every text may be shown to everybody.
        """
        q = len(texts)
        if len(shoppers) != q or any(_most(edges[0]) >= q for edges in (chosen, steps)) or _most(steps[1]) >= q:
            raise DataError("queries that are not there", where="related")
        if _most(chosen[1]) >= n:
            raise DataError("products that are not there", where="related")
        telling = np.bincount(chosen[1], minlength=n)[chosen[1]] <= _EVERYWHERE
        query, row, count = (column[telling] for column in chosen)
        taken = _unit_rows(sp.csr_array((np.log1p(count), (query, row)), shape=(q, n)))
        walked = sp.csr_array((steps[2].astype(np.float64), (steps[0], steps[1])), shape=(q, q))
        scale = sp.diags_array(1 / np.sqrt(np.maximum(shoppers, 1)))
        steps_shared = sp.csr_array(scale @ (walked + walked.T) @ scale)
        same, lists = _Same.of(texts, shoppers), list[list[int]]()
        for start in range(0, q, _BLOCK):
            block = slice(start, start + _BLOCK)
            likeness = sp.csr_array(taken[block] @ taken.T + steps_shared[block])
            lists += [self._nearest(likeness, at, same.words[start + at], same) for at in range(likeness.shape[0])]
        indptr = np.cumsum([0, *(len(others) for others in lists)], dtype=np.int64)
        others = np.array([other for found in lists for other in found], np.int32)
        return RelatedIndex(
            list(texts), np.asarray(shoppers, np.int64), indptr, others, sp.csc_array(taken), self.times
        )

    def _nearest(self, likeness: sp.csr_array, at: int, own: frozenset[str], same: _Same) -> list[int]:
        """The queries most related to that of row ``at``, best first."""
        span = slice(likeness.indptr[at], likeness.indptr[at + 1])
        places, scores = likeness.indices[span], likeness.data[span]
        kept = scores >= self.floor
        order = np.lexsort((places[kept], -scores[kept]))
        return same.once(places[kept][order].tolist(), own, self.most)


@dataclass(frozen=True)
class RelatedIndex:
    """The finished index; safe to share between threads. ``others[indptr[i]:indptr[i+1]]`` are related to query i, best
    first; ``taken`` (q, n): how much each row was chosen after each query, rows of unit length.
    """

    texts: Sequence[str]
    shoppers: Integers
    indptr: Integers
    others: NDArray[np.int32]
    taken: sp.csc_array
    times: float

    @cached_property
    def _number(self) -> dict[str, int]:
        return {reading(text): number for number, text in reversed(list(enumerate(self.texts)))}

    @cached_property
    def _same(self) -> _Same:
        return _Same.of(self.texts, self.shoppers)

    @cached_property
    def _plain(self) -> list[str]:
        return [normalise(text) for text in self.texts]

    def related(self, query: str, k: int = 8, shown: Rows = _NO_ROWS) -> list[str]:
        """At most ``k`` other searches, best first: of a query that many ask those learned for it, of any other those
        that led to the rows it found (``shown``, best first)."""
        number = self._number.get(reading(query))
        if number is not None:
            return [self.texts[other] for other in self.others[self.indptr[number] : self.indptr[number + 1]][:k]]
        if not len(shown):
            return []
        worth = self.taken[:, shown] @ (1 / np.log2(np.arange(len(shown)) + 2))
        led = np.flatnonzero(worth)
        best = led[np.argsort(-worth[led], kind="stable")]
        return [self.texts[at] for at in self._same.once(best.tolist(), frozenset(reading(query).split()), k)]

    def meant(self, query: str) -> str:
        """The search that ``query`` is likely a misspelling of, "" when there is none: spelt nearly like it (one edit
        from four letters on, two from eight; no figure changed), and much more asked for."""
        plain = normalise(query)
        reach = 0 if len(plain) < _SHORTEST_MISSPELT else 1 if len(plain) < _SHORTEST_FOR_TWO else 2
        number = self._number.get(reading(query))
        asked = 0 if number is None else int(self.shoppers[number])
        if not reach or not len(self.texts):
            return ""
        near = process.extract(plain, self._plain, scorer=OSA.distance, processor=None, score_cutoff=reach, limit=None)
        fitting = [
            (distance, -int(self.shoppers[at]), at)
            for text, distance, at in near
            if distance and _figures(text) == _figures(plain) and self.shoppers[at] > self.times * asked
        ]
        meant = self.texts[min(fitting)[2]] if fitting else ""
        return "" if reading(meant) == reading(query) else meant

    def save(self, folder: Path) -> None:
        """Write arrays and texts into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        about = {"texts": self.texts, "times": self.times, "n": self.taken.shape[1]}
        (folder / "related.json").write_bytes(dumps(about))

    def _arrays(self) -> dict[str, NDArray[Any]]:
        taken = {f"taken-{name}": getattr(self.taken, name) for name in _MATRIX}
        return {"shoppers": self.shoppers, "indptr": self.indptr, "others": self.others, **taken}

    @staticmethod
    def load(folder: Path) -> RelatedIndex:
        """Read what ``save`` wrote; raises ArtifactError when it is incomplete or does not fit together."""
        try:
            about = orjson.loads((folder / "related.json").read_bytes())
            taken = [np.load(folder / f"taken-{name}.npy", allow_pickle=False) for name in _MATRIX]
            own = {
                name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("shoppers", "indptr", "others")
            }
            matrix = sp.csc_array(tuple(taken), shape=(len(about["texts"]), about["n"]))
            return RelatedIndex(about["texts"], taken=matrix, times=about["times"], **own)
        except (OSError, KeyError, ValueError, EOFError) as error:
            raise ArtifactError("the related searches cannot be read", where=str(folder), hint="train again") from error


_MATRIX = ("data", "indices", "indptr")


@dataclass(frozen=True)
class _Same:
    """The ``words`` of each query, and of those with the same words in whatever order the ``first``: the most asked."""

    words: Sequence[frozenset[str]]
    first: Mapping[frozenset[str], int]

    @staticmethod
    def of(texts: Sequence[str], shoppers: Integers) -> _Same:
        words = [frozenset(reading(text).split()) for text in texts]
        least_first = np.argsort(shoppers, kind="stable").tolist()
        return _Same(words, {words[at]: at for at in least_first})

    def once(self, queries: Iterable[int], own: frozenset[str], k: int) -> list[int]:
        """The first of each of ``queries``, in that order, each once, at most ``k``, none with the words ``own``."""
        distinct = dict.fromkeys(self.words[at] for at in queries if self.words[at] != own)
        return [self.first[words] for words in islice(distinct, k)]


def reading(query: str) -> str:
    """What makes two queries the same: their words as the index knows them, in order.

    >>> reading("Oat Milks") == reading("oat milk")
    True
    """
    return " ".join(token.term for token in analyse(query))


def _most(numbers: NDArray[Any]) -> int:
    return int(numbers.max(initial=-1))


def _unit_rows(matrix: sp.csr_array) -> sp.csr_array:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sp.csr_array(sp.diags_array(1 / np.maximum(lengths, 1e-12)) @ matrix)


def _figures(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
