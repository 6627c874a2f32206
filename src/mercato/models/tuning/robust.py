"""A network and a way to take its loss in, gradients that also hold beside it out: FGM and AWP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

Loss = Callable[[], Tensor]


def backward(loss: Loss, kind: str, epsilon: float, words: nn.Embedding, tuned: Mapping[str, nn.Parameter]) -> float:
    """Add the gradients of ``loss`` to those of ``tuned``; with ``kind`` "fgm" or "awp" also those of the same loss
    where the looked-up ``words`` or the weights are moved against it by ``epsilon`` of their norm. Returns the loss.

    ``loss`` must see the same texts, and the same chance, whenever it is called.
    """
    lookups = Lookups(words)
    with lookups.watched() if kind == "fgm" else nullcontext():
        first = loss()
        _back(first)
    if kind == "fgm":
        with lookups.moved(epsilon):
            _back(loss())
    elif kind == "awp":
        with weights_moved(tuned, epsilon):
            _back(loss())
    return float(first.item())


class Lookups:
    """Word vectors as they are looked up, to be moved there (FGM: Miyato et al. 2017): the table itself may be
    frozen."""

    def __init__(self, words: nn.Embedding) -> None:
        self._words = words
        self._seen: list[Tensor] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Remember what is looked up, and its gradients once a loss went backward."""
        self._seen.clear()

        def remember(_: Any, __: Any, found: Tensor) -> Tensor:
            kept = found if found.requires_grad else found.detach().requires_grad_()
            kept.retain_grad()
            self._seen.append(kept)
            return kept

        handle = self._words.register_forward_hook(remember)
        try:
            yield
        finally:
            handle.remove()

    @contextmanager
    def moved(self, epsilon: float) -> Iterator[None]:
        """Every text's word vectors moved along their gradients by ``epsilon`` times their own norm, in the order in
        which they were looked up."""
        steps = iter([_step(seen, epsilon) for seen in self._seen])
        handle = self._words.register_forward_hook(lambda _, __, found: found + next(steps))
        try:
            yield
        finally:
            handle.remove()


def _step(seen: Tensor, epsilon: float) -> Tensor:
    """(b, t, d) to be added to the word vectors ``seen``; padding has no gradient, so it stays."""
    if seen.grad is None:
        return torch.zeros_like(seen)
    size = seen.grad.flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None]
    reached = (seen.grad.abs().sum(2, keepdim=True) > 0) * seen.detach()
    own = reached.flatten(1).norm(dim=1)[:, None, None]
    step: Tensor = epsilon * own * seen.grad / size
    return step


@contextmanager
def weights_moved(tuned: Mapping[str, nn.Parameter], epsilon: float) -> Iterator[None]:
    """Every tuned tensor moved along its gradient by ``epsilon`` of its own norm (AWP: Wu et al. 2020), and back."""
    kept = {name: one.detach().clone() for name, one in tuned.items() if one.grad is not None}
    with torch.no_grad():
        for name, one in kept.items():
            gradient = tuned[name].grad
            assert gradient is not None
            tuned[name].add_(gradient / gradient.norm().clamp_min(1e-12) * one.norm() * epsilon)
    try:
        yield
    finally:
        with torch.no_grad():
            for name, one in kept.items():
                tuned[name].copy_(one)


def _back(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
