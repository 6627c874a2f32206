"""A graph in, a session that runs it on the CPU out; a graph is built once and kept with its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort

from mercato.errors import ArtifactError
from mercato.models.bert_onnx import publish


def session(graph: bytes, threads: int, where: str) -> ort.InferenceSession:
    """A session of at most ``threads`` threads; raises ArtifactError, naming ``where`` the model came from, when ONNX
    Runtime refuses the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # A spinning pool eats the cores the web server needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
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
