"""FGM and AWP learn where the loss is larger, and leave everything as it was."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import Tensor, nn

from mercato.models.tuning.robust import Lookups, backward, weights_moved

IDS = torch.tensor([[1, 2, 0], [3, 1, 2]])
MASK = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])


class Net(nn.Module):
    def __init__(self, frozen: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words, self.out = nn.Embedding(5, 4), nn.Linear(4, 1)
        self.words.weight.requires_grad = not frozen
        self.losses: list[float] = []

    def loss(self) -> Tensor:
        pooled = (self.words(IDS) * MASK.unsqueeze(2)).sum(1)
        loss = nn.functional.softplus(self.out(torch.tanh(pooled)).squeeze(1) * torch.tensor([-1.0, 1.0])).sum()
        self.losses.append(float(loss.detach()))
        return loss

    @property
    def tuned(self) -> dict[str, nn.Parameter]:
        return {name: one for name, one in self.named_parameters() if one.requires_grad}


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("kind", ["fgm", "awp"])
def test_the_loss_beside_is_larger_and_its_gradient_is_added(kind: str, frozen: bool) -> None:
    net, clean = Net(frozen), Net(frozen)
    said = backward(net.loss, kind, 0.3, net.words, net.tuned)
    assert backward(clean.loss, "none", 0.3, clean.words, clean.tuned) == said == net.losses[0]
    assert [len(net.losses), len(clean.losses)] == [2, 1]
    assert net.losses[1] > net.losses[0]
    for name, one in clean.named_parameters():
        assert torch.equal(one, net.get_parameter(name)), "the weights are back"
    beside, alone = net.out.weight.grad, clean.out.weight.grad
    assert beside is not None
    assert alone is not None
    assert not torch.allclose(beside, alone)


def test_a_text_moves_by_its_share_of_its_own_length_and_padding_does_not() -> None:
    net = Net(frozen=True)
    lookups, seen = Lookups(net.words), net.words(IDS)
    with lookups.watched():
        net.loss().backward()  # type: ignore[no-untyped-call]
    with lookups.moved(0.25):
        step = net.words(IDS) - seen
    read = (seen * MASK.unsqueeze(2)).flatten(1).norm(dim=1)
    assert torch.allclose(step.flatten(1).norm(dim=1), 0.25 * read, rtol=1e-4)
    assert torch.equal(step[0, 2], torch.zeros(4))
    assert torch.equal(net.words(IDS), seen), "nothing is moved afterwards"


def test_weights_come_back_also_after_an_error() -> None:
    net = Net(frozen=False)
    net.loss().backward()  # type: ignore[no-untyped-call]
    before = {name: one.detach().clone() for name, one in net.tuned.items()}
    with contextlib.suppress(RuntimeError), weights_moved(net.tuned, 0.1):
        moved = (net.out.weight - before["out.weight"]).norm() / before["out.weight"].norm()
        raise RuntimeError
    assert float(moved.detach()) == pytest.approx(0.1, rel=1e-4)
    assert all(torch.equal(one, net.tuned[name]) for name, one in before.items())
