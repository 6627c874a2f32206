"""Who bought what in, a shopper's taste out: implicit-feedback matrix factorisation, folded in at every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mercato.retrieve.once import Once
from mercato.schema import History, Mask, Ranking, Request, Rows, Scores


@dataclass(frozen=True)
class Taste:
    """Weighted ALS (Hu, Koren & Volinsky 2008) over decayed purchases.

    Confidence of a pair is ``alpha``·log(1 + ``gain``·decayed count), that of a pair never seen 1. Items rarer than
    ``support`` events get no factor: they are the business of content lanes.
    """

    factors: int = 64
    regularization: float = 20.0
    alpha: float = 2.0
    gain: float = 3.0
    iterations: int = 10
    half_life_days: float = 80.0
    support: int = 5
    seed: int = 0

    def fit(self, shoppers: NDArray[np.int64], rows: Rows, at: NDArray[np.int64], *, n: int, now: int) -> TasteLane:
        """Item factors from parallel event arrays; ``shoppers`` are dense numbers from 0."""
        counts = np.bincount(rows, minlength=n)
        known = np.flatnonzero(counts >= self.support).astype(np.int32)
        if not len(known):
            return TasteLane(np.zeros((0, self.factors), np.float32), known, self)
        column = np.full(n, -1, np.int32)
        column[known] = np.arange(len(known), dtype=np.int32)
        keep = column[rows] >= 0
        weight = 0.5 ** (np.maximum(now - at[keep], 0) / 86_400 / self.half_life_days)
        shape = (int(shoppers.max()) + 1, len(known))
        matrix = sp.csr_matrix((weight.astype(np.float32), (shoppers[keep], column[rows[keep]])), shape=shape)
        matrix.data = self.alpha * np.log1p(self.gain * matrix.data)
        with threadpool_limits(1, "blas"):  # implicit warns of BLAS threads as soon as a model is made
            model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,
                iterations=self.iterations,
                num_threads=1,
                random_state=self.seed,
            )
            model.fit(matrix, show_progress=False)
        return TasteLane(np.asarray(model.item_factors, np.float32), known, self)


@dataclass(frozen=True, slots=True)
class Folded:
    """One shopper solved for: factor numbers and confidences of their products, those factors, (YᵀCY + λI)⁻¹, and the
    shopper's vector."""

    places: NDArray[np.int64]
    confidence: NDArray[np.float64]
    own: NDArray[np.float64]
    inverse: NDArray[np.float64]
    vector: NDArray[np.float32]


@dataclass(frozen=True)
class TasteLane:
    """Item ``factors`` (m, f) float32 of the catalogue rows ``known`` (m,) ascending.

    The shopper's vector is solved from the history in the request, so the newest event counts at once and no shopper
    vector is kept.
    """

    factors: NDArray[np.float32]
    known: Rows
    recipe: Taste
    _gram: NDArray[np.float64] = field(init=False, repr=False)
    _folded: Once[Folded] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        gram = (self.factors.T @ self.factors).astype(np.float64)
        object.__setattr__(self, "_gram", gram + self.recipe.regularization * np.eye(self.factors.shape[1]))
        object.__setattr__(self, "_folded", Once(self._fold))

    def _place(self, rows: Rows) -> NDArray[np.int64]:
        """Factor number of each row, -1 where it has none."""
        if not len(self.known):
            return np.full(len(rows), -1)
        place = np.minimum(np.searchsorted(self.known, rows), len(self.known) - 1)
        return np.where(self.known[place] == rows, place, -1)

    def _confidence(self, history: History) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        history = history.take(history.grades > 0)
        # counted from the shopper's own newest event: someone who comes back after a year still has a taste
        age = np.maximum(history.at.max(initial=0) - history.at, 0) / 86_400
        weight = history.grades / 3 * 0.5 ** (age / self.recipe.half_life_days)
        places = self._place(history.rows)
        known = places >= 0
        distinct, index = np.unique(places[known], return_inverse=True)
        decayed = np.bincount(index, weights=weight[known], minlength=len(distinct))
        return distinct, self.recipe.alpha * np.log1p(self.recipe.gain * decayed)

    def _fold(self, request: Request) -> Folded:
        places, confidence = self._confidence(request.history)
        own = self.factors[places].astype(np.float64)
        gram = self._gram + own.T @ ((confidence - 1)[:, None] * own)
        inverse: NDArray[np.float64] = np.linalg.inv(gram).astype(np.float64)
        return Folded(places, confidence, own, inverse, (inverse @ (own.T @ confidence)).astype(np.float32))

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows closest to the shopper's taste."""
        scores = self.factors @ self._folded(request).vector
        keep = allowed[self.known] & (scores > 0)
        return Ranking.best_first(self.known[keep], scores[keep], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """Predicted preference, about 0 to 1; negative predictions and unknown rows are 0."""
        places = self._place(rows)
        vector = self._folded(request).vector
        scores = np.zeros(len(rows))
        known = places >= 0
        scores[known] = np.maximum(self.factors[places[known]] @ vector, 0)
        return scores

    def source(self, request: Request, row: int) -> int | None:
        """The history product that contributes most to ``row``'s prediction (Hu et al. 2008, section 5)."""
        shopper = self._folded(request)
        target = int(self._place(np.array([row], np.int32))[0])
        if target < 0 or not len(shopper.places):
            return None
        given = shopper.confidence * (shopper.own @ (shopper.inverse @ self.factors[target].astype(np.float64)))
        given[shopper.places == target] = -np.inf
        best = int(np.argmax(given))
        return int(self.known[shopper.places[best]]) if given[best] > 0 else None

    def save(self, folder: Path) -> None:
        """Write the factors into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "factors.npy", self.factors, allow_pickle=False)
        np.save(folder / "known.npy", self.known, allow_pickle=False)

    @staticmethod
    def load(folder: Path, recipe: Taste) -> TasteLane:
        """Read factors written by ``save``; ``recipe`` must be the one they were fitted with."""
        return TasteLane(np.load(folder / "factors.npy"), np.load(folder / "known.npy"), recipe)
