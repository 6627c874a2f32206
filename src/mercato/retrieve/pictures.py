"""A photo, a product or words in, the products whose pictures look like that out: exact cosine over every picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.codec import dumps
from mercato.errors import ArtifactError
from mercato.retrieve.align import Aligned, Floats, Head
from mercato.retrieve.content import principal_axes
from mercato.retrieve.dense import Dense
from mercato.retrieve.once import Once
from mercato.schema import Mask, Ranking, Request, Rows, Scores

_ASKED = 300
"""Pictures that the cut-off is learned from."""


@dataclass(frozen=True)
class Pictures:
    """How pictures are found and searched.

    ``folders``: where the files lie that products name as their images, whole paths or relative to the shop's folder;
    nothing outside is read, nothing is fetched. Of a product the first ``most`` images count. Without words that belong
    to them (see ``retrieve.align``) pictures are compared on their ``width`` principal axes. What is ``near`` lies
    above the cosine at which at least ``precision`` of what lies higher is of the same kind; never below ``floor``.
    ``words``: how much the words of a query count beside its photo.
    """

    folders: tuple[str, ...] = ("",)
    most: int = 5
    width: int = 256
    precision: float = 0.5
    floor: float = 0.2
    words: float = 0.5

    def index(
        self,
        vectors: Floats,
        rows: Rows,
        kinds: NDArray[np.int32],
        aligned: Aligned | None = None,
        encoder: str = "",
    ) -> PictureIndex:
        """The finished index of m pictures, at least one: ``vectors`` (m, d) of the picture encoder whose fingerprint
        is ``encoder``, ``rows`` (m,) ascending, the product each belongs to; ``kinds`` (n,) equal numbers for products
        of one kind, -1 where it is not known; ``aligned`` leads into the space that pictures share with words."""
        picture = self._principal(vectors) if aligned is None else aligned.picture
        text = None if aligned is None else aligned.text
        placed = picture(vectors)
        return PictureIndex(placed, rows, len(kinds), picture, text, self._cutoff(placed, kinds[rows]), encoder)

    def _principal(self, vectors: Floats) -> Head:
        mean = vectors.mean(axis=0)
        return Head(mean, principal_axes(vectors - mean, self.width).astype(np.float32, copy=False))

    def _cutoff(self, placed: Floats, kinds: NDArray[np.int32]) -> float:
        """Learned from up to 300 pictures, at most half of all, asked for the others."""
        known = np.random.default_rng(0).permutation(np.flatnonzero(kinds >= 0))
        asked, others = np.split(known, [min(_ASKED, len(known) // 2)])
        member = kinds[asked][:, None] == kinds[others]
        return Dense(precision=self.precision, floor=self.floor).cutoff(placed[asked], placed[others], member)


@dataclass(frozen=True)
class PictureIndex:
    """``vectors`` (m, width) float32 of unit length, ``rows`` (m,) ascending: the product of each, of ``n`` in all.
    ``picture`` brings vectors here of the picture encoder with the fingerprint ``encoder``, ``text`` those of texts,
    None where nothing could be learned."""

    vectors: Floats
    rows: Rows
    n: int
    picture: Head
    text: Head | None
    cutoff: float
    encoder: str = ""
    _first: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_first", np.flatnonzero(np.diff(self.rows, prepend=-1)))

    def cosines(self, vector: Floats) -> Scores:
        """Of each product (n,) the cosine of the picture nearest to ``vector`` (width,) of unit length; 0 of one that
        has no picture."""
        found = np.zeros(self.n)
        if len(self.rows):
            found[self.rows[self._first]] = np.maximum.reduceat(self.vectors @ vector, self._first)
        return found

    def near(self, cosines: Scores) -> Mask:
        """Products (n,) that lie above the cut-off."""
        return cosines >= self.cutoff

    def of(self, rows: Rows) -> Floats | None:
        """The mean (width,) of all pictures of ``rows``, of unit length; None where they have none."""
        mine = self.vectors[np.isin(self.rows, rows)]
        return _unit(mine.mean(axis=0)) if len(mine) else None

    def save(self, folder: Path) -> None:
        """Write the arrays into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {"vectors": self.vectors, "rows": self.rows, **_arrays("picture", self.picture)}
        if self.text is not None:
            arrays |= _arrays("text", self.text)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        about = {"n": self.n, "cutoff": self.cutoff, "text": self.text is not None, "encoder": self.encoder}
        (folder / "about.json").write_bytes(dumps(about))

    @staticmethod
    def load(folder: Path) -> PictureIndex:
        """Map an index written by ``save``; raises ArtifactError when it is incomplete."""
        try:
            about = orjson.loads((folder / "about.json").read_bytes())
            return PictureIndex(
                _mapped(folder, "vectors"),
                _mapped(folder, "rows"),
                int(about["n"]),
                _head(folder, "picture"),
                _head(folder, "text") if about["text"] else None,
                float(about["cutoff"]),
                about["encoder"],
            )
        except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError("the picture index cannot be read", where=str(folder), hint="train again") from error


