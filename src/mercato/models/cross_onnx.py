"""A cross-encoder's folder in, one self-contained ONNX graph that reads a query and a product together out; no torch.

The graph is the BERT of ``bert_onnx`` over "[CLS] query [SEP] product [SEP]" with token types, so every word of one
sees every word of the other. What it makes of the query's tokens and of the product's is pooled to a unit vector each
(u, v), and a linear head over u·v, |u − v|, u and v is the logit of "who asks this wants this" (the features of Conneau
et al. 2017, InferSent). Pooled so, a sentence encoder's weights say something before any tuning: u·v is a cosine.
"""

from __future__ import annotations

from pathlib import Path

from onnx import helper

from mercato.models.bert_onnx import Bert, BertShape, Weights
from mercato.models.onnx_graph import Graph, publish, written

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
HEAD = ("head.weight", "head.bias")
FEATURES = 4
"""u·v, |u − v|, u and v, each as wide as the model, in the order of the head's columns."""


def build(folder: Path, target: Path, *, int8: bool = True) -> None:
    """Write the cross-encoder in ``folder`` (config.json, model.safetensors with HEAD) to ``target``, atomically.

    ``INPUTS`` are int64 (batch, length), padding being of token type 0; output ``logit``, float32 (batch, 1). ``int8``
    as in ``bert_onnx.build``; the head stays in float32. Raises ArtifactError when the folder is not such a model.
    """
    graph, shape = Graph(int8), BertShape.read(folder)
    weights = Weights.read(folder)
    bert = Bert(graph, weights, shape)
    x = bert.hidden("token_type_ids")
    query = bert.pool(x, graph.node("Sub", "attention_mask", "token_type_ids"))
    product = bert.pool(x, "token_type_ids")
    apart = graph.node("Abs", graph.node("Sub", query, product))
    features = graph.node("Concat", graph.node("Mul", query, product), apart, query, product, axis=-1)
    weight = graph.constant(weights.take(HEAD[0], 1, FEATURES * shape.width).T)
    total = graph.node("MatMul", features, weight)
    graph.nodes.append(helper.make_node("Add", [total, graph.constant(weights.take(HEAD[1], 1))], ["logit"]))
    publish(target, written(graph, INPUTS, ("logit", 1)))
