"""Where a text encoder comes from in, the loaded encoder out: a package, a folder, or a server's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mercato.errors import ArtifactError
from mercato.models.hashed import HashEncoder
from mercato.models.remote import Address, RemoteEncoder
from mercato.models.text import TextEncoder
from mercato.models.vectors import NamedEncoder

LETTERS = "letters"
"""The source that needs no weights (``hashed.HashEncoder``)."""
_PROBES = ("a", "blue velvet sofa 2 l", "")


@dataclass(frozen=True, slots=True)
class Source:
    """One encoder, named so that the same can be loaded again.

    ``place``: "package:NAME", a folder, "https://host/v1#model", or "letters". ``dimension``: how many numbers its
    vectors must have, 0 for any. ``key``: see ``remote.Address``. The rest as in ``text.TextEncoder``.
    """

    place: str
    int8: bool = True
    max_length: int = 64
    prefix: str = ""
    dimension: int = 0
    key: str = ""

    @staticmethod
    def of(recipe: TextEncoder) -> Source:
        """What ``recipe`` names."""
        return Source(recipe.source, recipe.int8, recipe.max_length, recipe.prefix)

    def load(self, recipe: TextEncoder, cache: Path) -> NamedEncoder:
        """The encoder; ``recipe`` says how it runs (threads, batch).

        Raises ArtifactError where it is missing, damaged, no such model or of another dimension, BackendError where a
        server does not answer that has to say its dimension.
        """
        encoder = self._loaded(recipe, cache)
        if self.dimension and encoder.dimension != self.dimension:
            what = f"its vectors have {encoder.dimension} numbers, not {self.dimension}"
            raise ArtifactError(what, where=self.place, hint="add the model again")
        return encoder

    def _loaded(self, recipe: TextEncoder, cache: Path) -> NamedEncoder:
        if self.place == LETTERS:
            return HashEncoder(self.dimension or HashEncoder().dimension)
        if is_address(self.place):
            address = Address.parse(self.place, self.key)
            return RemoteEncoder(address, self.dimension) if self.dimension else RemoteEncoder.probe(address)
        own = replace(recipe, source=self.place, int8=self.int8, max_length=self.max_length, prefix=self.prefix)
        return own.load(cache)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_dict(told: Mapping[str, Any]) -> Source:
        """What ``to_dict`` wrote; raises ArtifactError."""
        try:
            return Source(**{name: told[name] for name in Source.__slots__ if name in told})
        except TypeError as error:
            raise ArtifactError("no encoder is named", hint="train again: mercato train SHOP") from error


def is_address(place: str) -> bool:
    """Whether ``place`` is a server's address."""
    return place.startswith(("http://", "https://"))


def proven(encoder: NamedEncoder, where: str) -> None:
    """Raises ArtifactError where a few texts do not get finite vectors of unit length and the said dimension."""
    vectors = encoder.encode(_PROBES)
    if vectors.shape != (len(_PROBES), encoder.dimension):
        raise ArtifactError(f"its vectors are {vectors.shape}, not (n, {encoder.dimension})", where=where)
    lengths = np.linalg.norm(vectors, axis=1)
    if not np.allclose(lengths, 1.0, atol=1e-3):  # NaN is close to nothing
        raise ArtifactError("its vectors are not finite and of unit length", where=where)
