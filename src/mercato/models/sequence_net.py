"""Product vectors, grades and gaps in, the vector of what comes next out: the network of the sequence transformer."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mercato.models.sequence import GAPS, SelfAttention
from mercato.schema import REPEAT_GRADE

MASKED = -1e4


class Dropout(nn.Module):
    """Dropout with one random byte an element: torch's own draws took 40 % of a training step on a CPU.

    The rate is rounded down to n/256. ``source`` is set anew for every epoch, so a resumed run draws the same bytes.
    """

    source: np.random.Generator = np.random.Generator(np.random.SFC64(0))

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.threshold = int(rate * 256)

    def forward(self, values: Tensor) -> Tensor:
        """``values`` with elements zeroed and the rest scaled up, in training only."""
        if not self.training or not self.threshold:
            return values
        if values.is_cuda:
            return functional.dropout(values, self.threshold / 256)
        drawn = np.frombuffer(bytearray(Dropout.source.bytes(values.numel())), np.uint8)
        kept = torch.from_numpy(drawn).view(values.shape) >= self.threshold
        return values * kept * (256 / (256 - self.threshold))


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each with residual and LayerNorm behind it (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.forth = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, last: bool) -> Tensor:
        """(b, t, width) → the same, or (b, 1, width) when only the ``last`` place is asked for."""
        b, t, width = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if last:
            q, mask, x = q[:, :, -1:], mask[:, :, -1:], x[:, -1:]
        seen = self.drop(torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(width // self.heads) + mask, -1))
        mixed = (seen @ v).transpose(1, 2).reshape(b, -1, width)
        x = self.norms[0](x + self.drop(self.out(mixed)))
        normed: Tensor = self.norms[1](x + self.drop(self.forth(x)))
        return normed


class Tower(nn.Module):
    """The transformer over a history whose products already are vectors; this is what is exported for serving."""

    def __init__(self, recipe: SelfAttention) -> None:
        super().__init__()
        self.places = nn.Embedding(recipe.longest, recipe.width)
        self.grades = nn.Embedding(REPEAT_GRADE + 1, recipe.width)
        self.gaps = nn.Embedding(GAPS, recipe.width)
        self.norm = nn.LayerNorm(recipe.width)
        self.drop = Dropout(recipe.dropout)
        self.blocks = nn.ModuleList(Block(recipe.width, recipe.heads, recipe.dropout) for _ in range(recipe.layers))

    def forward(self, vectors: Tensor, grades: Tensor, gaps: Tensor, pad: Tensor | None = None) -> Tensor:
        """(b, width) from (b, t, width), (b, t) and (b, t); ``pad`` (b, t) flags places before the first event.

        Places are counted from the newest event, so a history reads the same however long it is.
        """
        t = vectors.shape[1]
        ages = torch.arange(t, device=vectors.device).flip(0)
        x = self.drop(self.norm(vectors + self.places(ages) + self.grades(grades) + self.gaps(gaps)))
        ahead = torch.ones(t, t, dtype=torch.bool, device=vectors.device).triu(1)
        hidden = ahead if pad is None else ahead | pad[:, None, None, :]
        mask = torch.zeros(hidden.shape, device=vectors.device).masked_fill(hidden, MASKED)
        if pad is None:
            mask = mask[None, None]
        for number, block in enumerate(self.blocks):
            x = block(x, mask, number == len(self.blocks) - 1)
        newest: Tensor = x[:, -1]
        return newest


class Net(nn.Module):
    """Product vectors (learned, plus projected text) and the tower over them, for m products with ``text`` (m, c)."""

    def __init__(self, recipe: SelfAttention, m: int, text: Tensor | None) -> None:
        super().__init__()
        self.own = nn.Embedding(m, recipe.width)
        self.project = nn.Linear(text.shape[1], recipe.width) if text is not None else None
        self.tower = Tower(recipe)
        self.register_buffer("text", text, persistent=False)
        self.id_dropout = Dropout(recipe.id_dropout if text is not None else 0.0)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, 0, 0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def items(self) -> Tensor:
        """(m, width). In training some products go without their learned part: the text learns to stand alone."""
        own: Tensor = self.own.weight
        if self.project is None:
            return own
        kept = self.id_dropout(torch.ones(len(own), 1, device=own.device)) if self.training else 1.0
        read: Tensor = self.project(self.text)
        return own * kept + read
