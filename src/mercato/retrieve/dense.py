"""A query or a product in, what means the same out: exact search over text vectors, with an honest cut-off."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.ports import Encoder
from mercato.schema import Mask, Ranking, Request, Rows, Scores
from mercato.words import scripts


@dataclass(frozen=True)
class Dense:
    """Vectors of distinct product texts, searched exactly; a hit below the cut-off is no hit.

    The cut-off is the cosine at which, on queries made from the shop's own category names, at least ``precision`` of
    the products above it belong to that category. When nothing matches at all, what lies within ``margin`` of the
    nearest text is shown instead, and the answer says so: down to ``floor``, below which random letters lie (half of
    them in one shop, a third in another, are nearer than .32 or .4 to something), or down to ``known_floor`` where the
    encoder knows every word of the query. ``reads``: scripts (words.scripts) that the encoder is trusted to understand
    where the shop has too few titles in them to tell.
    """

    precision: float = 0.5
    floor: float = 0.4
    known_floor: float = 0.3
    margin: float = 0.08
    reads: tuple[str, ...] = ("latin",)

    def index(
        self,
        vectors: NDArray[np.float32],
        text_of: NDArray[np.int32],
        cutoff: float,
        unread: frozenset[str] = frozenset(),
    ) -> DenseIndex:
        """``vectors`` (u, d) unit float32 of the distinct texts; ``text_of`` (n,) says which text each row has;
        ``unread``: the scripts (words.scripts) that the encoder does not understand."""
        return DenseIndex(vectors, text_of, cutoff, unread)

    def cutoff(self, queries: NDArray[np.float32], vectors: NDArray[np.float32], member: NDArray[np.bool_]) -> float:
        """The lowest cosine whose hits are members with at least the wanted precision; never below ``floor``.

        ``queries`` (q, d), ``vectors`` (u, d), ``member`` (q, u): text u belongs to query q.
        """
        cosines = (queries @ vectors.T).ravel()
        candidates = np.flatnonzero(cosines >= self.floor)
        if not len(candidates):
            return self.floor
        order = candidates[np.argsort(-cosines[candidates], kind="stable")]
        precision = np.cumsum(member.ravel()[order]) / np.arange(1, len(order) + 1)
        good = np.flatnonzero(precision >= self.precision)
        return float(cosines[order[good[-1]]]) if len(good) else float(cosines[order[0]]) + 1e-6


@dataclass(frozen=True)
class DenseIndex:
    """The finished index (see ``Meaning`` and ``Similar``). ``later`` (m, d) are vectors of texts that came after
    training, numbered on from ``vectors``, so that those stay mapped; nothing saves them."""

    vectors: NDArray[np.float32]
    text_of: NDArray[np.int32]
    cutoff: float
    unread: frozenset[str] = frozenset()
    later: NDArray[np.float32] | None = None

    def cosines(self, vector: NDArray[np.float32]) -> Scores:
        """Cosine of every catalogue row with ``vector``, (n,) float64."""
        by_text = self.vectors @ vector
        if self.later is not None:
            by_text = np.concatenate([by_text, self.later @ vector])
        return by_text.astype(np.float64)[self.text_of]

    def patched(self, vectors: NDArray[np.float32], at: Rows) -> DenseIndex:
        """The same where rows ``at`` (m, ascending, those beyond the last without a gap) have ``vectors`` (m, d)."""
        u, n = len(self.vectors), len(self.text_of)
        later = np.empty((0, self.vectors.shape[1]), np.float32) if self.later is None else self.later
        text_of = np.concatenate([self.text_of, np.full(int(np.sum(at >= n)), -1, np.int32)])
        own = text_of[at] >= u  # a row that has a vector of its own already keeps the place
        text_of[at[~own]] = u + len(later) + np.arange(int(np.sum(~own)), dtype=np.int32)
        later = np.concatenate([later, vectors[~own]])
        later[text_of[at[own]] - u] = vectors[own]
        return replace(self, text_of=text_of, later=later)

    def save(self, folder: Path) -> None:
        """Write vectors and cut-off into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        np.save(folder / "text_of.npy", self.text_of, allow_pickle=False)
        (folder / "about.json").write_bytes(dumps({"cutoff": self.cutoff, "unread": sorted(self.unread)}))

    @staticmethod
    def load(folder: Path) -> DenseIndex:
        """Map an index written by ``save``."""
        about = orjson.loads((folder / "about.json").read_bytes())
        return DenseIndex(
            np.load(folder / "vectors.npy", mmap_mode="r"),
            np.load(folder / "text_of.npy", mmap_mode="r"),
            float(about["cutoff"]),
            frozenset(about["unread"]),
        )


