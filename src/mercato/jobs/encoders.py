"""A shop's settings and model shelf in, the text encoder it is trained with out; a snapshot in, the one it needs.

Vectors of two encoders must never meet, so a snapshot says which one made its own, and is served with that one or,
where it cannot be had any more, without meaning. What is chosen since counts from the next training on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from mercato.artifacts import Artifact, is_chosen, open_current
from mercato.errors import ArtifactError
from mercato.models.encoders import LETTERS, Source
from mercato.models.small.form import longest
from mercato.models.text import TextEncoder
from mercato.models.vectors import NamedEncoder
from mercato.settings import Settings

ROLE = "encoder"
PLACE = "place"
"""What the manifest of a version says where the model lies elsewhere (a package, an address)."""


@dataclass(frozen=True)
class Chosen:
    """A loaded text encoder, from ``version`` of the shelf ("": from elsewhere); ``refused`` are those that should have
    been it, each with the reason."""

    encoder: NamedEncoder
    source: Source
    version: str = ""
    refused: tuple[str, ...] = ()

    def named(self) -> dict[str, Any]:
        """What a snapshot keeps of it; of a folder on the shelf no path, so that a shop may be moved."""
        source = self.source.to_dict()
        if self.version and Path(self.source.place).name == self.version:
            source["place"] = ""
        return {
            "version": self.version,
            "source": source,
            "fingerprint": self.encoder.fingerprint,
            "dimension": self.encoder.dimension,
            "refused": list(self.refused),
        }


def shelf(home: Path, role: str = ROLE) -> Path:
    """Where the models of a role lie in a shop."""
    return home / "models" / role


def choose(settings: Settings, home: Path) -> Chosen:
    """The current version of the shelf, else the last before it that can be trusted, else ``[encoder]`` of the
    settings, else letters. Raises BackendError where the one that is meant is a server, and it does not answer."""
    cache = home / "cache" / "models"
    refused: list[str] = []
    if is_chosen(shelf(home)):
        try:
            found = open_current(shelf(home))
            refused += found.refused
            source = source_of(found, settings.encoder)
            return Chosen(source.load(settings.encoder, cache), source, found.version, tuple(refused))
        except ArtifactError as error:
            refused.append(str(error))
    source = Source.of(settings.encoder)
    try:
        return Chosen(source.load(settings.encoder, cache), source, "", tuple(refused))
    except ArtifactError as error:
        source = Source(LETTERS)
        return Chosen(source.load(settings.encoder, cache), source, "", (*refused, str(error)))


def with_shelf(settings: Settings, home: Path) -> Settings:
    """``settings`` with the cross-encoder and the picture encoder that are chosen on the shelf; a cross-encoder that
    they name themselves stays."""
    cross, image = shelf(home, "cross"), shelf(home, "image")
    if not settings.read.source and is_chosen(cross):
        settings = replace(settings, read=replace(settings.read, source=str(cross)))
    if is_chosen(image):
        try:
            found = open_current(image)
        except ArtifactError:  # the one that was learned with is missed by its fingerprint, and that is said
            return settings
        place = found.manifest["about"].get(PLACE) or str(found.folder / "model.safetensors")
        settings = replace(settings, image=replace(settings.image, source=place))
    return settings


def source_of(found: Artifact, recipe: TextEncoder) -> Source:
    """How a version of the shelf is loaded: what its manifest says, the rest as in ``recipe``."""
    about = found.manifest["about"]
    place = str(about.get(PLACE) or found.folder)
    source = replace(Source.of(recipe), place=place, prefix=str(about.get("prefix", "")))
    if about.get(PLACE):
        return replace(source, dimension=int(about.get("dimension", 0)), key=str(about.get("key", "")))
    most = min(recipe.max_length, longest(found.folder))
    return replace(source, dimension=int(about.get("dimension", 0)), max_length=most)


def trained_with(
    report: Mapping[str, Any], settings: Settings, home: Path, at_hand: NamedEncoder | None = None
) -> NamedEncoder:
    """The encoder that made the vectors of the snapshot with this training ``report``; ``at_hand`` if it is that one.

    Raises ArtifactError where it cannot be had any more.
    """
    told = report.get(ROLE)
    cache = home / "cache" / "models"
    if told is None:  # trained by a Mercato that did not say
        return Source.of(settings.encoder).load(settings.encoder, cache)
    if at_hand is not None and at_hand.fingerprint == told["fingerprint"]:
        return at_hand
    source = Source.from_dict({**told["source"], "dimension": told["dimension"]})
    if not source.place:
        source = replace(source, place=str(shelf(home) / told["version"]))
    encoder = source.load(settings.encoder, cache)
    if encoder.fingerprint != told["fingerprint"]:
        what = "the encoder is not the one that this shop was trained with"
        raise ArtifactError(what, where=source.place, hint="train again: mercato train SHOP")
    return encoder


def in_use(home: Path) -> set[str]:
    """The versions of encoders that some snapshot still needs."""
    found = set()
    for path in (home / "snapshots").glob("[!.]*/report.json"):
        try:
            found.add(str(orjson.loads(path.read_bytes())[ROLE]["version"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found - {""}
