"""A model of a shop's shelf in, whether it can be trusted, what it reads and how fast it is here out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from mercato.artifacts import Artifact, current
from mercato.catalog import Catalog
from mercato.errors import ArtifactError
from mercato.jobs.encoders import PLACE, source_of
from mercato.jobs.meaning import meaning_text, readable
from mercato.jobs.train import texts
from mercato.models import onnx_session
from mercato.models.cross import LoadedCross
from mercato.models.encoders import is_address, proven
from mercato.models.image import ImageEncoder
from mercato.models.intake import averaging
from mercato.models.remote import Address
from mercato.models.vectors import NamedEncoder
from mercato.rank.cross import pair_text
from mercato.schema import Product
from mercato.settings import Settings

SAMPLE = 500
"""Products that an encoder is tried on."""
_STRANGE = ("blue velvet sofa 2 l", "garden hose", "dark roast coffee")
"""What is read where the shop has no trained catalogue yet."""
_ASKED = 20


def prove(role: str, found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    """Load the model as serving would; returns what can be said of it without measuring (its ``dimension``).

    Raises ArtifactError that says why it cannot serve, BackendError where a server does not answer.
    """
    return _PROOFS[role](found, settings, home)


def _encoder(found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    if not found.manifest["about"].get(PLACE):
        averaging(found.folder)
    encoder = loaded(found, settings, home)
    proven(encoder, str(found.folder))
    return {"dimension": encoder.dimension}


def loaded(found: Artifact, settings: Settings, home: Path) -> NamedEncoder:
    """The encoder of a version."""
    return source_of(found, settings.encoder).load(settings.encoder, home / "cache" / "models")


def _cross(found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    scores = LoadedCross.load(found.folder).score(_STRANGE[0], _STRANGE)
    if not (np.isfinite(scores).all() and (scores >= 0).all() and (scores <= 1).all()):
        raise ArtifactError("its scores are no chances", where=str(found.folder))
    if "signal" not in found.manifest["about"]:
        hint = "publish it with its manifest, or tune one in this shop"
        raise ArtifactError("it does not say how much the score should hear it", where=str(found.folder), hint=hint)
    return {}


def _image(found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    path = found.folder / "model.safetensors"
    return {"dimension": ImageEncoder(source=str(path)).load(home / "cache" / "models").dimension}


def _classifier(found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    for path in found.folder.glob("*.onnx"):
        onnx_session.session(path.read_bytes(), 1, str(path))
    return {}


def _writer(found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    place = str(found.manifest["about"].get(PLACE, ""))
    if not is_address(place) and not place.startswith("package:"):
        raise ArtifactError("a writer is an address or a package", where=place, hint="https://host/v1#model")
    if is_address(place):
        Address.parse(place, str(found.manifest["about"].get("key", "")))
    return {}


_PROOFS: dict[str, Callable[[Artifact, Settings, Path], dict[str, Any]]] = {
    "encoder": _encoder,
    "cross": _cross,
    "classifier": _classifier,
    "image": _image,
    "writer": _writer,
}


def measured(role: str, found: Artifact, settings: Settings, home: Path) -> dict[str, Any]:
    """How fast it is on this machine, and for an encoder which scripts of the shop's titles it reads."""
    products = sample(home)
    if role == "encoder":
        return read_by(loaded(found, settings, home), settings, products)
    if role == "cross":
        model, said = LoadedCross.load(found.folder), [pair_text(product) for product in products[:16]]
        return {"pairs": len(said), "query_ms": _milliseconds(lambda n: model.score(f"sofa {n}", said or _STRANGE))}
    return {}


def sample(home: Path) -> list[Product]:
    """Some products of the trained catalogue, drawn by a fixed seed; none where nothing is trained."""
    folder = current(home / "snapshots")
    if folder is None:
        return []
    catalog = Catalog.load(folder / "catalog")
    rows = np.random.default_rng(0).permutation(len(catalog))[:SAMPLE]
    return [catalog.product(int(row)) for row in np.sort(rows)]


def read_by(encoder: NamedEncoder, settings: Settings, products: Sequence[Product]) -> dict[str, Any]:
    """Texts a second, one query's median milliseconds, and by script whether the encoder tells the products by parts of
    their titles; of a script in too few titles nothing is said."""
    said = [meaning_text(product) for product in products] or list(_STRANGE)
    begun = perf_counter()
    vectors = encoder.encode(said)
    seconds = perf_counter() - begun
    own = np.arange(len(said), dtype=np.int32)
    reads: dict[str, bool] = {}
    if products:
        lexical = settings.lexical.index(texts(products))
        reads = readable([product.title for product in products], lexical, encoder, vectors, own)
    return {
        "texts": len(said),
        "texts_per_second": round(len(said) / max(seconds, 1e-9), 1),
        "query_ms": _milliseconds(lambda n: encoder.encode([f"{said[n % len(said)][:40]} {n}"])),
        "reads": reads,
    }


def _milliseconds(ask: Callable[[int], object]) -> float:
    """The median of twenty calls."""
    taken = []
    for number in range(_ASKED):
        begun = perf_counter()
        ask(number)
        taken.append((perf_counter() - begun) * 1000)
    return round(median(taken), 2)
