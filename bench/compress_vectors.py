"""Unit vectors in, what keeping them in fewer bits saves and costs out; part of bench/compress.py."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mercato.evaluate.metrics import graded_ndcg
from mercato.models import onnx_session
from mercato.models.onnx_graph import quantise_rows
from mercato.models.taught import Exam
from mercato.models.vectors import NamedEncoder

STORED = 92_000
"""Vectors of the demo shop's size."""
Vectors = NDArray[np.float32]
Scan = tuple[int, Callable[[Vectors], NDArray[np.int64]]]
"""Bytes in memory, and a query's ten nearest."""


def stored(exam: Exam, encoder: NamedEncoder, seed: int) -> list[str]:
    """Megabytes and time of one scan over STORED vectors, and what it finds of the exam, as a table."""
    corpus, queries = encoder.encode(exam.corpus), encoder.encode(exam.queries)
    best = np.argsort(-(queries @ corpus.T), axis=1)[:, :10].tolist()
    large = np.random.default_rng(seed).normal(size=(STORED, corpus.shape[1])).astype(np.float32)
    large /= np.linalg.norm(large, axis=1, keepdims=True)
    lines = ["| kept as | MB for 92 k products | one query, cpu-ms | nDCG@10 | of float32's ten, found |"]
    lines.append("|---|---|---|---|---|")
    for name, scan in SCANS.items():
        _, ask = scan(corpus)
        found = [ask(query) for query in queries]
        gained = np.mean([graded_ndcg(own, exam.wanted[place]) for place, own in enumerate(found)])
        kept = np.mean([len(set(own.tolist()) & set(true)) / 10 for own, true in zip(found, best, strict=True)])
        size, ask = scan(large)
        lines.append(
            f"| {name} | {size / 1e6:.0f} | {_milliseconds(ask, queries[:40]):.1f} | {gained:.4f} | {kept:.3f} |"
        )
    return lines


def _milliseconds(ask: Callable[[Vectors], NDArray[np.int64]], queries: Vectors) -> float:
    taken = []
    for query in queries:
        begun = process_time()
        ask(query)
        taken.append((process_time() - begun) * 1000)
    return median(taken)


def _first(scores: NDArray[np.generic], k: int) -> NDArray[np.int64]:
    part = np.argpartition(-scores, k - 1)[:k]
    return part[np.argsort(-scores[part], kind="stable")]


def _exactly(vectors: Vectors, among: NDArray[np.int64], query: Vectors) -> NDArray[np.int64]:
    return among[_first(vectors[among] @ query, 10)]


def _float32(vectors: Vectors) -> Scan:
    return vectors.nbytes, lambda query: _first(vectors @ query, 10)


def _int8(vectors: Vectors, again: bool = False) -> Scan:
    """Rows of int8 with a scale each; integer products by ONNX Runtime (numpy has none)."""
    quantised, scales = quantise_rows(vectors, 64)
    given = helper.make_tensor_value_info("query", TensorProto.UINT8, [1, vectors.shape[1]])
    out = helper.make_tensor_value_info("scores", TensorProto.INT32, [1, len(vectors)])
    kept = numpy_helper.from_array(np.ascontiguousarray(quantised.T), "kept")
    zero = numpy_helper.from_array(np.array(128, np.uint8), "zero")
    node = helper.make_node("MatMulInteger", ["query", "kept", "zero"], ["scores"])
    graph = helper.make_graph([node], "scan", [given], [out], [kept, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnx_session.session(model.SerializeToString(), 1, "scan")

    def ask(query: Vectors) -> NDArray[np.int64]:
        unsigned = (np.round(query / np.abs(query).max() * 127) + 128).astype(np.uint8)
        scores = session.run(None, {"query": unsigned[None]})[0][0] * scales
        return _exactly(vectors, _first(scores, 100), query) if again else _first(scores, 10)

    return quantised.nbytes + scales.nbytes, ask


def _binary(vectors: Vectors, again: bool = False) -> Scan:
    """The signs alone, compared by how many differ."""
    signs = np.packbits(vectors > 0, axis=1).view(np.uint64)

    def ask(query: Vectors) -> NDArray[np.int64]:
        own = np.packbits(query > 0).view(np.uint64)
        alike = -np.bitwise_count(signs ^ own).sum(axis=1, dtype=np.int32)
        return _exactly(vectors, _first(alike, 100), query) if again else _first(alike, 10)

    return signs.nbytes, ask


SCANS = {
    "float32, as shipped": _float32,
    "int8": _int8,
    "int8, 100 scored again in float32 from disk": lambda vectors: _int8(vectors, True),
    "binary": _binary,
    "binary, 100 scored again in float32 from disk": lambda vectors: _binary(vectors, True),
}
