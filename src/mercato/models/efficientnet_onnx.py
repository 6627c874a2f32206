"""The tensors of an EfficientNet-Lite0 in, one self-contained ONNX picture encoder out; no torch.

EfficientNet (Tan & Le 2019) in its Lite0 form: width and depth 1, no squeeze-and-excitation, ReLU6, TensorFlow's
"same" padding. Every batch normalisation is folded into the convolution before it; the classifier is left out, and
what it would have read, the mean over the places of the last 1,280 channels, comes out at unit length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mercato.errors import ArtifactError
from mercato.models.onnx_graph import publish

GRAPH = 1
"""Raised when ``build`` writes another graph from the same weights, so that caches notice."""
WIDTH = 1280
"""How many numbers a picture becomes."""

_EPSILON = 1e-3
_MEAN, _SCALE = np.float32(127), np.float32(1 / 128)
"""Pixels 0..255 as the Lite models were trained on them: efficientnet_lite_builder.py of tensorflow/tpu."""


@dataclass(frozen=True, slots=True)
class _Stage:
    """``repeats`` inverted bottlenecks in a row; the first has the ``stride`` and changes the width."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    width: int


_STEM = 32
_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


@dataclass(slots=True)
class _Graph:
    """ONNX nodes and constants while they are written down; a node is known by the name of its output."""

    tensors: Mapping[str, NDArray[Any]]
    where: str
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def take(self, name: str, *shape: int) -> NDArray[np.float64]:
        tensor = self.tensors.get(name)
        if tensor is None or tensor.shape != shape:
            found = "missing" if tensor is None else f"of shape {tensor.shape}"
            raise ArtifactError(f"the tensor {name!r} is {found}, not {shape}", where=self.where)
        return tensor.astype(np.float64)

    def convolution(
        self, x: str, name: str, norm: str, shape: tuple[int, int, int], stride: int = 1, groups: int = 1
    ) -> str:
        """``name`` with (out, in, kernel) and the normalisation ``norm`` after it, as one convolution with a bias."""
        out, inside, kernel = shape
        weight = self.take(f"{name}.weight", out, inside, kernel, kernel)
        gamma, beta, mean, variance = (
            self.take(f"{norm}.{part}", out) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        folded = self.constant((weight * scale[:, None, None, None]).astype(np.float32))
        bias = self.constant((beta - mean * scale).astype(np.float32))
        return self.node(
            "Conv", x, folded, bias,
            kernel_shape=[kernel] * 2, strides=[stride] * 2, group=groups, auto_pad="SAME_UPPER",
        )  # fmt: skip

    def relu6(self, x: str) -> str:
        return self.node("Clip", x, self.constant(np.float32(0)), self.constant(np.float32(6)))

    def bottleneck(self, x: str, name: str, stage: _Stage, stride: int, inside: int) -> str:
        """Wider, once over the neighbours of each channel, narrower; with a way round where nothing changed shape."""
        wide, y = inside * stage.expand, x
        if stage.expand != 1:
            y = self.relu6(self.convolution(x, f"{name}._expand_conv", f"{name}._bn0", (wide, inside, 1)))
        depthwise = (wide, 1, stage.kernel)
        y = self.relu6(self.convolution(y, f"{name}._depthwise_conv", f"{name}._bn1", depthwise, stride, wide))
        y = self.convolution(y, f"{name}._project_conv", f"{name}._bn2", (stage.width, wide, 1))
        return self.node("Add", y, x) if stride == 1 and inside == stage.width else y


def _blocks() -> Iterator[tuple[_Stage, int, int]]:
    """Stage, stride and input width of every block."""
    inside = _STEM
    for stage in _STAGES:
        for repeat in range(stage.repeats):
            yield stage, stage.stride if repeat == 0 else 1, inside
            inside = stage.width


def build(tensors: Mapping[str, NDArray[Any]], where: str, target: Path) -> None:
    """Write the encoder to ``target`` as ONNX, atomically.

    Input ``pixels``, uint8 (batch, height, width, 3) of red, green, blue; output ``embedding``, float32
    (batch, 1280) of unit length. Raises ArtifactError, naming ``where`` the tensors came from, when they are not
    those of this network.
    """
    graph = _Graph(tensors, where)
    x = graph.node("Transpose", graph.node("Cast", "pixels", to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
    x = graph.node("Mul", graph.node("Sub", x, graph.constant(_MEAN)), graph.constant(_SCALE))
    x = graph.relu6(graph.convolution(x, "_conv_stem", "_bn0", (_STEM, 3, 3), stride=2))
    for number, (stage, stride, inside) in enumerate(_blocks()):
        x = graph.bottleneck(x, f"_blocks.{number}", stage, stride, inside)
    x = graph.relu6(graph.convolution(x, "_conv_head", "_bn1", (WIDTH, _STAGES[-1].width, 1)))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.nodes.append(helper.make_node("LpNormalization", [x], ["embedding"], axis=-1, p=2))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", "height", "width", 3])
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "picture-encoder", [pixels], [output], graph.constants),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    publish(target, model.SerializeToString())
