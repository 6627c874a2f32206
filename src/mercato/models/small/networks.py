"""Token ids in, vectors out: what an encoder is computed by, one class for each runtime."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
import orjson
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from mercato.errors import ArtifactError

_HINT = "pip install 'mercato[tune]', or choose another: mercato models choose SHOP encoder NAME"
_PRECISION = {"float32": "f32", "bfloat16": "bf16"}
_NOTHING = np.float32(1e-12)


class Network(Protocol):
    """Safe to share between threads."""

    dimension: int

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """(b, dimension) of unit length from token ids (b, t) without padding."""
        ...


class OnnxNetwork:
    """A graph with the inputs and the output of ``bert_onnx.build``, run by ONNX Runtime."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self.dimension = int(session.get_outputs()[0].shape[1])

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``Network``."""
        feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        vectors: NDArray[np.float32] = self._session.run(["embedding"], feeds)[0]
        return vectors


class OpenVinoNetwork:
    """Such a graph run by OpenVINO, in the ``precision`` that is said and on at most ``threads``.

    Raises ArtifactError where OpenVINO is not installed or refuses the graph.
    """

    def __init__(self, graph: bytes, threads: int, precision: str, where: str) -> None:
        try:
            import openvino
        except ImportError as error:
            raise ArtifactError(
                "the encoder is run by OpenVINO, which is not there", where=where, hint=_HINT
            ) from error
        settings = {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": _PRECISION[precision],
        }  # fmt: skip
        core = openvino.Core()
        try:
            self._model: Any = core.compile_model(core.read_model(graph), "CPU", settings)
            self.dimension = int(self._model.output(0).get_partial_shape()[1].get_length())
        except RuntimeError as error:
            raise ArtifactError("OpenVINO refuses the encoder's graph", where=where, hint=_HINT) from error
        self._own = threading.local()

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``Network``; each thread has a request of its own."""
        if not hasattr(self._own, "request"):
            self._own.request = self._model.create_infer_request()
        feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        found = self._own.request.infer(feeds)
        return np.array(found[0], np.float32)


class TableNetwork:
    """A vector for each word, added up: what model2vec distils (Tulkens & van Dongen 2024), and no network at all.

    ``table`` (words, dimension) holds the words' weights already; ``ignored`` are ids that say nothing. A text without
    a word that is known points along the last axis, of which words have least.
    """

    def __init__(self, table: NDArray[np.float32], ignored: tuple[int, ...] = ()) -> None:
        self._table = table.astype(np.float32)
        self._table[list(ignored)] = 0.0
        self.dimension = int(table.shape[1])

    @staticmethod
    def read(folder: Path, tokenizer: Tokenizer) -> TableNetwork:
        """The table that model2vec wrote into ``folder``, for the ids of its ``tokenizer``; raises ArtifactError where
        it is none."""
        path = folder / "model.safetensors"
        try:
            tensors = load_file(path)
            table = tensors["embeddings"]
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError("the table of words cannot be read", where=str(path)) from error
        if table.ndim != 2 or table.dtype.kind != "f" or len(tensors) > 1 or not np.isfinite(table).all():
            what = "the table of words is not (words, numbers) of finite floats alone"
            raise ArtifactError(what, where=str(path), hint="without vocabulary quantisation")
        if tokenizer.get_vocab_size() > len(table):
            raise ArtifactError("the table of words is shorter than the vocabulary", where=str(path))
        return TableNetwork(table, _unspoken(tokenizer))

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """See ``Network``."""
        total: NDArray[np.float32] = self._table[tokens].sum(axis=1)
        lengths = np.sqrt((total * total).sum(axis=1, keepdims=True))
        total[lengths[:, 0] <= _NOTHING, -1] = 1.0
        total /= np.where(lengths > _NOTHING, lengths, np.float32(1.0))
        return total


def _unspoken(tokenizer: Tokenizer) -> tuple[int, ...]:
    """The ids that stand for no word: special ones, those put around a text, and what is not known."""
    added = tokenizer.get_added_tokens_decoder().items()
    special = {*tokenizer.encode("").ids, *(number for number, token in added if token.special)}
    unknown = tokenizer.token_to_id(str(orjson.loads(tokenizer.to_str())["model"].get("unk_token")))
    return tuple(special if unknown is None else special | {unknown})
