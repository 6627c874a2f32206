"""Products and a folder of picture files in, the picture index and an account of what became of each image out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import ArtifactError, DataError
from mercato.models.vectors import Named, VectorCache, unit
from mercato.retrieve.align import Align, Aligned, Floats
from mercato.retrieve.pictures import PictureIndex, Pictures
from mercato.schema import Product, Rows
from mercato.settings import Settings

Tick = Callable[[str], None]

_SEGMENT = 512
"""Pictures per file of the cache: what an interrupted training loses at most, about 8 s."""
_SAID = 64
"""Pictures between two ticks."""
_EXAMPLES = 3
LOST = ("not local", "missing", "outside", "unreadable")
"""Why an image is not searched."""
_LEAST_TEXTS = 100
_HELD, _MOST_HELD = 0.1, 500
_MOST_ASTRAY = 0.25
"""Words are used where at most this share of all pictures lies nearer to a text never trained on than its own does,
.5 being chance: on the fashion photos, with ever more titles exchanged at random, photos found others of the same
type, colour and gender better through words up to .30, and worse than without words beyond."""


class PictureEncoder(Named, Protocol):
    """A picture encoder (models.image.LoadedImageEncoder)."""

    def encode(self, pictures: Sequence[bytes | Path]) -> Floats:
        """(n, dimension) float32 of unit length; raises DataError for one that cannot be read."""
        ...


class Texts(Protocol):
    """The text encoder's vectors of distinct texts, and which of them each product has (retrieve.dense.DenseIndex)."""

    @property
    def vectors(self) -> Floats: ...
    @property
    def text_of(self) -> NDArray[np.int32]: ...


def picture_index(
    settings: Settings, catalog: Catalog, texts: Texts | None, home: Path, tick: Tick
) -> tuple[PictureIndex | None, dict[str, Any]]:
    """``learn_pictures`` as the shop in ``home`` is set; a catalogue without images is not even read."""
    if not pc.any(pc.match_substring(catalog.records, '"images":')).as_py():
        return None, {}
    return learn_pictures(
        [catalog.product(row) for row in range(len(catalog))],
        home,
        lambda: settings.image.load(home / "cache" / "models"),
        home / "cache" / "pictures",
        tick,
        texts,
        settings.pictures,
        settings.align,
    )


def told(account: Mapping[str, Any]) -> str:
    """What ``learn_pictures`` accounts for, in a line."""
    lost = [f"{count:,} {reason}" for reason, count in account.items() if reason in LOST]
    read = f"{account['pictures']:,} pictures of {account['products']:,} products"
    words = account.get("words", {})
    said = [f"skipped: {account['skipped']}"] if "skipped" in account else [read]
    if words:
        said.append(f"words {words['skipped']}" if "skipped" in words else "words find them too")
    return "; ".join([*said, *([", ".join(lost)] if lost else [])])


def learn_pictures(
    products: Sequence[Product],
    home: Path,
    load: Callable[[], PictureEncoder],
    cache: Path,
    tick: Tick,
    texts: Texts | None = None,
    recipe: Pictures | None = None,
    align: Align | None = None,
) -> tuple[PictureIndex | None, dict[str, Any]]:
    """The index over the pictures of n ``products``, whose places are their rows; None where there is no picture.

    The encoder is loaded only where there is a file for it; where it cannot be, that is said and there is no index.
    Only files inside the recipe's folders of ``home`` are read: an address is counted as "not local" and never
    fetched, a path that leads outside is refused. Vectors are kept in ``cache`` by the hash of the file, so that only
    new pictures are encoded. With ``texts`` the space that words and pictures share is learned too, if the shop's own
    texts are seen to say how its products look. Raises ArtifactError when the cache cannot be written.
    """
    recipe, align = recipe or Pictures(), align or Align()
    files = _named(products, home, recipe)
    if not files.paths:
        return None, _account(files, np.empty(0, np.int32))
    try:
        encoder = load()
    except ArtifactError as error:
        return None, _account(files, np.empty(0, np.int32)) | {"skipped": str(error)}
    vectors, rows = _encoded(files, encoder, VectorCache(cache), tick)
    account = _account(files, rows)
    if not len(rows):
        return None, account
    aligned = None
    if texts is not None:
        tick("words for pictures")
        aligned, account["words"] = _aligned(vectors, texts.vectors, texts.text_of[rows], align)
    return recipe.index(vectors, rows, _kinds(products), aligned, encoder.fingerprint), account


@dataclass(frozen=True)
class _Files:
    """The files that products name as their images, row and path of each in order; ``lost`` are the others by reason,
    the first few of each spelt out."""

    rows: list[int] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def lose(self, reason: str, said: str) -> None:
        """Count one for ``reason``."""
        self.lost[reason] += 1
        if self.lost[reason] <= _EXAMPLES:
            self.examples.append(f"{reason}: {said[:300]}")


