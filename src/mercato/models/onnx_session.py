"""A graph in, a session that runs it on the CPU or a GPU out; a graph is built once and kept with its checksum."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime as ort

from mercato.errors import ArtifactError
from mercato.models.onnx_graph import publish

_LOG = logging.getLogger(__name__)
DEVICES = ("cpu", "auto", "cuda", "tensorrt")
# TF32 rounds to ten bits; what a vector is should not depend on the kind of GPU.
_CUDA = ("CUDAExecutionProvider", {"use_tf32": "0"})
_PROVIDERS: dict[str, list[Any]] = {"cpu": [], "cuda": [_CUDA], "tensorrt": ["TensorrtExecutionProvider", _CUDA]}
_NAMES = {"cuda": "CUDA", "tensorrt": "Tensorrt"}


def found(device: str) -> str:
    """ "cpu", "cuda" or "tensorrt": ``device`` where this ONNX Runtime can, else the CPU, and a warning says so.

    "auto" takes CUDA where it can; TensorRT compiles for minutes and must be asked for.
    """
    have = ort.get_available_providers()
    if device == "auto":
        return "cuda" if "CUDAExecutionProvider" in have else "cpu"
    if device == "cpu" or f"{_NAMES[device]}ExecutionProvider" in have:
        return device
    what = f"this ONNX Runtime has no {_NAMES[device]}: encoders run on the CPU (pip install onnxruntime-gpu)"
    _LOG.warning(what)
    return "cpu"


def session(graph: bytes, threads: int, where: str, device: str = "cpu") -> ort.InferenceSession:
    """A session of at most ``threads`` threads on ``device`` (see ``found``); raises ArtifactError, naming ``where``
    the model came from, when ONNX Runtime refuses the graph.

    Of the fused operators of ``bert_onnx`` CUDA has MultiHeadAttention, SkipLayerNormalization and BiasGelu in float32,
    and not MatMulIntegerToFloat (ONNX Runtime, docs/OperatorKernels.md): an int8 graph would go back and forth.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # A spinning pool eats the cores the web server needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    try:
        return ort.InferenceSession(graph, options, providers=[*_PROVIDERS[device], "CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise ArtifactError("ONNX Runtime refuses the encoder's graph", where=where) from error


def kept(target: Path, build: Callable[[Path], None]) -> bytes:
    """The graph kept at ``target``, written by ``build`` first unless it is there and as the checksum file beside it
    says; raises ArtifactError when it cannot be kept."""
    sidecar = target.with_suffix(".sha256")
    try:
        if target.is_file() and sidecar.is_file():
            content = target.read_bytes()
            if sidecar.read_bytes() == _sha256(content):
                return content
        build(target)
        content = target.read_bytes()
        publish(sidecar, _sha256(content))
    except OSError as error:
        raise ArtifactError("the encoder's graph cannot be kept", where=str(target)) from error
    return content


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
