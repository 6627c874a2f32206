"""The graph against EfficientNet-Lite0 written down once more in plain float64 numpy."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mercato.errors import ArtifactError
from mercato.models.efficientnet_onnx import WIDTH, build

STAGES = ["r1_k3_s1_e1_o16", "r2_k3_s2_e6_o24", "r2_k5_s2_e6_o40", "r3_k3_s2_e6_o80", "r3_k5_s1_e6_o112"]
STAGES += ["r4_k5_s2_e6_o192", "r1_k3_s1_e6_o320"]
SIDE = 40
"""Odd sizes on the way down (40, 20, 10, 5, 3, 2): "same" padding is lopsided on some."""


class Random(dict[str, NDArray[np.float32]]):
    """Random tensors under the names of the published file, made as they are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._rng = np.random.default_rng(3)

    def convolution(self, name: str, out: int, inside: int, kernel: int) -> None:
        scale = 1.4 / np.sqrt(inside * kernel * kernel)
        self[f"{name}.weight"] = (self._rng.normal(size=(out, inside, kernel, kernel)) * scale).astype(np.float32)

    def norm(self, name: str, width: int) -> None:
        for part in ("weight", "running_var"):
            self[f"{name}.{part}"] = self._rng.uniform(0.5, 1.5, width).astype(np.float32)
        for part in ("bias", "running_mean"):
            self[f"{name}.{part}"] = self._rng.normal(size=width).astype(np.float32) * np.float32(0.3)


def blocks() -> list[tuple[int, int, int, int, int]]:
    """kernel, stride, expansion, input and output width of each block."""
    found, inside = [], 32
    for stage in STAGES:
        repeats, kernel, stride, expand, out = (int(part[1:]) for part in stage.split("_"))
        for repeat in range(repeats):
            found.append((kernel, stride if repeat == 0 else 1, expand, inside, out))
            inside = out
    return found


@pytest.fixture(scope="module")
def tensors() -> Random:
    made = Random()
    made.convolution("_conv_stem", 32, 3, 3)
    made.norm("_bn0", 32)
    for number, (kernel, _, expand, inside, out) in enumerate(blocks()):
        name, wide = f"_blocks.{number}", inside * expand
        if expand != 1:
            made.convolution(f"{name}._expand_conv", wide, inside, 1)
            made.norm(f"{name}._bn0", wide)
        made.convolution(f"{name}._depthwise_conv", wide, 1, kernel)
        made.norm(f"{name}._bn1", wide)
        made.convolution(f"{name}._project_conv", out, wide, 1)
        made.norm(f"{name}._bn2", out)
    made.convolution("_conv_head", WIDTH, 320, 1)
    made.norm("_bn1", WIDTH)
    return made


def convolved(x: NDArray[np.float64], weight: NDArray[np.float32], stride: int = 1) -> NDArray[np.float64]:
    """(out, h', w') from (in, h, w) under TensorFlow's "same" padding; depthwise where the weights have one input."""
    kernel = weight.shape[2]
    spare = [max((ceil(length / stride) - 1) * stride + kernel - length, 0) for length in x.shape[1:]]
    padded = np.pad(x, [(0, 0), *((half // 2, half - half // 2) for half in spare)])
    windows = sliding_window_view(padded, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
    if weight.shape[1] == 1 and len(x) > 1:
        return np.einsum("chwij,cij->chw", windows, weight[:, 0], optimize=True)
    return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)


def reference(tensors: Random, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    def normed(x: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        gamma, beta, mean, variance = (
            tensors[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def relu6(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(x, 0, 6)

    x = (pixels.astype(float).transpose(2, 0, 1) - 127) / 128
    x = relu6(normed(convolved(x, tensors["_conv_stem.weight"], 2), "_bn0"))
    for number, (_, stride, expand, inside, out) in enumerate(blocks()):
        name, y = f"_blocks.{number}", x
        if expand != 1:
            y = relu6(normed(convolved(y, tensors[f"{name}._expand_conv.weight"]), f"{name}._bn0"))
        y = relu6(normed(convolved(y, tensors[f"{name}._depthwise_conv.weight"], stride), f"{name}._bn1"))
        y = normed(convolved(y, tensors[f"{name}._project_conv.weight"]), f"{name}._bn2")
        x = y + x if stride == 1 and inside == out else y
    x = relu6(normed(convolved(x, tensors["_conv_head.weight"]), "_bn1"))
    mean = x.mean(axis=(1, 2))
    return mean / np.linalg.norm(mean)


def test_the_graph_is_the_network(tensors: Random, tmp_path: Path) -> None:
    target = tmp_path / "deeper" / "pictures.onnx"
    build(tensors, "made up", target)
    session = ort.InferenceSession(target.read_bytes(), providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    found = session.run(["embedding"], {"pixels": pixels})[0]
    assert found.shape == (2, WIDTH)
    for vector, picture in zip(found, pixels, strict=True):
        np.testing.assert_allclose(vector, reference(tensors, picture), atol=2e-5)
    assert found[0] @ found[1] < 0.9999


@pytest.mark.parametrize("name", ["_conv_stem.weight", "_blocks.3._bn1.running_var", "_bn1.bias"])
def test_a_missing_tensor_is_named(tensors: Random, tmp_path: Path, name: str) -> None:
    fewer = {key: value for key, value in tensors.items() if key != name}
    with pytest.raises(ArtifactError, match=rf"'{name}' is missing.*made up"):
        build(fewer, "made up", tmp_path / "pictures.onnx")
    assert not list(tmp_path.iterdir())


def test_a_tensor_of_another_shape_is_named(tensors: Random, tmp_path: Path) -> None:
    other = {**tensors, "_conv_head.weight": np.zeros((5, 320, 1, 1), np.float32)}
    with pytest.raises(ArtifactError, match=r"_conv_head.weight.*\(5, 320, 1, 1\).*1280"):
        build(other, "made up", tmp_path / "pictures.onnx")
