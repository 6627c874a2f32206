"""Texts in, which products say what they are free of out: so that "without sugar" keeps what is "sugar-free"."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.errors import ArtifactError, DataError
from mercato.schema import Rows
from mercato.words import normalise
from mercato.words.absence import absences

_LEAST = 2
"""Products that must say "X free" or "without X" before X is something that products of this shop are free of."""


@dataclass(frozen=True)
class WithoutIndex:
    """Rows ``rows[indptr[t]:indptr[t+1]]`` (int32, ascending) say that they are without ``terms[t]``; terms ascend."""

    terms: tuple[str, ...]
    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]

    @staticmethod
    def index(fields: Mapping[str, Sequence[str]], known: Container[str] = ()) -> WithoutIndex:
        """The finished index; each field is n strings by row. Of ``known`` terms it keeps every row that says so.
        Raises DataError when the fields differ in length."""
        if len(sizes := {len(texts) for texts in fields.values()}) > 1:
            raise DataError(f"fields of different lengths: {sorted(sizes)}", where="without")
        read: dict[str, list[tuple[str, bool]]] = {}
        rows: dict[str, set[int]] = defaultdict(set)
        sure: dict[str, set[int]] = defaultdict(set)
        for texts in fields.values():
            for row, text in enumerate(texts):
                if text not in read:
                    told = absences(normalise(text)) if text else ()
                    read[text] = [(term, found.wording != "no") for found in told for term in found.terms]
                for term, is_sure in read[text]:
                    rows[term].add(row)
                    if is_sure:
                        sure[term].add(row)
        terms = sorted(term for term in rows if len(sure[term]) >= _LEAST or term in known)
        kept = [np.array(sorted(rows[term]), np.int32) for term in terms]
        indptr = np.cumsum([0, *map(len, kept)], dtype=np.int64)
        return WithoutIndex(tuple(terms), indptr, np.concatenate([np.empty(0, np.int32), *kept]))

    def __contains__(self, term: object) -> bool:
        """Whether products of this shop say that they are without ``term``."""
        return isinstance(term, str) and self._place(term) >= 0

    def saying(self, terms: Sequence[str]) -> Rows:
        """Rows that say they are without any of ``terms``, ascending."""
        places = [place for term in terms if (place := self._place(term)) >= 0]
        lists = [self.rows[self.indptr[place] : self.indptr[place + 1]] for place in places]
        return np.unique(np.concatenate([np.empty(0, np.int32), *lists]))

    def _place(self, term: str) -> int:
        at = bisect_left(self.terms, term)
        return at if at < len(self.terms) and self.terms[at] == term else -1

    def save(self, folder: Path) -> None:
        """Write arrays and terms into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "indptr.npy", self.indptr, allow_pickle=False)
        np.save(folder / "rows.npy", self.rows, allow_pickle=False)
        (folder / "terms.json").write_bytes(dumps(self.terms))

    @staticmethod
    def load(folder: Path) -> WithoutIndex:
        """Map an index written by ``save``; raises ArtifactError when it is incomplete or damaged."""
        try:
            indptr, rows = _mapped(folder / "indptr.npy"), _mapped(folder / "rows.npy")
            terms = tuple(orjson.loads((folder / "terms.json").read_bytes()))
        except (OSError, ValueError, EOFError, TypeError) as error:
            raise ArtifactError(
                "the index of absences cannot be read", where=str(folder), hint="train again"
            ) from error
        if len(indptr) != len(terms) + 1 or len(rows) != indptr[-1]:
            raise ArtifactError("the index of absences does not fit together", where=str(folder), hint="train again")
        return WithoutIndex(terms, indptr, rows)


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)
