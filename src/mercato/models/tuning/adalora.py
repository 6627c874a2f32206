"""A network under AdaLoRA in, its ranks given to where they matter out, also over an interruption (Zhang et al. 2023).

``peft`` keeps what it knows of the ranks outside of the state dict, and adds the penalty only to losses of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_TABLES = ("ipt", "exp_avg_ipt", "exp_avg_unc")
_PATTERN = "pattern"


def skew(bert: Any) -> Tensor:
    """How far the singular vectors of each change are from orthogonal, weighted as ``peft`` does (equation 4)."""
    sides = [(name, one) for name, one in bert.named_parameters() if ".lora_A." in name or ".lora_B." in name]
    total = torch.zeros((), device=sides[0][1].device)
    for name, one in sides:
        products = one @ one.T if ".lora_A." in name else one.T @ one
        total = total + torch.linalg.matrix_norm(products - torch.eye(len(products), device=one.device))
    return total / len(sides) * float(_config(bert).orth_reg_weight)


def allocate(bert: Any, step: int) -> None:
    """Note how much each rank mattered in ``step``, give up the least when it is time; after the optimiser's step,
    while the gradients are there."""
    bert.base_model.update_and_allocate(step)


def noted(bert: Any) -> dict[str, Any]:
    """What is known of the ranks, to be kept beside the weights."""
    allocator = bert.base_model.rankallocator
    return {name: getattr(allocator, name) for name in _TABLES} | {_PATTERN: _config(bert).rank_pattern or {}}


def resume(bert: Any, kept: Mapping[str, Any]) -> None:
    """Go on with what ``noted`` gave."""
    for name in _TABLES:
        setattr(bert.base_model.rankallocator, name, kept[name])
    if kept[_PATTERN]:
        _config(bert).rank_pattern = kept[_PATTERN]


def _config(bert: Any) -> Any:
    return bert.peft_config["default"]
