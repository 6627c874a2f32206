"""The sequence transformer learns order, reads text, survives being killed, and serves what it trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mercato.errors import ArtifactError, SettingsError
from mercato.models.sequence import GAPS, SelfAttention, SequenceEncoder, TrainedSequence, gap_classes
from mercato.models.sequence_data import Journeys, batches
from mercato.models.sequence_fit import Behaved, exported, fit
from mercato.models.sequence_net import Net

SMALL = SelfAttention(width=16, heads=2, layers=2, longest=8, batch=64, epochs=3, dropout=0.2, rate=5e-3, threads=1)
N, SHOPPERS, EACH = 30, 120, 6


def behaved(*, text: bool = True, held: bool = True) -> Behaved:
    """Shoppers walk a ring of 28 products; nobody ever takes 28 and 29, and 29 reads like 5."""
    random = np.random.default_rng(0)
    begin = random.integers(0, 28, SHOPPERS)
    walked = (begin[:, None] + np.arange(EACH + 1)) % 28
    owner = np.repeat(np.arange(SHOPPERS), EACH)
    vectors = random.normal(size=(N, 12)).astype(np.float32)
    vectors[29] = vectors[5]
    return Behaved(
        owner, walked[:, :EACH].ravel().astype(np.int32), np.full(len(owner), 3, np.int8),
        np.tile(np.arange(EACH) * 86_400, SHOPPERS), N, vectors if text else None,
        (np.arange(SHOPPERS), walked[:, EACH].astype(np.int32)) if held else None,
    )  # fmt: skip


def silent(_: str) -> None:
    """Nobody watches."""


@pytest.mark.train
def test_the_order_is_learned_and_a_product_nobody_took_is_read_from_its_text(tmp_path: Path) -> None:
    trained = fit(replace(SMALL, epochs=25, patience=25, id_dropout=0.5), behaved(), tmp_path, silent)
    assert trained.account["validation_ndcg"] > 0.8, "the next step of a ring is certain; chance is .03"
    walked = np.array([[1, 2, 3, 4]])
    read = trained.encoder.encode(trained.items[walked], np.full((1, 4), 3), np.full((1, 4), 10))[0]
    assert trained.items[29] @ read > trained.items[28] @ read, "after 4 comes what reads like 5"


@pytest.mark.train
@pytest.mark.parametrize("loss", ["full", "sampled", "gbce"])
def test_every_loss_falls(loss: str, tmp_path: Path) -> None:
    recipe = replace(SMALL, loss=loss, negatives=10, epochs=6)
    curve = fit(recipe, behaved(text=False, held=False), tmp_path, silent).account["curve"]
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_an_unknown_loss_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hinge"):
        fit(replace(SMALL, loss="hinge"), behaved(), tmp_path, silent)


@pytest.mark.train
def test_a_killed_run_ends_with_the_model_of_an_unbroken_one(tmp_path: Path) -> None:
    unbroken = fit(SMALL, behaved(), tmp_path / "whole", silent)

    def kill(said: str) -> None:
        if "epoch 2" in said:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(SMALL, behaved(), tmp_path / "broken", kill)
    heard: list[str] = []
    resumed = fit(SMALL, behaved(), tmp_path / "broken", heard.append)
    assert len(heard) == 1, "two of three epochs were not done again"
    assert np.array_equal(resumed.items, unbroken.items)
    assert resumed.encoder.graph == unbroken.encoder.graph


@pytest.mark.train
def test_a_damaged_checkpoint_counts_as_none(tmp_path: Path) -> None:
    whole = fit(SMALL, behaved(), tmp_path, silent)
    (checkpoint,) = tmp_path.glob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    assert np.array_equal(fit(SMALL, behaved(), tmp_path, silent).items, whole.items)


def test_what_is_served_is_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = Net(SMALL, N, None).eval()
    encoder = SequenceEncoder(exported(net, SMALL), SMALL.longest)
    random = np.random.default_rng(2)
    for b, t in ((1, 1), (1, 8), (5, 3)):
        vectors = random.normal(size=(b, t, 16)).astype(np.float32)
        grades, gaps = random.integers(0, 5, (b, t)), random.integers(0, GAPS, (b, t))
        with torch.no_grad():
            expected = net.tower(torch.from_numpy(vectors), torch.from_numpy(grades), torch.from_numpy(gaps)).numpy()
        np.testing.assert_allclose(encoder.encode(vectors, grades, gaps), expected, atol=1e-5)
        padded = np.concatenate([random.normal(size=(b, 2, 16)).astype(np.float32), vectors], axis=1)
        pad = torch.tensor([[True, True] + [False] * t] * b)
        front = torch.zeros(b, 2, dtype=torch.int64)
        if t + 2 <= SMALL.longest:
            with torch.no_grad():
                read = net.tower(
                    torch.from_numpy(padded),
                    torch.cat([front, torch.from_numpy(grades)], 1),
                    torch.cat([front, torch.from_numpy(gaps)], 1),
                    pad,
                ).numpy()
            np.testing.assert_allclose(read, expected, atol=1e-5, err_msg="padding changes nothing")


@pytest.mark.train
def test_a_model_is_kept_and_a_broken_one_refused(tmp_path: Path) -> None:
    trained = fit(replace(SMALL, epochs=1), behaved(), tmp_path / "cache", silent)
    trained.save(tmp_path / "model")
    loaded = TrainedSequence.load(tmp_path / "model")
    assert np.array_equal(loaded.items, trained.items)
    (tmp_path / "model" / "sequence.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        TrainedSequence.load(tmp_path / "model")


def test_only_first_meetings_after_a_first_event_are_examples() -> None:
    owner, items = np.array([0, 0, 0, 0, 1]), np.array([4, 2, 4, 3, 1])
    journeys = Journeys.build(owner, items, np.full(5, 3, np.int8), np.array([0, 60, 120, 86_400, 0]))
    assert journeys.examples().tolist() == [1, 3]
    rows, _, gaps, pad = journeys.batch(np.array([1, 3]), np.array([0, 0]), 5)
    assert rows[0][~pad[0]].tolist() == [4]
    assert rows[1].tolist() == [4, 2, 4]
    assert gaps[0].tolist()[-1] == 0, "the first event of a shopper has no event before it"


def test_every_example_comes_once_an_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 20, 1000)
    seen = np.concatenate(list(batches(lengths, 32, np.random.default_rng(1), chunk=4)))
    assert sorted(seen.tolist()) == list(range(1000))


def test_gaps_double_from_a_minute() -> None:
    at = np.cumsum([0, 30, 60, 200, 86_400, 10**9])
    classes = gap_classes(at)
    assert classes[0] == 0
    assert (np.diff(classes[1:]) >= 0).all()
    assert classes[-1] == GAPS - 1
