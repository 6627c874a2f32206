"""A frozen encoder in, small new layers inside it out: bottleneck adapters (Houlsby et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class Adapter(nn.Module):
    """y + up(GELU(down(y))); ``up`` starts at 0, so that at first nothing is changed."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(size, width), nn.Linear(width, size)
        nn.init.normal_(self.down.weight, std=0.02)
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, y: Tensor) -> Tensor:
        """(…, size) → the same."""
        changed: Tensor = y + self.up(functional.gelu(self.down(y)))
        return changed


class Adapted(nn.Module):
    """A linear layer with an adapter after it."""

    def __init__(self, dense: nn.Linear, width: int) -> None:
        super().__init__()
        self.dense, self.adapter = dense, Adapter(dense.out_features, width)

    def forward(self, x: Tensor) -> Tensor:
        """What ``dense`` makes of ``x``, adapted."""
        adapted: Tensor = self.adapter(self.dense(x))
        return adapted


def adapt(bert: Any, width: int, places: Sequence[str], at: Sequence[int]) -> None:
    """Put adapters of ``width`` after attention and feed-forward (``places``) of the layers ``at`` (none: all), before
    each block's LayerNorm, and freeze everything else."""
    for parameter in bert.parameters():
        parameter.requires_grad = False
    for number, layer in enumerate(bert.encoder.layer):
        if at and number not in at:
            continue
        if "attention" in places:
            layer.attention.output.dense = Adapted(layer.attention.output.dense, width)
        if "feed-forward" in places:
            layer.output.dense = Adapted(layer.output.dense, width)


def named(name: str) -> str:
    """The name that a tensor of an adapted network has in a model folder: BERT's own, or "BLOCK.adapter.…".

    >>> named("encoder.layer.0.output.dense.dense.weight"), named("encoder.layer.0.output.dense.adapter.up.bias")
    ('encoder.layer.0.output.dense.weight', 'encoder.layer.0.output.adapter.up.bias')
    """
    return name.replace(".dense.dense.", ".dense.").replace(".dense.adapter.", ".adapter.")
