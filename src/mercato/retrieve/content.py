"""Text vectors of products in, what reads like a shopper's history out: it knows products nobody took yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mercato.retrieve.kin import Kin, Relatives
from mercato.retrieve.once import Once
from mercato.schema import Mask, Ranking, Request, Rows, Scores


@dataclass(frozen=True)
class Content:
    """Text vectors on their ``width`` principal axes: what all texts share is taken off, and a request costs a third.

    The shopper is the sum of the ``newest`` products, each ``decay`` as much as the one after it.
    """

    width: int = 128
    decay: float = 0.6
    newest: int = 50

    def fit(self, vectors: NDArray[np.float32], text_of: NDArray[np.int32]) -> ContentLane:
        """From ``vectors`` (texts, c) of unit length and the text of each of n products."""
        centred = vectors - vectors.mean(axis=0) if len(vectors) else vectors
        if vectors.shape[1] > self.width:
            centred = centred @ principal_axes(centred, self.width)
        length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
        unit = (centred / length).astype(np.float32)
        return ContentLane(unit, text_of, self, Kin().fit(unit))


def principal_axes(centred: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """(d, width): the directions in which ``centred`` (n, d) varies most, the most first."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :width]
    # the sign of an axis is arbitrary: its largest entry is made positive, so that every machine agrees
    signed: NDArray[np.float32] = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return signed


@dataclass(frozen=True)
class ContentLane:
    """``vectors`` (texts, width) float32 of unit length; ``text_of`` (n,) says which text each catalogue row has;
    ``relatives`` are the nearest texts of each, None where there are too many."""

    vectors: NDArray[np.float32]
    text_of: NDArray[np.int32]
    recipe: Content
    relatives: Relatives | None = None
    _cosines: Once[Scores] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cosines", Once(self._read))

    def rows(self) -> NDArray[np.float32]:
        """One vector per catalogue row (n, width)."""
        return self.vectors[self.text_of]

    def _newest(self, request: Request) -> Rows:
        history = request.history
        return history.rows[history.grades > 0][-self.recipe.newest :]

    def _read(self, request: Request) -> Scores:
        rows = self._newest(request)
        if not len(rows):
            return np.zeros(len(self.text_of))
        weight = self.recipe.decay ** np.arange(len(rows) - 1, -1, -1, dtype=np.float32)
        shopper = weight @ self.vectors[self.text_of[rows]]
        shopper /= max(float(np.linalg.norm(shopper)), 1e-9)
        return np.maximum(self.vectors @ shopper.astype(np.float32), 0.0).astype(np.float64)[self.text_of]

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows whose text is nearest to the history; nothing without one."""
        cosines = self._cosines(request)
        rows = np.flatnonzero(allowed & (cosines > 0))
        return Ranking.best_first(rows, cosines[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """Cosine to the history, never below 0."""
        return self._cosines(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The product of the history whose text is nearest to ``row``'s, itself excluded."""
        rows = self._newest(request)
        rows = rows[rows != row]
        if not len(rows):
            return None
        near = self.vectors[self.text_of[rows]] @ self.vectors[self.text_of[row]]
        best = int(np.argmax(near))
        return int(rows[best]) if near[best] > 0 else None

    def save(self, folder: Path) -> None:
        """Write the vectors into ``folder``; which text a row has is kept by the text index."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "vectors.npy", self.vectors, allow_pickle=False)
        if self.relatives is not None:
            self.relatives.save(folder / "relatives")

    @staticmethod
    def load(folder: Path, text_of: NDArray[np.int32], recipe: Content) -> ContentLane:
        """Map what ``save`` wrote."""
        relatives = Relatives.load(folder / "relatives") if (folder / "relatives").is_dir() else None
        return ContentLane(np.load(folder / "vectors.npy", mmap_mode="r").view(np.ndarray), text_of, recipe, relatives)
