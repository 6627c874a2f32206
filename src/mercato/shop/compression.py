"""A shop in, its text encoder made smaller or faster on its shelf out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mercato.artifacts import described
from mercato.codec import from_time
from mercato.errors import ArtifactError, RequestError
from mercato.jobs.compress import Compress, compress
from mercato.jobs.encoders import PLACE, choose, shelf
from mercato.jobs.lessons import Teach, course, whole
from mercato.jobs.material import Material
from mercato.models.encoders import LETTERS, is_address
from mercato.models.offered import BUILT_IN
from mercato.models.small.tiers import Making
from mercato.settings import Settings
from mercato.stores.sqlite import ShopStore


class Compression:
    """``shop.compression``: the encoder in tiers. The store is only read, so a server may go on meanwhile."""

    def __init__(
        self, home: Path, store: ShopStore, clock: Callable[[], datetime], settings: Callable[[], Settings]
    ) -> None:
        self._home, self._store, self._clock, self._settings = home, store, clock, settings

    def compress(
        self, wanted: Compress, seed: int = 0, steps: int = 0, tick: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Make, measure and choose (see ``jobs.compress``) of the encoder that is chosen now: what is published is
        chosen, and serves from the next training on. ``steps``: of the students' distillation, 0 as usual.

        Raises DataError where nothing was seen to judge by, RequestError for an encoder that is no folder of weights.
        """
        settings = self._settings()
        source, about = self._source(settings)
        material = Material.read(self._store, tick)
        given = course(material, Teach(seed=seed))
        making = Making(
            source,
            material.texts.texts,
            self._home / "cache" / "models",
            self._home / "cache" / "small",
            max_length=settings.encoder.max_length,
            seed=seed,
            threads=settings.encoder.threads,
        )
        version = f"small-{self._clock():%Y%m%dT%H%M%S%f}"
        about |= {"created_at": from_time(self._clock()), "data": given.account}
        making = replace(making, steps=steps) if steps else making
        exams = whole(given.validation), whole(given.test)
        told = compress(wanted, making, settings.encoder, *exams, self._home, version, about, tick)
        following = f"mercato train {self._home}: vectors of all products are made anew; until then the old one serves"
        return told | {"source": source, "next": following if told["version"] else "the shop keeps the encoder it has"}

    def _source(self, settings: Settings) -> tuple[str, dict[str, Any]]:
        """The weights that tiers are made of: those of the chosen encoder, or of the one that it is a tier of; and what
        a manifest says of them."""
        found = choose(settings, self._home)
        version, place = found.version, found.source.place
        if not version:
            return _weights(place), _offered(place)
        told = dict(described(shelf(self._home) / version)["about"])
        while told.get("tier") and told.get("parent"):
            version = str(told["parent"])
            told = dict(described(shelf(self._home) / version)["about"])
        if told.get("tier"):  # of no version: what it was made of lies outside the shelf
            place = str(told["base"])
            return _weights(place), _offered(place)
        place = str(told.get(PLACE) or shelf(self._home) / version)
        kept = {name: told[name] for name in ("name", "licence", "language") if name in told}
        return _weights(place), {**kept, "base": place, "parent": version}


def _weights(place: str) -> str:
    if is_address(place) or place == LETTERS:
        hint = "choose one with weights: mercato models choose SHOP encoder NAME"
        raise RequestError(f"{place} has no weights that could be made smaller", where="encoder", hint=hint)
    if not place.startswith("package:") and not (Path(place) / "model.safetensors").is_file():
        raise ArtifactError("there are no weights to make it smaller from", where=place)
    return place


def _offered(place: str) -> dict[str, Any]:
    offer = next((one for one in BUILT_IN if one.source == place), None)
    known = {"licence": offer.licence, "language": offer.language} if offer else {"licence": "unknown"}
    return {**known, "name": place.rpartition(":")[2].rpartition("/")[2], "base": place, "parent": ""}
