"""A cross-encoder learns which texts a query wants, survives being killed, and serves what was tuned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import orjson
import pytest
import torch

from mercato.errors import ArtifactError, DataError, SettingsError
from mercato.models.bert_torch import CrossNet
from mercato.models.cross import ABOUT, GRAPH, Choice, CrossEncoder, LoadedCross, TrainedCross, pair
from mercato.models.cross_fit import fit
from mercato.models.cross_onnx import INPUTS, build
from mercato.models.text import tokenizer_of
from small_bert import COLOURS, POSITIONS, THINGS, small_bert

QUICK = CrossEncoder(frozen=0, max_length=16, steps=60, lists=8, each=4, rate=3e-3, head_rate=1e-2, judged=20)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("bert"))


def lists(count: int, seed: int) -> list[Choice]:
    """Who asks for a colour wants the things that have it."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        colours, thing = random.permutation(COLOURS)[:4], str(random.choice(THINGS))
        texts = tuple(f"{colour} {random.choice(THINGS)} {thing}" for colour in colours)
        made.append(Choice(str(colours[0]), texts, (1.0, 0.0, 0.0, 0.0)))
    return made


def silent(_: str) -> None:
    """Nobody watches."""


@pytest.mark.train
def test_it_learns_what_a_query_wants_and_serves_it(base: Path, tmp_path: Path) -> None:
    trained = fit(replace(QUICK, base=str(base), steps=160, judged=80), lists(200, 1), lists(30, 2), tmp_path, silent)
    account = trained.account
    assert account["validation_ndcg"] > max(0.9, account["untuned_ndcg"]), "chance is .64"
    fresh = lists(30, 3)
    for int8 in (False, True):
        trained.save(tmp_path / "model", int8=int8)
        loaded = LoadedCross.load(tmp_path / "model")
        first = [int(np.argmax(loaded.score(one.query, one.texts))) == 0 for one in fresh]
        assert np.mean(first) > 0.8, f"int8={int8}; chance is .25"
    assert not list(tmp_path.glob("*.pt")), "a finished run leaves no checkpoint"


@pytest.mark.train
def test_a_tuned_model_is_tuned_on_where_it_stopped(base: Path, tmp_path: Path) -> None:
    trained = fit(replace(QUICK, base=str(base), layers=1), lists(60, 1), lists(20, 2), tmp_path / "c", silent)
    trained.save(tmp_path / "model")
    assert orjson.loads((tmp_path / "model" / "config.json").read_bytes())["num_hidden_layers"] == 1
    onward = replace(QUICK, base=str(tmp_path / "model"), steps=1)
    again = fit(onward, lists(60, 1), lists(20, 2), tmp_path / "c", silent)
    assert again.account["untuned_ndcg"] == pytest.approx(trained.account["validation_ndcg"], abs=1e-5)
    assert again.base != trained.base


@pytest.mark.train
@pytest.mark.parametrize("robust", ["none", "fgm", "awp"])
def test_a_killed_run_ends_with_the_model_of_an_unbroken_one(robust: str, base: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, base=str(base), patience=9, robust=robust)
    given = lists(50, 1), lists(20, 2)
    whole = fit(recipe, *given, tmp_path / "whole", silent)

    def kill(said: str) -> None:
        if "step 40" in said:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(recipe, *given, tmp_path / "broken", kill)
    heard: list[str] = []
    resumed = fit(recipe, *given, tmp_path / "broken", heard.append)
    assert [said.split(":")[0].split()[-1] for said in heard] == ["40", "60"], "the first 20 steps were not done again"
    for name, tensor in whole.tensors.items():
        assert np.array_equal(resumed.tensors[name], tensor), name


@pytest.mark.train
def test_adversarial_steps_teach_something_else_and_still_teach(base: Path, tmp_path: Path) -> None:
    given = lists(100, 1), lists(20, 2)
    made = {kind: fit(replace(QUICK, base=str(base), robust=kind), *given, tmp_path, silent)
            for kind in ("none", "fgm", "awp")}  # fmt: skip
    name = "encoder.layer.1.output.dense.weight"
    assert not np.allclose(made["fgm"].tensors[name], made["none"].tensors[name])
    assert not np.allclose(made["awp"].tensors[name], made["none"].tensors[name])
    for one in made.values():
        assert one.account["validation_ndcg"] > one.account["untuned_ndcg"]


