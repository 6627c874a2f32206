"""ONNX nodes and constants in, one file out; how both precisions of a linear layer are written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

FUSED = "com.microsoft"
_ZERO_POINT = np.uint8(128)
_LARGEST_WEIGHT = 64
"""CPUs without VNNI add two products u8 × s8 in 16 bits and saturate: 2 · 255 · 64 still fits, 2 · 255 · 127 does not.
With seven bits of weight every CPU adds up the same integers."""
_SMALLEST = np.float32(1e-6)
"""Below this a row counts as zero: its scale must not be 0."""


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
