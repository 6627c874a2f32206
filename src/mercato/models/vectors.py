"""Texts and an encoder in, vectors out; those made before come from disk, so re-training encodes only what is new."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.errors import ArtifactError
from mercato.models.onnx_graph import publish
from mercato.ports import Encoder

_SEGMENT = 2048
"""Texts per file: what an interrupted training loses at most."""


class Named(Protocol):
    """An encoder, of whatever, whose ``fingerprint`` changes whenever its vectors would."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        ...

    @property
    def fingerprint(self) -> str:
        """A name of letters, digits and dashes."""
        ...


class NamedEncoder(Encoder, Named, Protocol):
    """A text encoder that can be named."""


@dataclass(frozen=True, slots=True)
class VectorCache:
    """Vectors kept under ``folder``/fingerprint/, in segments of 16-byte BLAKE2b hashes and float16 vectors.

    float16 moves a unit vector's cosine by less than 1e-6 and halves the disk. Segments are only ever added, each
    renamed into place whole; one that is damaged (zip checksum) or of another shape counts as not there, and what was
    in it is encoded again. Old fingerprints are folders that may be deleted at any time.
    """

    folder: Path

    def encode(
        self, encoder: NamedEncoder, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """(n, dimension) float32 of unit length, one vector per text, the same whether it was kept or made just now.

        ``progress(done, total)`` hears of the texts that had to be encoded. Raises ArtifactError when the folder
        cannot be written.
        """
        keys = [blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        found = self.kept(encoder, wanted)
        # Neighbours of like length fill the encoder's batches.
        missing = sorted(wanted.keys() - found.keys(), key=lambda key: (len(wanted[key]), key))
        for start in range(0, len(missing), _SEGMENT):
            new = missing[start : start + _SEGMENT]
            vectors = encoder.encode([wanted[key] for key in new]).astype(np.float16)
            self.keep(encoder, new, vectors)
            found |= zip(new, vectors, strict=True)
            if progress is not None:
                progress(start + len(new), len(missing))
        return unit([found[key] for key in keys], encoder.dimension)

    def kept(self, encoder: Named, wanted: Collection[bytes]) -> dict[bytes, NDArray[np.float16]]:
        """The vectors of those ``wanted`` hashes that are kept."""
        found: dict[bytes, NDArray[np.float16]] = {}
        for keys, vectors in _segments(self.folder / encoder.fingerprint, encoder.dimension):
            found |= {key: vector for key, vector in zip(keys, vectors, strict=True) if key in wanted}
        return found

    def keep(self, encoder: Named, keys: Sequence[bytes], vectors: NDArray[np.float16]) -> None:
        """Keep one segment: the ``vectors`` (n, dimension) of n hashes. Raises ArtifactError when it cannot be kept."""
        hashes = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), 16)
        content = io.BytesIO()
        np.savez(content, keys=hashes, vectors=vectors)
        name = blake2b(hashes.tobytes(), digest_size=16).hexdigest()
        place = self.folder / encoder.fingerprint
        try:
            publish(place / f"{name}.npz", content.getvalue())
        except OSError as error:
            raise ArtifactError("the vectors cannot be kept", where=str(place), hint="is the disk full?") from error


def unit(vectors: Sequence[NDArray[np.float16]], dimension: int) -> NDArray[np.float32]:
    """(n, dimension) float32 of unit length from what was kept."""
    if not vectors:
        return np.empty((0, dimension), np.float32)
    whole = np.stack(vectors).astype(np.float32)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    return whole


def _segments(place: Path, dimension: int) -> Iterator[tuple[list[bytes], NDArray[np.float16]]]:
    for path in sorted(place.glob("*.npz")):
        try:
            with np.load(path, allow_pickle=False) as segment:
                keys, vectors = segment["keys"], segment["vectors"]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error):
            continue
        if keys.dtype == np.uint8 and vectors.dtype == np.float16 and _fit(keys.shape, vectors.shape, dimension):
            yield [key.tobytes() for key in keys], vectors


def _fit(keys: tuple[int, ...], vectors: tuple[int, ...], dimension: int) -> bool:
    return len(keys) == len(vectors) == 2 and keys[0] == vectors[0] and keys[1] == 16 and vectors[1] == dimension
