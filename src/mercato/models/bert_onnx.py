"""A Hugging Face BERT folder in, one self-contained ONNX sentence encoder out; no torch.

The graph is the original BERT (Devlin et al. 2019, post-norm, exact GELU) with mean pooling over the mask and L2
normalisation inside, written with the fused operators ONNX Runtime has for it (its ``com.microsoft`` domain).

In int8 every activation row (one token) is quantised with its own scale, so that a text's vector does not depend on
the texts beside it; ONNX Runtime's stock dynamic quantisation takes one scale for the whole batch and cannot promise
that. Measurements: docs/decisions/0004-encoder-onnx-from-safetensors.md.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import onnx
import orjson
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mercato.errors import ArtifactError

GRAPH = 1
"""Raised when ``build`` writes another graph from the same weights, so that caches notice."""

FUSED = "com.microsoft"
_ZERO_POINT = np.uint8(128)
_LARGEST_WEIGHT = 64
"""CPUs without VNNI add two products u8 × s8 in 16 bits and saturate: 2 · 255 · 64 still fits, 2 · 255 · 127 does not.
With seven bits of weight every CPU adds up the same integers."""
_SMALLEST = np.float32(1e-6)
"""Below this a row counts as zero: its scale must not be 0."""


@dataclass(frozen=True, slots=True)
class BertShape:
    """What config.json says: hidden ``width``, ``heads``, ``layers``, LayerNorm ``epsilon``, ``positions``."""

    width: int
    heads: int
    layers: int
    epsilon: float
    positions: int

    @staticmethod
    def read(folder: Path) -> BertShape:
        """The shape of the model in ``folder``; raises ArtifactError when it is no BERT with exact GELU."""
        try:
            config = orjson.loads((folder / "config.json").read_bytes())
            shape = BertShape(
                width=int(config["hidden_size"]),
                heads=int(config["num_attention_heads"]),
                layers=int(config["num_hidden_layers"]),
                epsilon=float(config["layer_norm_eps"]),
                positions=int(config["max_position_embeddings"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError("config.json cannot be read", where=str(folder), hint="give a BERT folder") from error
        for name, wanted in {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}.items():
            if config.get(name, wanted) != wanted:
                raise ArtifactError(f"{name} is {config[name]!r}, not {wanted!r}", where=str(folder / "config.json"))
        return shape

    def cut(self, layers: int) -> BertShape:
        """The same with the first ``layers`` alone (0: all it has)."""
        return replace(self, layers=min(layers or self.layers, self.layers))


@dataclass(frozen=True, slots=True)
class Weights:
    """Named float32 tensors of one folder, checked for shape as they are asked for."""

    tensors: dict[str, NDArray[Any]]
    where: str

    @staticmethod
    def read(folder: Path) -> Weights:
        path = folder / "model.safetensors"
        try:
            return Weights(load_file(path), str(path))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError("the weights cannot be read", where=str(path)) from error

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """The tensor ``name``; -1 in ``shape`` stands for any size."""
        tensor = self.tensors.get(name)
        if tensor is None:
            raise ArtifactError(f"the weights have no tensor {name!r}", where=self.where)
        if tensor.ndim != len(shape) or any(
            want not in (-1, got) for want, got in zip(shape, tensor.shape, strict=True)
        ):
            raise ArtifactError(f"{name!r} has shape {tensor.shape}, config.json says {shape}", where=self.where)
        return tensor.astype(np.float32)


@dataclass(slots=True)
class Graph:
    """ONNX nodes and constants while they are written down."""

    int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def lookup(self, table: NDArray[np.float32], ids: str) -> str:
        """Rows ``ids`` of ``table``; in int8 each row has its own scale."""
        if not self.int8:
            return self.node("Gather", self.constant(table), ids)
        quantised, scales = quantise_rows(table)
        rows = self.node("Cast", self.node("Gather", self.constant(quantised), ids), to=TensorProto.FLOAT)
        return self.node("Mul", rows, self.node("Gather", self.constant(scales[:, None]), ids))

    def rows(self, x: str) -> tuple[str, str]:
        """``x`` ready for ``linear``: the values, and in int8 the scale of each row beside them."""
        if not self.int8:
            return x, ""
        largest = self.node("ReduceMax", self.node("Abs", x), self.constant(np.array([-1])), keepdims=1)
        largest = self.node("Max", largest, self.constant(_SMALLEST))
        unit = self.node("Div", x, largest)
        step, zero = self.constant(np.float32(1 / 127)), self.constant(_ZERO_POINT)
        return self.node("QuantizeLinear", unit, step, zero), largest

    def linear(self, rows: tuple[str, str], weight: NDArray[np.float32]) -> str:
        """rows · weightᵀ; the bias is left to the fused operator that comes next."""
        values, largest = rows
        if not self.int8:
            return self.node("MatMul", values, self.constant(weight.T))
        quantised, scales = quantise_rows(weight, _LARGEST_WEIGHT)
        unit = self.constant(np.float32(1 / 127))
        zero = self.constant(_ZERO_POINT)
        product = self.node(
            "MatMulIntegerToFloat", values, self.constant(quantised.T), unit, self.constant(scales), zero, domain=FUSED
        )
        return self.node("Mul", product, largest)


def quantise_rows(matrix: NDArray[np.float32], largest: int = 127) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 with one scale a row, values within ±``largest``: (n, d) float32 to (n, d) int8, (n,) float32.

    >>> quantise_rows(np.array([[1.0, -2.0], [0.0, 0.0]], np.float32))[0].tolist()
    [[64, -127], [0, 0]]
    """
    scales = np.maximum(np.abs(matrix).max(axis=1), _SMALLEST).astype(np.float32) / np.float32(largest)
    return np.round(matrix / scales[:, None]).astype(np.int8), scales