def _named(products: Sequence[Product], home: Path, recipe: Pictures) -> _Files:
    """The files among the first ``recipe.most`` images of every product."""
    folders, files = _folders(home, recipe), _Files()
    for row, product in enumerate(products):
        for image in product.images[: recipe.most]:
            found = _file(image, folders)
            if isinstance(found, Path):
                files.rows.append(row)
                files.paths.append(found)
            else:
                files.lose(found, f"{image} of product {product.id}")
    return files


def _encoded(files: _Files, encoder: PictureEncoder, cache: VectorCache, tick: Tick) -> tuple[Floats, Rows]:
    """One vector (m, d) and row (m,) of every file that could be read; the others are counted as lost."""
    keys = [_hash(path) for path in files.paths]
    wanted = {key: path for key, path in zip(keys, files.paths, strict=True) if key}
    found = cache.kept(encoder, wanted)
    missing = [(key, path) for key, path in wanted.items() if key not in found]
    refused: dict[bytes, str] = {b"": "the file cannot be opened"}
    for start in range(0, len(missing), _SEGMENT):
        new: dict[bytes, NDArray[np.float16]] = {}
        for place, (key, path) in enumerate(missing[start : start + _SEGMENT], start):
            if place % _SAID == 0:
                tick(f"pictures {place}/{len(missing)}")
            try:
                new[key] = encoder.encode([path])[0].astype(np.float16)
            except DataError as error:
                refused[key] = str(error)
        if new:
            cache.keep(encoder, list(new), np.stack(list(new.values())))
        found |= new
    for key, path in zip(keys, files.paths, strict=True):
        if key not in found:
            files.lose("unreadable", f"{path}: {refused[key]}")
    readable = [place for place, key in enumerate(keys) if key in found]
    rows = np.array([files.rows[place] for place in readable], np.int32)
    return unit([found[keys[place]] for place in readable], encoder.dimension), rows


def _account(files: _Files, rows: Rows) -> dict[str, Any]:
    """How many pictures of how many products there are, and what became of the other images."""
    said: dict[str, Any] = {"pictures": len(rows), "products": len(np.unique(rows)), **files.lost}
    return said | ({"examples": files.examples} if files.examples else {})


def picture_file(product: Product, home: Path, recipe: Pictures) -> Path | None:
    """The first image of ``product`` that is a file in the folders of ``recipe``, which lie in ``home``."""
    found = (_file(image, _folders(home, recipe)) for image in product.images[: recipe.most])
    return next((path for path in found if isinstance(path, Path)), None)


def _folders(home: Path, recipe: Pictures) -> list[Path]:
    return [Path(os.path.abspath(home / name)) for name in recipe.folders]


def _file(image: str, folders: Sequence[Path]) -> Path | str:
    """The file that ``image`` names inside one of ``folders``, or why there is none."""
    if "://" in image or image.startswith(("//", "data:")):
        return "not local"
    inside = False
    for folder in folders:
        path = Path(os.path.normpath(folder / image))
        if path.is_relative_to(folder):
            inside = True
            if os.path.isfile(path):  # False, not an error, for a name that no file system allows
                return path
    return "missing" if inside else "outside"


def _hash(path: Path) -> bytes:
    """The cache's name of the file's content; nothing where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file_digest(file, lambda: blake2b(digest_size=16)).digest()
    except OSError:
        return b""


def _kinds(products: Sequence[Product]) -> NDArray[np.int32]:
    """Equal numbers for products of one deepest category, -1 where there is none."""
    leaves = [product.categories[0] if product.categories else "" for product in products]
    codes = {leaf: code for code, leaf in enumerate(sorted(set(leaves) - {""}))}
    return np.array([codes.get(leaf, -1) for leaf in leaves], np.int32)


def _aligned(
    vectors: Floats, texts: Floats, labels: NDArray[np.int32], align: Align
) -> tuple[Aligned | None, dict[str, Any]]:
    """Heads trained on every pair, if those trained without a tenth of the texts find the pictures of that tenth."""
    distinct = np.random.default_rng(align.seed).permutation(np.unique(labels))
    if len(distinct) < _LEAST_TEXTS:
        return None, {"skipped": f"{len(distinct)} different texts with pictures are fewer than {_LEAST_TEXTS}"}
    aside = np.flatnonzero(np.isin(labels, distinct[: int(_HELD * len(distinct))]))
    rest = np.setdiff1d(np.arange(len(labels)), aside)
    aside = aside[:_MOST_HELD]
    half = replace(align, steps=(align.steps + 1) // 2)  # enough to tell whether there is anything to learn
    tried = half.fit(texts[labels[rest]], vectors[rest], labels[rest])
    astray = float(tried.astray(texts[labels[aside]], vectors[aside], labels[aside]).mean())
    said = {"pairs": len(labels), "held out": len(aside), "nearer than the own": round(astray, 4), "by chance": 0.5}
    if not astray <= _MOST_ASTRAY:
        return None, {"skipped": f"texts say too little of looks: more than {_MOST_ASTRAY} are nearer", **said}
    return align.fit(texts[labels], vectors, labels), said