@pytest.mark.train
def test_a_damaged_checkpoint_counts_as_none(base: Path, tmp_path: Path) -> None:
    recipe, given = replace(QUICK, base=str(base), steps=40), (lists(30, 1), lists(10, 2))
    whole = fit(recipe, *given, tmp_path / "whole", silent)

    def kill(said: str) -> None:
        if "step 40" in said:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(recipe, *given, tmp_path, kill)
    (checkpoint,) = tmp_path.glob("*.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:500])
    again = fit(recipe, *given, tmp_path, silent)
    assert all(np.array_equal(again.tensors[name], tensor) for name, tensor in whole.tensors.items())


def test_what_is_frozen_stays(base: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, base=str(base), frozen=1, steps=10, judged=5)
    trained, before = fit(recipe, lists(20, 1), [], tmp_path, silent), CrossNet.read(base).state_dict()
    moved = {name for name, tensor in trained.tensors.items() if not np.array_equal(tensor, before[name].numpy())}
    assert moved
    assert not [name for name in moved if name.startswith(("embeddings.", "encoder.layer.0."))]
    assert trained.account["tuned"] < trained.account["parameters"]


@pytest.mark.parametrize("int8", [False, True])
def test_the_graph_is_the_network_whatever_the_padding(base: Path, tmp_path: Path, int8: bool) -> None:
    net, random = CrossNet.read(base).eval(), torch.manual_seed(3)
    with torch.no_grad():
        net.head.weight.copy_(torch.randn(net.head.weight.shape, generator=random))
    tensors = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    recipe = CrossEncoder(base=str(base), max_length=POSITIONS)
    TrainedCross(tensors, recipe, "", {}).save(tmp_path, int8=int8)
    session = ort.InferenceSession(tmp_path / GRAPH, providers=["CPUExecutionProvider"])
    tokenizer = tokenizer_of(base, POSITIONS)
    for query, text, pad in (("red", "red sofa", 0), ("blue phone", "black case lamp", 3), ("", "", 1)):
        ids, kinds = pair(tokenizer, query, text)
        table = np.zeros((3, 1, len(ids) + pad), np.int64)
        table[:, 0, : len(ids)] = ids, np.ones(len(ids)), kinds
        with torch.no_grad():
            wanted = float(net(*(torch.from_numpy(table))))
        (found,) = session.run(["logit"], dict(zip(INPUTS, table, strict=True)))
        assert found[0, 0] == pytest.approx(wanted, abs=0.6 if int8 else 1e-3)


def test_a_pair_is_cut_to_its_length_and_starts_with_the_query(base: Path) -> None:
    ids, kinds = pair(tokenizer_of(base, 8), "red " * 3, "sofa " * 100)
    assert len(ids) == 8
    assert kinds == sorted(kinds)
    assert kinds.count(0) == 4, "a long query leaves the text half"


def test_nothing_to_learn_and_impossible_numbers_are_said(base: Path, tmp_path: Path) -> None:
    recipe = replace(QUICK, base=str(base))
    with pytest.raises(DataError, match="nothing to tune on"):
        fit(recipe, [Choice("red", ("a", "b"), (1.0, 1.0)), Choice("red", (), ())], [], tmp_path, silent)
    with pytest.raises(SettingsError, match="steps is 0"):
        replace(QUICK, steps=0)
    with pytest.raises(SettingsError, match="no robust 'r-drop'"):
        replace(QUICK, robust="r-drop")


def test_what_is_no_model_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no tuned cross-encoder"):
        LoadedCross.load(tmp_path)
    with pytest.raises(ArtifactError, match="no tensor"):
        build(base, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
    (tmp_path / ABOUT).write_bytes(b'{"max_length": 8}')
    (tmp_path / GRAPH).write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match="refuses"):
        LoadedCross.load(tmp_path)
