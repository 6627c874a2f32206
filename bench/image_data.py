"""A folder of fashion photos in, a shop of them with a fifth set aside out: what bench/image_search.py measures on."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato import build
from mercato.catalog import Catalog
from mercato.data.batch import COLUMNS
from mercato.feedback.histories import Events
from mercato.jobs.train import EVENT_COLUMNS, drafted
from mercato.models.image import LoadedImageEncoder
from mercato.models.text import LoadedTextEncoder
from mercato.parts import Parts
from mercato.retrieve.align import Align, Aligned
from mercato.retrieve.pictures import PictureIndex, Pictures
from mercato.schema import Product, Request, Rows
from mercato.scores import complete, hints
from mercato.settings import Settings

CACHE = Path(os.environ.get("MERCATO_BENCH_CACHE", ".bench"))
AT = datetime(2026, 1, 1, tzinfo=UTC)

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Fashion:
    """n products in the order of their ids: title, photo, and what a person noted of each."""

    titles: NDArray[np.str_]
    files: list[Path]
    noted: Mapping[str, NDArray[np.str_]]

    @staticmethod
    def read(folder: Path) -> Fashion:
        """Those of styles.csv.zip that have a photo."""
        with zipfile.ZipFile(folder / "styles.csv.zip") as archive:
            lines = list(csv.reader(io.StringIO(archive.read("styles.csv").decode("utf-8"))))
        found = sorted(line for line in lines[1:] if (folder / "images" / f"{line[0]}.jpg").is_file())
        noted = {"type": 4, "colour": 5, "gender": 1}
        return Fashion(
            # a comma in a title was not quoted: what comes after it belongs to the title
            np.array([",".join(line[9:]) for line in found]),
            [folder / "images" / f"{line[0]}.jpg" for line in found],
            {name: np.array([line[place] for line in found]) for name, place in noted.items()},
        )

    def same(self, asked: Places, shop: Places, *names: str) -> Flags:
        """(asked, shop): equal in every one of ``names``, in all that was noted where none is given."""
        equal = [self.noted[name][asked][:, None] == self.noted[name][shop] for name in names or self.noted]
        return np.logical_and.reduce(equal)


@dataclass(frozen=True)
class Bench:
    """The products, which are ``aside`` and which the ``shop``, and the vectors of all."""

    fashion: Fashion
    aside: Places
    shop: Places
    photos: Floats
    texts: Floats
    text: LoadedTextEncoder

    def aligned(self, seed: int) -> Aligned:
        """The heads that the shop's pairs train."""
        _, labels = np.unique(self.fashion.titles[self.shop], return_inverse=True)
        return Align(seed=seed).fit(self.texts[self.shop], self.photos[self.shop], labels.astype(np.int32))

    def index(self, aligned: Aligned | None) -> PictureIndex:
        """The shop's pictures as they are served; what a product is is the person's note."""
        _, kinds = np.unique(self.fashion.noted["type"][self.shop], return_inverse=True)
        rows = np.arange(len(self.shop), dtype=np.int32)
        return Pictures().index(self.photos[self.shop], rows, kinds.astype(np.int32), aligned)

    def said(self, texts: Sequence[str]) -> Floats:
        """One vector per text; equal texts are encoded once."""
        distinct, places = np.unique(np.array(texts), return_inverse=True)
        return self.text.encode(distinct.tolist())[places]

    def parts(self, cache: Path) -> Parts:
        """What ``mercato train`` makes of the shop's titles; no picture yet."""
        named = zip(self.fashion.files, self.fashion.titles, strict=True)
        products = [Product(file.stem, str(title)) for file, title in named]
        catalog = Catalog.build([products[place] for place in self.shop], "bench")
        nothing = Events.from_frame(
            pl.DataFrame(schema={name: COLUMNS["events"][name] for name in EVENT_COLUMNS}), catalog
        )
        draft = drafted(Settings(), catalog, nothing, cache, lambda _: None, self.text)
        return replace(draft, weights=complete(Settings(), {}, hints(Settings(), catalog)))

    def served(self, parts: Parts, aligned: Aligned) -> Callable[[str, Floats], Rows]:
        """Search as a shop serves it: words and a photo's vector in, the first ten places of the shop out."""
        engine = build.engine(Settings(), replace(parts, pictures=self.index(aligned)), self.text, {})

        def find(query: str, photo: Floats) -> Rows:
            request = Request("search", AT, query=query, picture=photo)
            slate, _ = engine.search(request, np.empty(0, np.int32), "")
            return parts.catalog.rows(slate.ids)

        return find


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Rows of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def photographed(fashion: Fashion, encoder: LoadedImageEncoder) -> Floats:
    """Every photo's vector, kept under the encoder's name."""
    place = CACHE / f"fashion-{encoder.fingerprint}.npy"
    if place.is_file():
        return np.load(place, allow_pickle=False)
    vectors = encoder.encode(fashion.files)
    np.save(place, vectors, allow_pickle=False)
    return vectors