@dataclass(frozen=True, slots=True)
class Bert:
    """The model's parts, each written into ``graph`` as it is called; a node is known by the name of its output."""

    graph: Graph
    weights: Weights
    shape: BertShape

    def embed(self, segments: str = "") -> str:
        """Word + position + segment, normalised: (batch, length, width). Without the name of an input of ``segments``
        every token is of the first."""
        graph, take, width = self.graph, self.weights.take, self.shape.width
        words = graph.lookup(take("embeddings.word_embeddings.weight", -1, width), "input_ids")
        positions = take("embeddings.position_embeddings.weight", self.shape.positions, width)
        kinds = take("embeddings.token_type_embeddings.weight", -1, width)
        zero = graph.constant(np.array([0]))
        length = graph.node("Shape", "input_ids", start=1, end=2)
        total = graph.node("Add", words, graph.node("Slice", graph.constant(positions + kinds[0]), zero, length, zero))
        if segments:
            total = graph.node("Add", total, graph.node("Gather", graph.constant(kinds - kinds[0]), segments))
        norm = [graph.constant(take(f"embeddings.LayerNorm.{part}", width)) for part in ("weight", "bias")]
        return graph.node("LayerNormalization", total, *norm, axis=-1, epsilon=self.shape.epsilon)

    def layer(self, name: str, x: str, mask: str) -> str:
        """Self-attention, then the feed-forward block."""
        graph, take, width = self.graph, self.weights.take, self.shape.width
        rows = graph.rows(x)
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        projected = [graph.linear(rows, take(f"{part}.weight", width, width)) for part in parts]
        bias = graph.constant(np.concatenate([take(f"{part}.bias", width) for part in parts]))
        mixed = graph.node("MultiHeadAttention", *projected, bias, mask, domain=FUSED, num_heads=self.shape.heads)
        y = graph.linear(graph.rows(mixed), take(f"{name}.attention.output.dense.weight", width, width))
        x = self._add(f"{name}.attention.output", y, x)
        y = graph.linear(graph.rows(x), take(f"{name}.intermediate.dense.weight", -1, width))
        y = graph.node("BiasGelu", y, graph.constant(take(f"{name}.intermediate.dense.bias", -1)), domain=FUSED)
        y = graph.linear(graph.rows(y), take(f"{name}.output.dense.weight", width, -1))
        return self._add(f"{name}.output", y, x)

    def _add(self, name: str, y: str, x: str) -> str:
        """LayerNorm(y + bias + x), the end of block ``name``."""
        parts = ("LayerNorm.weight", "LayerNorm.bias", "dense.bias")
        constants = [self.graph.constant(self.weights.take(f"{name}.{part}", self.shape.width)) for part in parts]
        return self.graph.node("SkipLayerNormalization", y, x, *constants, domain=FUSED, epsilon=self.shape.epsilon)

    def pool(self, x: str, mask: str = "attention_mask") -> str:
        """Mean over the mask at unit length. The sum points where the mean does; as a product of matrices it is added
        up in the same order whatever the batch, which ReduceSum does not promise."""
        graph = self.graph
        mask = graph.node("Cast", mask, to=TensorProto.FLOAT)
        axis = graph.constant(np.array([1]))
        total = graph.node("MatMul", graph.node("Unsqueeze", mask, axis), x)
        return graph.node("LpNormalization", graph.node("Squeeze", total, axis), axis=-1, p=2)

    def hidden(self, segments: str = "") -> str:
        """What the last layer makes of every token: (batch, length, width)."""
        mask = self.graph.node("Cast", "attention_mask", to=TensorProto.INT32)
        x = self.embed(segments)
        for layer in range(self.shape.layers):
            x = self.layer(f"encoder.layer.{layer}", x, mask)
        return x


def build(folder: Path, target: Path, *, int8: bool = True) -> None:
    """Write the encoder in ``folder`` (config.json, model.safetensors) to ``target`` as ONNX, atomically.

    Inputs ``input_ids`` and ``attention_mask``, int64 (batch, length), at least one token unmasked per row; output
    ``embedding``, float32 (batch, width) of unit length. ``int8`` stores weights and embedding tables in int8 with one
    scale per row and quantises activations per token. Raises ArtifactError when the folder is not such a model.
    """
    graph, shape = Graph(int8), BertShape.read(folder)
    bert = Bert(graph, Weights.read(folder), shape)
    graph.nodes.append(helper.make_node("Identity", [bert.pool(bert.hidden())], ["embedding"]))
    publish(target, written(graph, ("input_ids", "attention_mask"), ("embedding", shape.width)))


def written(graph: Graph, inputs: Sequence[str], output: tuple[str, int]) -> bytes:
    """The ONNX file of ``graph``: ``inputs`` are int64 (batch, length), ``output`` is a name and the numbers a row."""
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in inputs]
    made = helper.make_tensor_value_info(output[0], TensorProto.FLOAT, ["batch", output[1]])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "sentence-encoder", given, [made], graph.constants),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid(FUSED, 1)],
        ir_version=9,
    )
    content: bytes = model.SerializeToString()
    return content


def publish(target: Path, content: bytes) -> None:
    """Write ``content`` beside ``target`` and rename it into place, so that a reader never sees half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
