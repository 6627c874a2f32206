"""An encoder's folder in, folders of the same encoder made smaller or faster out, each by its name.

Whatever a tier needs beyond ONNX Runtime is needed here, not where it serves; OpenVINO's own tiers need it there too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from mercato.errors import ArtifactError, BackendError
from mercato.models import bert_onnx
from mercato.models.small import quantise, surgery, words
from mercato.models.small.calibrate import moments
from mercato.models.small.form import GRAPH, Form
from mercato.models.taught import Lessons
from mercato.models.text import TextEncoder, located, tokenizer_of
from mercato.models.tuning import Tune

Tick = Callable[[str], None]
_BESIDE = ("config.json", "tokenizer.json", "config_sentence_transformers.json", "centre.json")
_HINT = "pip install 'mercato[tune]'"
_TAUGHT = 6000
"""Texts whose vectors teach the table of words: their square is kept in memory (300 MB)."""


@dataclass(frozen=True)
class Making:
    """What tiers are made of: the ``source`` of a BERT encoder ("package:NAME" or a folder), the ``texts`` it shall be
    good at, and how much is left of it. ``cache`` keeps what is read of the source, ``work`` what is half done.

    ``calibrated``: texts that scales and costs are measured on. ``heads`` and ``neurons``: the shares cut of a pruned
    encoder. ``layers``: those of the student, which keeps ``student`` of its neurons and heads and learns for
    ``steps`` of 32 texts. ``dimension``: numbers of a shorter vector, ``table``: of the static one.
    """

    source: str
    texts: tuple[str, ...]
    cache: Path
    work: Path
    max_length: int = 64
    calibrated: int = 96
    heads: float = 0.34
    neurons: float = 0.5
    layers: int = 3
    student: float = 0.5
    steps: int = 300
    dimension: int = 128
    table: int = 256
    seed: int = 0
    threads: int = 1

    @property
    def folder(self) -> Path:
        """Where the encoder lies; raises ArtifactError."""
        return located(self.source, self.cache)[0]

    @cached_property
    def clean(self) -> tuple[str, ...]:
        """The texts without lone surrogates, which tokenizers refuse."""
        return tuple(text.encode("utf-8", "replace").decode() for text in self.texts)

    def sample(self, count: int) -> tuple[str, ...]:
        """``count`` of the texts, drawn by the seed."""
        order = np.random.default_rng([self.seed, count]).permutation(len(self.texts))[:count]
        return tuple(self.clean[place] for place in order)

    def tokens(self, count: int) -> list[list[int]]:
        """The token ids of such a sample, as the encoder would read them."""
        tokenizer = tokenizer_of(self.folder, self.max_length)
        return [tokenizer.encode(text).ids for text in self.sample(count)]

    def vectors(self, count: int) -> NDArray[np.float32]:
        """What the encoder makes of such a sample, in float32."""
        recipe = TextEncoder(source=self.source, int8=False, max_length=self.max_length, threads=self.threads)
        return recipe.load(self.cache).encode(self.sample(count))


def make(name: str, making: Making, target: Path, tick: Tick) -> None:
    """Write the tier ``name`` into the folder ``target``, as ``models.text.TextEncoder`` serves it.

    Raises ArtifactError where this encoder cannot be made into it, BackendError where a library for it is missing.
    """
    tick(f"making {name}")
    target.mkdir(parents=True, exist_ok=True)
    TIERS[name](making, target, tick)


def _float32(making: Making, target: Path, _: Tick) -> None:
    _beside(making.folder, target)
    bert_onnx.build(making.folder, target / GRAPH, int8=False)
    Form(graph=True).write(target)


def _int8(making: Making, target: Path, _: Tick) -> None:
    _served(making.folder, making.folder, target)


def _int8_static(making: Making, target: Path, _: Tick) -> None:
    _beside(making.folder, target)
    quantise.static(making.folder, target / GRAPH, making.tokens(making.calibrated))
    Form(graph=True).write(target)


def _openvino(precision: str) -> Callable[[Making, Path, Tick], None]:
    def write(making: Making, target: Path, _: Tick) -> None:
        _runs_openvino(precision)
        _beside(making.folder, target)
        shutil.copyfile(making.folder / "model.safetensors", target / "model.safetensors")
        Form(runtime="openvino", precision=precision).write(target)

    return write


def _openvino_int8(making: Making, target: Path, tick: Tick) -> None:
    _runs_openvino("float32")
    _int8_static(making, target, tick)
    Form(runtime="openvino", graph=True).write(target)


def _runs_openvino(precision: str) -> None:
    try:
        import openvino
    except ImportError as error:
        raise BackendError("OpenVINO is not installed", where="openvino", hint=_HINT) from error
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bfloat16" and "BF16" not in able:
        raise BackendError("this CPU does not compute in bfloat16", where="openvino-bfloat16", hint="another machine")


def _short(making: Making, target: Path, _: Tick) -> None:
    tensors = load_file(making.folder / "model.safetensors")
    vectors = making.vectors(2000)
    if making.dimension >= vectors.shape[1]:
        raise ArtifactError(f"its vectors have {vectors.shape[1]} numbers already", where=making.source)
    turn = surgery.principal(vectors, making.dimension)
    _cut_served(making.folder, surgery.shortened(tensors, turn), target, making.work)


def _pruned(making: Making, target: Path, _: Tick) -> None:
    tensors = _cut(making, making.folder, making.heads, making.neurons)
    _cut_served(making.folder, tensors, target, making.work)


def _cut(making: Making, folder: Path, heads: float, neurons: float) -> dict[str, NDArray[np.float32]]:
    seen = moments(folder, making.tokens(4 * making.calibrated), making.threads)
    tensors = load_file(folder / "model.safetensors")
    return surgery.pruned(tensors, bert_onnx.BertShape.read(folder).heads, seen, heads, neurons)


def _student(making: Making, target: Path, tick: Tick, share: float = 0.0) -> None:
    """Layers dropped, heads and neurons cut, and what is left taught by the whole encoder on the shop's texts."""
    try:
        from mercato.models.tuning.fit import fit
    except ImportError as error:
        raise BackendError("distillation needs torch", where="student", hint=_HINT) from error
    source = making.folder
    heads = bert_onnx.BertShape.read(source).heads
    whole = load_file(source / "model.safetensors")
    surgery.plain(whole)
    dropped = surgery.kept_layers(whole, min(making.layers, surgery.layers_of(whole)))
    shallow, begun = making.work / "shallow", making.work / "begun"
    written(source, dropped, shallow)
    if share:
        dropped = surgery.widened(_cut(making, shallow, share, share), dropped)
    written(source, dropped, begun)
    recipe = Tune(
        base=str(begun), method="full", contrastive=0.0, distil=1.0, teacher=str(source), steps=making.steps, rate=2e-4,
        decay=0.0, max_length=making.max_length, threads=making.threads, seed=making.seed,
    )  # fmt: skip
    learned = fit(recipe, Lessons((), making.texts), None, making.work, tick)
    tensors = {name: np.asarray(tensor, np.float32) for name, tensor in learned.tensors.items()}
    _cut_served(source, surgery.narrowed(tensors, heads), target, making.work)


