"""Texts in, tables of tokens and the vectors that a network makes of them out; and the exam taken with those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mercato.models.taught import Exam
from mercato.models.text import prefix_of, tokenizer_of
from mercato.models.tuning.net import TextNet

_TOGETHER = 64
"""Texts in one table."""
_CHUNK = 256
"""Queries whose scores over the whole corpus are held at once."""
_SPECIAL = ("[CLS]", "[SEP]", "[PAD]", "<s>", "</s>", "<pad>")
_HIDDEN = ("[MASK]", "<mask>", "[UNK]", "<unk>")
"""What stands for a hidden word: the first of these that the tokenizer has."""


@dataclass
class Reader:
    """Reads texts with a network: the tokenizer of ``folder``, on ``device``, in bfloat16 where ``half``."""

    folder: Path
    max_length: int
    device: str
    half: bool

    def __post_init__(self) -> None:
        self._tokenizer = tokenizer_of(self.folder, self.max_length)
        self._prefix = prefix_of(self.folder)
        self.special = torch.tensor(self._numbers(_SPECIAL))
        self.mask_id = next(iter(self._numbers(_HIDDEN)), 0)

    def _numbers(self, tokens: Sequence[str]) -> list[int]:
        """The ids of those ``tokens`` that the tokenizer has."""
        found = (self._tokenizer.token_to_id(token) for token in tokens)
        return [number for number in found if number is not None]

    def table(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(n, t) token ids and mask, padded to the longest."""
        clean = [(self._prefix + text).encode("utf-8", "replace").decode() for text in texts]
        coded = [self._tokenizer.encode(text).ids for text in clean]
        ids = np.zeros((len(coded), max(map(len, coded))), np.int64)
        mask = np.zeros_like(ids)
        for line, own in enumerate(coded):
            ids[line, : len(own)], mask[line, : len(own)] = own, 1
        return torch.from_numpy(ids), torch.from_numpy(mask)

    def vectors(self, net: TextNet, texts: Sequence[str]) -> Tensor:
        """(n, dimension); texts of like length are read together, for much of a mixed table would be padding."""
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        found = []
        for part in parts:
            ids, mask = (one.to(self.device) for one in self.table([texts[place] for place in part]))
            with self.precision():
                hidden = net.hidden(ids, mask)
            found.append(net.pooled(hidden, mask))
        back = torch.from_numpy(np.argsort(order)).to(self.device)
        return torch.cat(found)[back]

    def precision(self) -> torch.autocast:
        """bfloat16 where it is wanted, for the layers; what comes after them is float32."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.half)


@torch.no_grad()
def examined(net: TextNet, reader: Reader, exam: Exam) -> NDArray[np.float64]:
    """(queries,) NDCG@10 over the whole corpus, the ``masked`` places left out; a stable order for ties."""
    training = net.training
    texts = {text: place for place, text in enumerate(dict.fromkeys(exam.corpus))}  # doubles must tie, to the last bit
    places = np.array([texts[text] for text in exam.corpus])
    net.eval()
    try:
        corpus = reader.vectors(net, [*texts]).cpu().numpy()
        queries = reader.vectors(net, exam.queries).cpu().numpy()
    finally:
        net.train(training)
    parts = [range(start, min(start + _CHUNK, len(queries))) for start in range(0, len(queries), _CHUNK)]
    scores = (queries[part.start : part.stop] @ corpus.T for part in parts)
    return np.concatenate([_ndcg(own[:, places], exam, part) for own, part in zip(scores, parts, strict=True)])


def _ndcg(scores: NDArray[np.float32], exam: Exam, asked: range, k: int = 10) -> NDArray[np.float64]:
    """(q,) NDCG@k with linear gain of the order of ``scores`` (q, corpus) for the queries ``asked`` of ``exam``."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    found = np.zeros(len(scores))
    for line, (own, number) in enumerate(zip(scores, asked, strict=True)):
        if exam.masked:
            own[list(exam.masked[number])] = -np.inf
        least = np.partition(own, -k)[-k] if len(own) > k else -np.inf
        near = np.flatnonzero((own >= least) & (own > -np.inf))
        best = near[np.argsort(-own[near], kind="stable")][:k]
        wanted = exam.wanted[number]
        ideal = np.sort(list(wanted.values()))[::-1][:k]
        gains = np.array([wanted.get(int(place), 0.0) for place in best])
        found[line] = float(gains @ discounts[: len(gains)]) / max(float(ideal @ discounts[: len(ideal)]), 1e-12)
    return found


Log = Callable[[dict[str, float]], None]
"""Hears of every judgement: seed, step, loss, ndcg, seconds."""
