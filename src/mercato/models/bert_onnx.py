"""A Hugging Face BERT folder in, one self-contained ONNX sentence encoder out; no torch.

The graph is the original BERT (Devlin et al. 2019, post-norm, exact GELU) with mean pooling over the mask and L2
normalisation inside, written with the fused operators ONNX Runtime has for it (its ``com.microsoft`` domain).

In int8 every activation row (one token) is quantised with its own scale, so that a text's vector does not depend on
the texts beside it; ONNX Runtime's stock dynamic quantisation takes one scale for the whole batch and cannot promise
that. Measurements: docs/decisions/0004-encoder-onnx-from-safetensors.md.

What tuning adds and cannot be merged into BERT's own tensors is served where the folder holds it (``models.tuning``):
bottleneck adapters ``NAME.adapter.down|up``, ``prompt`` (tokens, width), ``prefix.keys|values`` (layers, tokens, width)
and ``projection.weight|bias``, a linear map of the pooled vector.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from onnx import TensorProto, helper
from safetensors import SafetensorError
from safetensors.numpy import load_file

from mercato.errors import ArtifactError
from mercato.models.onnx_graph import FUSED, Graph, publish, written

GRAPH = 1
"""Raised when ``build`` writes another graph from the same weights, so that caches notice."""


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

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

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
        zero, first = graph.constant(np.array([0])), self._tokens("prefix.keys", 1)
        if "prompt" in self.weights:
            batch = graph.node("Shape", "input_ids", start=0, end=1)
            words = graph.node("Concat", self._for_each(take("prompt", -1, width), batch), words, axis=1)
        length = graph.node("Shape", words, start=1, end=2)
        table = graph.constant((positions + kinds[0])[first:])
        total = graph.node("Add", words, graph.node("Slice", table, zero, length, zero))
        if segments:
            total = graph.node("Add", total, graph.node("Gather", graph.constant(kinds - kinds[0]), segments))
        norm = [graph.constant(take(f"embeddings.LayerNorm.{part}", width)) for part in ("weight", "bias")]
        return graph.node("LayerNormalization", total, *norm, axis=-1, epsilon=self.shape.epsilon)

    def layer(self, number: int, x: str, mask: str) -> str:
        """Self-attention, then the feed-forward block."""
        graph, take, width, name = self.graph, self.weights.take, self.shape.width, f"encoder.layer.{number}"
        rows = graph.rows(x)
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        projected = [graph.linear(rows, take(f"{part}.weight", -1, width)) for part in parts]
        biases = [take(f"{part}.bias", -1) for part in parts]
        heads = len(biases[0]) * self.shape.heads // width  # fewer than the model's where some were cut
        projected[1:] = self._prefixed(number, projected[1:], biases[1:])
        bias = graph.constant(np.concatenate(biases))
        mixed = graph.node("MultiHeadAttention", *projected, bias, mask, domain=FUSED, num_heads=heads)
        y = graph.linear(graph.rows(mixed), take(f"{name}.attention.output.dense.weight", width, -1))
        x = self._add(f"{name}.attention.output", y, x)
        y = graph.linear(graph.rows(x), take(f"{name}.intermediate.dense.weight", -1, width))
        y = graph.node("BiasGelu", y, graph.constant(take(f"{name}.intermediate.dense.bias", -1)), domain=FUSED)
        y = graph.linear(graph.rows(y), take(f"{name}.output.dense.weight", width, -1))
        return self._add(f"{name}.output", y, x)

    def _prefixed(self, number: int, projected: list[str], biases: list[NDArray[np.float32]]) -> list[str]:
        """Keys and values with those of the prefix before them; the fused operator adds the bias to these too, so it is
        taken off first."""
        if "prefix.keys" not in self.weights:
            return projected
        graph, width = self.graph, self.shape.width
        found = []
        for own, name, bias in zip(projected, ("prefix.keys", "prefix.values"), biases, strict=True):
            extra = self.weights.take(name, self.shape.layers, -1, width)[number] - bias
            batch = graph.node("Shape", own, start=0, end=1)
            found.append(graph.node("Concat", self._for_each(extra, batch), own, axis=1))
        return found

    def _for_each(self, table: NDArray[np.float32], batch: str) -> str:
        """``table`` (tokens, width) once for every text of the batch."""
        graph = self.graph
        shape = graph.node("Concat", batch, graph.constant(np.array(table.shape)), axis=0)
        return graph.node("Expand", graph.constant(table[None]), shape)

    def _tokens(self, name: str, axis: int) -> int:
        """How many virtual tokens the tensor ``name`` has, 0 where there is none."""
        return int(self.weights.tensors[name].shape[axis]) if name in self.weights else 0

    def _add(self, name: str, y: str, x: str) -> str:
        """LayerNorm(y + bias + x), the end of block ``name``; an adapter sees y + bias first (Houlsby et al. 2019)."""
        graph, take, width = self.graph, self.weights.take, self.shape.width
        norm = [graph.constant(take(f"{name}.LayerNorm.{part}", width)) for part in ("weight", "bias")]
        bias = take(f"{name}.dense.bias", width)
        if f"{name}.adapter.down.weight" in self.weights:
            y = self._adapted(f"{name}.adapter", graph.node("Add", y, graph.constant(bias)))
            bias = np.zeros_like(bias)
        constants = [*norm, graph.constant(bias)]
        return graph.node("SkipLayerNormalization", y, x, *constants, domain=FUSED, epsilon=self.shape.epsilon)

    def _adapted(self, name: str, y: str) -> str:
        """y + up(GELU(down(y)))."""
        graph, take, width = self.graph, self.weights.take, self.shape.width
        down = graph.linear(graph.rows(y), take(f"{name}.down.weight", -1, width))
        inner = graph.node("BiasGelu", down, graph.constant(take(f"{name}.down.bias", -1)), domain=FUSED)
        up = graph.linear(graph.rows(inner), take(f"{name}.up.weight", width, -1))
        return graph.node("Add", y, graph.node("Add", up, graph.constant(take(f"{name}.up.bias", width))))

    def pool(self, x: str, mask: str = "attention_mask") -> str:
        """Mean over the mask at unit length. The sum points where the mean does; as a product of matrices it is added
        up in the same order whatever the batch, which ReduceSum does not promise."""
        graph = self.graph
        mask = graph.node("Cast", mask, to=TensorProto.FLOAT)
        axis = graph.constant(np.array([1]))
        total = graph.node("MatMul", graph.node("Unsqueeze", mask, axis), x)
        return graph.node("LpNormalization", graph.node("Squeeze", total, axis), axis=-1, p=2)

    def projected(self, pooled: str) -> tuple[str, int]:
        """The pooled vector through the folder's own linear map, where it has one; and how many numbers come out."""
        if "projection.weight" not in self.weights:
            return pooled, self.shape.width
        graph, take = self.graph, self.weights.take
        weight = take("projection.weight", -1, self.shape.width)
        total = graph.node("MatMul", pooled, graph.constant(weight.T))
        total = graph.node("Add", total, graph.constant(take("projection.bias", len(weight))))
        return graph.node("LpNormalization", total, axis=-1, p=2), len(weight)

    def hidden(self, segments: str = "") -> str:
        """What the last layer makes of every token: (batch, length, width), virtual tokens left out again."""
        graph, prompt = self.graph, self._tokens("prompt", 0)
        mask = graph.node("Cast", "attention_mask", to=TensorProto.INT32)
        if extra := prompt + self._tokens("prefix.keys", 1):
            batch = graph.node("Shape", mask, start=0, end=1)
            ones = graph.node("Concat", batch, graph.constant(np.array([extra])), axis=0)
            ones = graph.node("Expand", graph.constant(np.ones((1, 1), np.int32)), ones)
            mask = graph.node("Concat", ones, mask, axis=1)
        x = self.embed(segments)
        for number in range(self.shape.layers):
            x = self.layer(number, x, mask)
        if prompt:
            bounds = (graph.constant(np.array([bound])) for bound in (prompt, np.iinfo(np.int64).max, 1))
            x = graph.node("Slice", x, *bounds)
        return x


def build(folder: Path, target: Path, *, int8: bool = True) -> None:
    """Write the encoder in ``folder`` (config.json, model.safetensors) to ``target`` as ONNX, atomically.

    Inputs ``input_ids`` and ``attention_mask``, int64 (batch, length), at least one token unmasked per row; output
    ``embedding``, float32 (batch, width) of unit length. ``int8`` stores weights and embedding tables in int8 with one
    scale per row and quantises activations per token. Raises ArtifactError when the folder is not such a model.
    """
    graph, shape = Graph(int8), BertShape.read(folder)
    bert = Bert(graph, Weights.read(folder), shape)
    vector, width = bert.projected(bert.pool(bert.hidden()))
    graph.nodes.append(helper.make_node("Identity", [vector], ["embedding"]))
    publish(target, written(graph, ("input_ids", "attention_mask"), ("embedding", width)))
