"""Text vectors in, what a product's nearest relatives are worth to a shopper out: a say for what nobody took yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mercato.ports import Retriever
from mercato.retrieve.once import Once
from mercato.schema import Mask, Ranking, Request, Rows, Scores


@dataclass(frozen=True)
class Kin:
    """The ``relatives`` nearest texts of every text, by cosine; nothing above ``most`` texts, where all against all
    would take minutes. A relative weighs cosine^``sharpness``."""

    relatives: int = 20
    sharpness: float = 6.0
    most: int = 40_000
    block: int = 2048

    def fit(self, vectors: NDArray[np.float32]) -> Relatives | None:
        """From ``vectors`` (texts, c) of unit length; None where there are too many, or fewer than two."""
        texts = len(vectors)
        if not 2 <= texts <= self.most:
            return None
        m = min(self.relatives, texts - 1)
        near, weights = np.empty((texts, m), np.int32), np.empty((texts, m), np.float32)
        for begin in range(0, texts, self.block):
            cosines = vectors[begin : begin + self.block] @ vectors.T
            places = np.arange(len(cosines))
            cosines[places, begin + places] = -2.0
            best = np.argpartition(-cosines, m - 1, axis=1)[:, :m].astype(np.int32)
            near[begin : begin + self.block] = best
            weights[begin : begin + self.block] = np.take_along_axis(cosines, best, axis=1)
        return Relatives(near, np.maximum(weights, 0.0) ** np.float32(self.sharpness))


@dataclass(frozen=True)
class Relatives:
    """For every text its ``near`` texts (texts, m) int32, itself not among them, and their ``weights`` (texts, m)."""

    near: NDArray[np.int32]
    weights: NDArray[np.float32]

    def save(self, folder: Path) -> None:
        """Write both arrays into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "near.npy", self.near, allow_pickle=False)
        np.save(folder / "weights.npy", self.weights, allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> Relatives:
        """Read what ``save`` wrote."""
        return Relatives(np.load(folder / "near.npy"), np.load(folder / "weights.npy"))


@dataclass(frozen=True)
class KinLane:
    """What ``base`` says of a product's relatives, averaged: item-to-item smoothing (a kernel regression over texts).

    ``text_of`` (n,) says which text each row has; only rows flagged by ``taken`` (n,) have a say, and never a row's own
    text. So a product that nobody took is judged exactly as one that many took, and one score can be learned for both.
    """

    relatives: Relatives
    text_of: NDArray[np.int32]
    taken: Mask
    base: Retriever
    _counts: NDArray[np.float64] = field(init=False, repr=False)
    _weights: NDArray[np.float64] = field(init=False, repr=False)
    _worked: Once[Scores] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.text_of[self.taken], minlength=len(self.relatives.near)).astype(np.float64)
        weights = self.relatives.weights * (counts > 0)[self.relatives.near]
        total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_weights", (weights / total).astype(np.float64))
        object.__setattr__(self, "_worked", Once(self._scores))

    def _said(self, request: Request) -> Scores:
        return np.where(self.taken, self.base.score(request, np.arange(len(self.text_of), dtype=np.int32)), 0.0)

    def _scores(self, request: Request) -> Scores:
        said = self._said(request)
        by_text = np.bincount(self.text_of, weights=said, minlength=len(self._counts)) / np.maximum(self._counts, 1.0)
        kin: Scores = np.einsum("tm,tm->t", self._weights, by_text[self.relatives.near])
        return kin[self.text_of]

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` best of the allowed rows that nobody took yet: the others have lanes of their own."""
        scores = self._worked(request)
        rows = np.flatnonzero(allowed & ~self.taken & (scores > 0))
        return Ranking.best_first(rows, scores[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """The weighted mean of what ``base`` says of each row's relatives."""
        return self._worked(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The relative that gave ``row`` most."""
        said, text = self._said(request), self.text_of[row]
        place = np.full(len(self._counts), -1)
        place[self.relatives.near[text]] = np.arange(self.relatives.near.shape[1])
        known = np.flatnonzero((place[self.text_of] >= 0) & (said > 0))
        if not len(known):
            return None
        given = said[known] * self._weights[text][place[self.text_of[known]]]
        return int(known[int(np.argmax(given))])
