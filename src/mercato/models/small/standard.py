"""A Hugging Face BERT folder in, the same encoder in operators of the ONNX standard alone out: what other runtimes and
quantisers read. ``bert_onnx`` writes it with ONNX Runtime's own fused ones, which are faster there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from mercato.models.bert_onnx import Bert, BertShape, Weights
from mercato.models.onnx_graph import FUSED, Graph, publish, written

_HIDDEN = np.float32(-1e4)
"""Added to the attention of what is masked: far below any score, and still a number in half precision."""


class StandardGraph(Graph):
    """A graph that writes each fused operator as the standard ones that it is made of; in float32."""

    def __init__(self) -> None:
        super().__init__(int8=False)

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        if domain != FUSED:
            return super().node(operator, *inputs, domain=domain, **attributes)
        written_out: dict[str, Callable[..., str]] = {
            "BiasGelu": self._bias_gelu,
            "SkipLayerNormalization": self._skip_layer_norm,
            "MultiHeadAttention": self._attention,
        }
        return written_out[operator](*inputs, **attributes)

    def _bias_gelu(self, x: str, bias: str) -> str:
        return self.node("Gelu", self.node("Add", x, bias))

    def _skip_layer_norm(self, y: str, x: str, weight: str, shift: str, bias: str, *, epsilon: float) -> str:
        total = self.node("Add", self.node("Add", y, bias), x)
        return self.node("LayerNormalization", total, weight, shift, axis=-1, epsilon=epsilon)

    def _attention(self, query: str, key: str, value: str, bias: str, mask: str, *, num_heads: int) -> str:
        """softmax(q·kᵀ/√size + mask)·v by head (Vaswani et al. 2017)."""
        third, width = self.constant(np.array([0, 0, num_heads, -1])), self._length(bias) // 3
        q, k, v = (
            self.node("Reshape", self.node("Add", x, part), third)
            for x, part in zip((query, key, value), self._thirds(bias, width), strict=True)
        )
        q, v = (self.node("Transpose", x, perm=[0, 2, 1, 3]) for x in (q, v))
        scores = self.node("MatMul", q, self.node("Transpose", k, perm=[0, 2, 3, 1]))
        scores = self.node("Mul", scores, self.constant(np.float32((width // num_heads) ** -0.5)))
        seen = self.node("Cast", self.node("Unsqueeze", mask, self.constant(np.array([1, 2]))), to=TensorProto.FLOAT)
        unseen = self.node("Mul", self.node("Sub", self.constant(np.float32(1)), seen), self.constant(_HIDDEN))
        chances = self.node("Softmax", self.node("Add", scores, unseen), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", chances, v), perm=[0, 2, 1, 3])
        return self.node("Reshape", mixed, self.constant(np.array([0, 0, -1])))

    def _thirds(self, bias: str, width: int) -> list[str]:
        ends = [self.constant(np.array([part * width])) for part in range(4)]
        return [self.node("Slice", bias, begin, end) for begin, end in pairwise(ends)]

    def _length(self, name: str) -> int:
        return int(next(one for one in reversed(self.constants) if one.name == name).dims[0])


def build(folder: Path, target: Path, graph: StandardGraph | None = None) -> None:
    """Write the encoder in ``folder`` to ``target``: inputs and output as those of ``bert_onnx.build``, in float32, or
    as an empty ``graph`` of another kind writes it."""
    graph, shape = graph or StandardGraph(), BertShape.read(folder)
    bert = Bert(graph, Weights.read(folder), shape)
    vector, width = bert.projected(bert.pool(bert.hidden()))
    graph.nodes.append(helper.make_node("Identity", [vector], ["embedding"]))
    publish(target, written(graph, ("input_ids", "attention_mask"), ("embedding", width)))