@dataclass(frozen=True)
class Looks:
    """Products that look like the request's photo, or where it has none, like its anchors; or as its words say; both
    where it has both.

    ``encode``: a text in, the text encoder's unit vector out; None where there is no such encoder. ``words``: how
    much they count beside the photo.
    """

    index: PictureIndex
    encode: Callable[[str], Floats] | None = None
    words: float = 0.5
    _cosines: Once[Scores] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cosines", Once(self._read))

    def _read(self, request: Request) -> Scores:
        wanted = self._wanted(request)
        if wanted is None:
            return np.zeros(self.index.n)
        cosines = np.maximum(self.index.cosines(wanted), 0.0)
        cosines[request.anchors] = 0.0
        return cosines

    def _wanted(self, request: Request) -> Floats | None:
        """The direction that is asked for, of unit length."""
        said, shown = self._said(request.query), self._shown(request)
        if said is None or shown is None:
            return said if shown is None else shown
        return _unit(shown + np.float32(self.words) * said)

    def _shown(self, request: Request) -> Floats | None:
        """Where the photo lies among the pictures, or the anchors do; None where there is neither."""
        if not len(request.picture):
            return self.index.of(request.anchors)
        place: Floats = self.index.picture(request.picture[None])[0]
        return place

    def _said(self, query: str) -> Floats | None:
        """Where ``query`` lies among the pictures; None where there is none, or nothing that places it."""
        if self.encode is None or self.index.text is None or not query.strip():
            return None
        place: Floats = self.index.text(self.encode(query)[None])[0]
        return place

    def near(self, request: Request) -> Rows:
        """The products that look near enough to what is asked for, ascending."""
        return np.flatnonzero(self.index.near(self._cosines(request))).astype(np.int32)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows that look most like what is asked for; nothing where nothing is."""
        cosines = self._cosines(request)
        rows = np.flatnonzero(allowed & (cosines > 0))
        return Ranking.best_first(rows, cosines[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """Cosine with what is asked for, never below 0; 0 of the anchors and of what has no picture."""
        return self._cosines(request)[rows]

    def source(self, request: Request, row: int) -> int | None:
        """The anchor that looks most like ``row``; None where a photo was asked with."""
        mine = self.index.vectors[self.index.rows == row]
        theirs = np.flatnonzero(np.isin(self.index.rows, request.anchors))
        if len(request.picture) or not len(mine) or not len(theirs):
            return None
        alike = (self.index.vectors[theirs] @ mine.T).max(axis=1)
        return int(self.index.rows[theirs[int(np.argmax(alike))]])


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.maximum(np.linalg.norm(vector), np.float32(1e-9))
    return unit


def _arrays(name: str, head: Head) -> dict[str, Floats]:
    return {f"{name}-mean": head.mean, f"{name}-axes": head.axes}


def _head(folder: Path, name: str) -> Head:
    return Head(_mapped(folder, f"{name}-mean"), _mapped(folder, f"{name}-axes"))


def _mapped(folder: Path, name: str) -> NDArray[Any]:
    array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # still mapped; indexing a memmap object costs microseconds more each time