class Meaning:
    """Semantic search: the query's vector against every product text.

    What is ``near`` lies above the cut-off; ``closest``, for when nothing else matched, is everything within ``margin``
    of the nearest text, but never below ``floor`` (``known_floor`` where the encoder ``knows`` every word). Both are
    decided on the whole shop. Of a query in a script that the encoder was seen not to read (``DenseIndex.unread``)
    nothing is said at all.
    """

    def __init__(
        self,
        index: DenseIndex,
        encode: Callable[[str], NDArray[np.float32]],
        knows: Callable[[str], bool] = lambda _: False,
        settings: Dense = Dense(),
    ) -> None:
        self.index, self._encode, self._knows, self._settings = index, encode, knows, settings

    def vector(self, query: str) -> NDArray[np.float32]:
        """The unit vector (d,) of ``query``; (0,) where it is empty or cannot be read."""
        if not query.strip() or scripts(query) & self.index.unread:
            return np.empty(0, np.float32)
        return self._encode(query)

    def cosines(self, query: str) -> Scores:
        """Cosine of every row with ``query`` (n,); (0,) where it is empty or cannot be read."""
        vector = self.vector(query)
        return self.index.cosines(vector) if len(vector) else np.empty(0)

    def over(self, index: DenseIndex) -> Meaning:
        """The same search in another index; queries encoded before are still known."""
        return Meaning(index, self._encode, self._knows, self._settings)

    def near(self, cosines: Scores) -> Mask:
        """Rows (n,) that lie above the cut-off."""
        return cosines >= self.index.cutoff

    def nearest(self, query: str, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best allowed rows that are near, and where none is, the closest."""
        cosines = self.cosines(query)
        if not len(cosines):
            return Ranking.empty()
        near = self.near(cosines) & allowed
        rows = np.flatnonzero(near if near.any() else self.closest(cosines, query) & allowed)
        return Ranking.best_first(rows, cosines[rows], k)

    def closest(self, cosines: Scores, query: str) -> Mask:
        """Rows (n,) that lie nearest to ``query``, however far above or below the cut-off."""
        known = all(map(self._knows, re.findall(r"\w+", query.casefold())))
        floor = self._settings.known_floor if known else self._settings.floor
        return cosines >= max(floor, float(cosines.max(initial=0.0)) - self._settings.margin)


def remembering(encoder: Encoder, most: int = 4096) -> Callable[[str], NDArray[np.float32]]:
    """One unit vector per text; the last ``most`` texts are not encoded again."""
    return lru_cache(maxsize=most)(lambda text: encoder.encode([text])[0])


@dataclass(frozen=True)
class Similar:
    """Products whose text means the same as the anchors'; needs no event at all."""

    index: DenseIndex

    def _cosines(self, request: Request) -> Scores:
        anchors = request.anchors
        if not len(anchors):
            return np.zeros(len(self.index.text_of))
        mean = self.index.vectors[self.index.text_of[anchors]].mean(axis=0)
        cosines = self.index.cosines(mean / max(float(np.linalg.norm(mean)), 1e-12))
        cosines[anchors] = 0.0
        return np.maximum(cosines, 0.0)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows nearest to the anchors."""
        cosines = self._cosines(request)
        rows = np.flatnonzero(allowed & (cosines > 0))
        return Ranking.best_first(rows, cosines[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """Cosine to the anchors' mean; 0 for the anchors themselves."""
        return self._cosines(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The anchor nearest to ``row``."""
        if not len(request.anchors):
            return None
        target = self.index.vectors[self.index.text_of[row]]
        return int(request.anchors[int(np.argmax(self.index.vectors[self.index.text_of[request.anchors]] @ target))])
