"""A shopper's latest events in, the vector of what comes next out: the sequence model as served, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson
from numpy.typing import NDArray

from mercato.errors import ArtifactError

GAPS = 16
"""How many classes the time between two events falls into."""


@dataclass(frozen=True)
class SelfAttention:
    """Causal self-attention over what a shopper did (SASRec: Kang & McAuley 2018), every prefix a training example.

    A product is a learned vector plus a projection of its text vector, so one never seen in training can be ranked.
    ``loss`` is "full" (cross-entropy over every product), "sampled" (softmax over ``negatives`` with logQ correction),
    "gbce" (Petrov & Macdonald 2023) or "auto": full up to ``full_upto`` products, sampled above. Training stops when
    validation NDCG@10 has not risen for ``patience`` epochs, after ``epochs``, or at the end of the epoch in which
    ``minutes`` are over. ``train`` is "auto" (where torch is installed and at least ``least`` events can teach),
    "always" or "never". ``threads`` 0 takes every core.
    """

    train: str = "auto"
    width: int = 64
    layers: int = 2
    heads: int = 2
    dropout: float = 0.5
    id_dropout: float = 0.1
    longest: int = 50
    batch: int = 512
    rate: float = 1e-3
    loss: str = "auto"
    full_upto: int = 30_000
    negatives: int = 512
    epochs: int = 60
    patience: int = 4
    minutes: float = 30.0
    most: int = 400_000
    least: int = 5_000
    judged: int = 5_000
    threads: int = 0
    seed: int = 0


def gap_classes(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class (0 to GAPS−1) of the time since the event before, doubling from a minute; the first has class 0."""
    since = np.maximum(np.diff(at, prepend=at[:1]), 0)
    return np.minimum(np.log2(1 + since / 60).astype(np.int64), GAPS - 1)


@dataclass(frozen=True)
class SequenceEncoder:
    """The trained network as an ONNX graph: product vectors, grades and gap classes of a history → its vector."""

    graph: bytes
    longest: int
    _session: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ArtifactError(f"the sequence model cannot be loaded: {error}", where="sequence.onnx") from error
        object.__setattr__(self, "_session", session)

    def encode(
        self, vectors: NDArray[np.float32], grades: NDArray[np.int64], gaps: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """(b, width) from ``vectors`` (b, t, width), ``grades`` and ``gaps`` (b, t), oldest first, 1 ≤ t ≤ longest."""
        given = {"vectors": vectors, "grades": grades, "gaps": gaps}
        found: NDArray[np.float32] = self._session.run(None, given)[0]
        return found


@dataclass(frozen=True)
class TrainedSequence:
    """What training leaves: product vectors ``items`` (n, width), the graph, and the account of how it went."""

    items: NDArray[np.float32]
    encoder: SequenceEncoder
    account: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write vectors, graph and account into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "items.npy", self.items, allow_pickle=False)
        (folder / "sequence.onnx").write_bytes(self.encoder.graph)
        (folder / "account.json").write_bytes(orjson.dumps({**self.account, "longest": self.encoder.longest}))

    @staticmethod
    def load(folder: Path) -> TrainedSequence:
        """Map what ``save`` wrote; raises ArtifactError when the graph is no graph."""
        account = orjson.loads((folder / "account.json").read_bytes())
        encoder = SequenceEncoder((folder / "sequence.onnx").read_bytes(), int(account["longest"]))
        return TrainedSequence(np.load(folder / "items.npy", mmap_mode="r").view(np.ndarray), encoder, account)