def _small_student(making: Making, target: Path, tick: Tick) -> None:
    _student(making, target, tick, making.student)


def _static(making: Making, target: Path, _: Tick) -> None:
    tokenizer, texts = tokenizer_of(making.folder, making.max_length), making.sample(_TAUGHT)
    words.distil(making.folder, target, texts, making.vectors(_TAUGHT), tokenizer, making.table)


def _cut_served(source: Path, tensors: Mapping[str, NDArray[np.float32]], target: Path, work: Path) -> None:
    """What serves a BERT with those ``tensors``, in int8."""
    written(source, tensors, work / "cut")
    _served(work / "cut", source, target)


def _served(weights: Path, source: Path, target: Path) -> None:
    _beside(source, target)
    shutil.copyfile(weights / "config.json", target / "config.json")
    bert_onnx.build(weights, target / GRAPH, int8=True)
    Form(graph=True).write(target)


def written(source: Path, tensors: Mapping[str, NDArray[np.float32]], target: Path) -> None:
    """A folder with those ``tensors``, all else as in ``source``."""
    target.mkdir(parents=True, exist_ok=True)
    _beside(source, target)
    config = orjson.loads((source / "config.json").read_bytes())
    config["num_hidden_layers"] = surgery.layers_of(tensors)
    (target / "config.json").write_bytes(orjson.dumps(config))
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, target / "model.safetensors")


def _beside(source: Path, target: Path) -> None:
    for name in _BESIDE:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


TIERS: Mapping[str, Callable[[Making, Path, Tick], None]] = MappingProxyType(
    {
        "float32": _float32,
        "int8": _int8,
        "int8-static": _int8_static,
        "openvino-float32": _openvino("float32"),
        "openvino-bfloat16": _openvino("bfloat16"),
        "openvino-int8": _openvino_int8,
        "short": _short,
        "pruned": _pruned,
        "student": _student,
        "small-student": _small_student,
        "static": _static,
    }
)
"""By name. Those that are not said to be otherwise are computed in int8 with a scale for every token."""
