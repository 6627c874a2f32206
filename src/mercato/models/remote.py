"""Texts in, unit vectors out, made by a server that speaks OpenAI's embeddings API; the standard library alone.

The API: POST {address}/embeddings {"model", "input": [texts]} → {"data": [{"index", "embedding"}]}.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.errors import ArtifactError, BackendError

_LOCAL = ("localhost", "127.0.0.1", "::1")
_LARGEST = 256 * 2**20
"""Bytes read of one answer."""


@dataclass(frozen=True)
class Address:
    """An OpenAI-compatible server: ``https://host/v1#model``. ``key`` names the environment variable that holds the API
    key; what is in it is never kept."""

    base: str
    model: str
    key: str = ""

    @staticmethod
    def parse(source: str, key: str = "") -> Address:
        """Raises ArtifactError for what is no such address, or would send a key over the net for all to read."""
        parts = urlsplit(source)
        if parts.scheme not in ("http", "https") or not parts.hostname or not parts.fragment:
            raise ArtifactError("this is no address of a model", where=source, hint="https://host/v1#model")
        if parts.username or parts.password or parts.query:
            raise ArtifactError("an address holds no secrets", where=parts.hostname, hint="name a variable: --key NAME")
        if key and parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise ArtifactError("the key would be sent unencrypted", where=source, hint="give an https address")
        return Address(source.partition("#")[0].rstrip("/"), parts.fragment, key)

    @property
    def source(self) -> str:
        """As it is written."""
        return f"{self.base}#{self.model}"

    def post(self, path: str, body: dict[str, Any], seconds: float) -> Any:
        """The JSON that the server answers within ``seconds``; raises BackendError that says why it does not."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            secret = os.environ.get(self.key, "")
            if not secret:
                raise BackendError(f"the environment variable {self.key} is not set", where=self.base)
            headers["Authorization"] = f"Bearer {secret}"
        url = f"{self.base}/{path}"
        request = urllib.request.Request(url, orjson.dumps(body), headers)  # noqa: S310, parse saw to the scheme
        try:
            with _OPENER.open(request, timeout=seconds) as answer:
                return orjson.loads(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            said = error.read(300).decode("utf-8", "replace").strip()
            raise BackendError(f"the model's server answers {error.code}: {said}", where=url) from error
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            raise BackendError(f"the model's server cannot be reached: {why}", where=url) from error
        except ValueError as error:
            raise BackendError("the model's server answers no JSON", where=url) from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would take the key elsewhere, so it is an error like any other status."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


@dataclass
class RemoteEncoder:
    """An encoder behind an address (see ``ports.Encoder``); safe to share between threads.

    The server is trusted that a text has one vector whatever else it is asked for: nobody can see to that from here.
    One text, a shopper's query, has ``patience`` seconds, a batch ``seconds``. Once it failed it is not asked for the
    next ``rest`` seconds, so that a server that is down does not slow every search.
    """

    address: Address
    dimension: int
    batch: int = 64
    seconds: float = 60.0
    patience: float = 2.0
    rest: float = 15.0
    clock: Callable[[], float] = monotonic
    _again: float = field(default=0.0, init=False)

    @property
    def fingerprint(self) -> str:
        """Names address, model and dimension: whether the server still runs the same weights it does not say."""
        return hashlib.sha256(f"{self.address.source} {self.dimension}".encode()).hexdigest()[:32]

    @staticmethod
    def probe(address: Address) -> RemoteEncoder:
        """The encoder, its dimension asked for with one text; raises BackendError or ArtifactError."""
        vectors = _vectors(address, ["a"], 30.0)
        return RemoteEncoder(address, vectors.shape[1])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32 of unit length. Raises BackendError where the server does not answer, ArtifactError
        where its vectors are of another dimension or none."""
        if self.clock() < self._again:
            raise BackendError("the model's server failed a moment ago", where=self.address.source)
        distinct = list(dict.fromkeys(texts))
        seconds = self.patience if len(distinct) == 1 else self.seconds
        batches = [distinct[start : start + self.batch] for start in range(0, len(distinct), self.batch)]
        try:
            made = [_vectors(self.address, batch, seconds, self.dimension) for batch in batches]
        except BackendError:
            self._again = self.clock() + self.rest
            raise
        place = {text: number for number, text in enumerate(distinct)}
        vectors: NDArray[np.float32] = np.concatenate([np.empty((0, self.dimension), np.float32), *made])[
            [place[text] for text in texts]
        ]
        return vectors

    def knows(self, word: str) -> bool:
        """Its words are not told."""
        return False


def _vectors(address: Address, texts: Sequence[str], seconds: float, dimension: int = 0) -> NDArray[np.float32]:
    """Unit vectors of ``texts`` from one call; ``dimension`` 0 takes any."""
    # no server takes an empty text, and lone surrogates are no Unicode
    said = [text.encode("utf-8", "replace").decode() or " " for text in texts]
    answer = address.post("embeddings", {"model": address.model, "input": said, "encoding_format": "float"}, seconds)
    try:
        data = sorted(answer["data"], key=lambda one: int(one["index"]))
        vectors = np.array([one["embedding"] for one in data], np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise BackendError("the model's server answers no embeddings", where=address.source) from error
    if vectors.ndim != 2 or len(vectors) != len(texts):
        what = f"the model's server answers {len(vectors)} vectors for {len(texts)} texts"
        raise BackendError(what, where=address.source)
    if dimension and vectors.shape[1] != dimension:
        what = f"its vectors have {vectors.shape[1]} numbers, not {dimension}"
        raise ArtifactError(what, where=address.source, hint="add the model again")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ArtifactError("its vectors are not finite, or zero", where=address.source)
    unit: NDArray[np.float32] = vectors / lengths
    return unit
