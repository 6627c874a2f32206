"""What a shopper's vector says of every product and what they took in, a loss out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mercato.errors import SettingsError
from mercato.models.sequence import SelfAttention

LOSSES = ("full", "sampled", "gbce")


@dataclass(frozen=True)
class Loss:
    """One of LOSSES. ``draws`` (m,) are the chances of being drawn as a negative; ``negatives`` are shared by a batch.

    Sources: full cross-entropy (Klenitskiy & Vasilev 2023), sampled softmax with logQ correction (Bengio & Senécal
    2008), gBCE with calibration ``t`` (Petrov & Macdonald 2023, gSASRec).
    """

    name: str
    draws: NDArray[np.float64]
    negatives: int
    t: float = 0.75

    @staticmethod
    def choose(recipe: SelfAttention, counts: NDArray[np.int64]) -> Loss:
        """The recipe's loss over products seen ``counts`` (m,) times. Raises SettingsError for an unknown name."""
        name = recipe.loss
        if name == "auto":
            name = "full" if len(counts) <= recipe.full_upto else "sampled"
        if name not in LOSSES:
            raise SettingsError(f"no loss {name!r}", where="[sequence] loss", hint=f"known: auto, {', '.join(LOSSES)}")
        draws = np.sqrt(np.maximum(counts, 1)) if name == "sampled" else np.ones(len(counts))
        return Loss(name, draws / draws.sum(), min(recipe.negatives, max(len(counts) - 1, 1)))

    def __call__(self, read: Tensor, items: Tensor, wanted: Tensor, random: np.random.Generator) -> Tensor:
        """The mean loss of ``read`` (b, width) against ``items`` (m, width) when ``wanted`` (b,) came next."""
        if self.name == "full":
            return functional.cross_entropy(read @ items.T, wanted)
        drawn_rows = np.searchsorted(np.cumsum(self.draws), random.random(self.negatives) * (1 - 1e-9))
        drawn = torch.from_numpy(np.minimum(drawn_rows, len(self.draws) - 1)).to(read.device)
        own = (read * items[wanted]).sum(-1, keepdim=True)
        others = read @ items[drawn].T
        hit = drawn[None, :] == wanted[:, None]
        if self.name == "gbce":
            return self._gbce(own, others.masked_fill(hit, -1e4), len(self.draws))
        expected = torch.from_numpy(np.log(self.draws[drawn.cpu().numpy()] * self.negatives)).to(others)
        logits = torch.cat([own, (others - expected).masked_fill(hit, -1e4)], 1)
        return functional.cross_entropy(logits, torch.zeros_like(wanted))

    def _gbce(self, own: Tensor, others: Tensor, m: int) -> Tensor:
        rate = self.negatives / max(m - 1, 1)
        beta = rate * (self.t * (1 - 1 / rate) + 1 / rate)
        losses = -beta * functional.logsigmoid(own).squeeze(1) + functional.softplus(others).sum(1)
        return losses.mean()
