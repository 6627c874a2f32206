"""What may be tuned on what: a map is kept and tuned on, other layers are refused; teachers may be strangers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from safetensors.numpy import load_file

from mercato.errors import ArtifactError, SettingsError
from mercato.models.bert_torch import CrossNet
from mercato.models.taught import Lessons
from mercato.models.text import TextEncoder
from mercato.models.tuning import METHODS
from mercato.models.tuning.fit import fit
from mercato.models.tuning.net import read
from mercato.models.tuning.saved import TUNED
from small_bert import POSITIONS, WIDTH, small_bert
from small_lessons import SHORT, TEXTS, exam, lessons, quiet

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("method", METHODS)
def test_only_what_the_method_names_is_tuned(method: str, base: Path) -> None:
    net = read(base, replace(SHORT, method=method, at=(1,)))
    tuned = {name for name, one in net.named_parameters() if one.requires_grad}
    every = {name for name, _ in net.named_parameters()}
    part = {"full": "", "head": "projection", "adapter": "adapter", "lora": "lora_", "adalora": "lora_"}
    assert tuned == {name for name in every if part.get(method, "prompt_encoder") in name and ".ranknum." not in name}
    if method in ("adapter", "lora", "adalora"):
        assert all(".layer.1." in name for name in tuned)
    assert torch.equal(net.words.weight.detach(), read(base, replace(SHORT, method="full")).words.weight.detach())


@pytest.mark.train
def test_an_encoder_with_a_map_is_tuned_on_with_it(base: Path, tmp_path: Path) -> None:
    fit(replace(SHORT, base=str(base), method="head", rate=0.05), lessons(), None, tmp_path, quiet).save(tmp_path / "a")
    mapped = load_file(tmp_path / "a" / "model.safetensors")["projection.weight"]
    for method in ("lora", "head", "full"):
        recipe = replace(SHORT, base=str(tmp_path / "a"), method=method, rate=0.02)
        tuned = fit(recipe, lessons(), exam(), tmp_path, quiet)
        first = TextEncoder(source=str(tmp_path / "a"), int8=False, max_length=16).load(tmp_path)
        assert tuned.account["untuned_ndcg"] == pytest.approx(_ndcg(first.encode(exam().queries), first.encode(TEXTS)))
        kept = fit(recipe, lessons(), None, tmp_path, quiet).tensors["projection.weight"]
        assert np.array_equal(kept, mapped) == (method == "lora"), method


def _ndcg(queries: np.ndarray, corpus: np.ndarray) -> float:
    marks = []
    for scores, wanted in zip(queries @ corpus.T, exam().wanted, strict=True):
        best = np.argsort(-scores, kind="stable")[:10]
        gain = sum(wanted.get(int(at), 0.0) / np.log2(place + 2) for place, at in enumerate(best))
        marks.append(gain / sum(1 / np.log2(place + 2) for place in range(len(wanted))))
    return round(float(np.mean(marks)), 5)


@pytest.mark.parametrize("method", ["adapter", "prefix", "prompt"])
def test_what_has_layers_of_its_own_is_no_base(method: str, base: Path, tmp_path: Path) -> None:
    fit(replace(SHORT, base=str(base), method=method), lessons(), None, tmp_path, quiet).save(tmp_path / "tuned")
    virtual = 3 if method in ("prefix", "prompt") else 0
    long = " ".join(["red"] * POSITIONS)
    TextEncoder(source=str(tmp_path / "tuned"), max_length=POSITIONS - virtual).load(tmp_path).encode([long])
    with pytest.raises(SettingsError, match="max_length"):
        TextEncoder(source=str(tmp_path / "tuned"), max_length=POSITIONS - virtual + 1).load(tmp_path)
    with pytest.raises(ArtifactError, match="not a plain BERT"):
        CrossNet.read(tmp_path / "tuned")
    with pytest.raises(ArtifactError, match="not a plain BERT"):
        fit(replace(SHORT, base=str(tmp_path / "tuned")), lessons(), None, tmp_path, quiet)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("at", {"method": "adapter", "at": (7,)}),
        ("max_length", {"max_length": 25}),
        ("max_length", {"method": "prompt", "virtual": 9}),
        ("matryoshka", {"matryoshka": (WIDTH,)}),
    ],
    ids=str,
)
def test_what_the_base_does_not_have_is_said(key: str, wrong: dict[str, object], base: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        fit(replace(SHORT, base=str(base), **wrong), lessons(), None, tmp_path, quiet)  # type: ignore[arg-type]
    assert raised.value.where == f"tune.{key}"


@pytest.mark.train
def test_a_teacher_reads_with_its_own_tokenizer(base: Path, tmp_path: Path) -> None:
    stranger = small_bert(tmp_path / "stranger", seed=3)
    words = orjson.loads((stranger / "tokenizer.json").read_bytes())
    vocab = words["model"]["vocab"]
    words["model"]["vocab"] = {word: place if place < 4 else len(vocab) + 3 - place for word, place in vocab.items()}
    (stranger / "tokenizer.json").write_bytes(orjson.dumps(words))
    recipe = replace(SHORT, base=str(base), method="full", contrastive=0.0, distil=1.0, rate=3e-3, steps=40)
    taught = fit(replace(recipe, teacher=str(stranger)), Lessons((), TEXTS), None, tmp_path, quiet)
    taught.save(tmp_path / "taught")
    teacher, student, before = (
        TextEncoder(source=str(where), int8=False, max_length=16).load(tmp_path).encode(TEXTS)
        for where in (stranger, tmp_path / "taught", base)
    )
    assert (teacher * student).sum(1).mean() > (teacher * before).sum(1).mean() + 0.3


@pytest.mark.train
def test_seeds_are_averaged_and_told(base: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, base=str(base), method="lora", rate=0.01)
    alone = [fit(replace(recipe, seed=seed), lessons(), None, tmp_path, quiet) for seed in (0, 1)]
    both = fit(replace(recipe, seeds=2), lessons(), None, tmp_path, quiet)
    for name, tensor in both.tensors.items():
        assert np.allclose(tensor, (alone[0].tensors[name] + alone[1].tensors[name]) / 2, atol=1e-6)
    both.save(tmp_path / "both")
    told = orjson.loads((tmp_path / "both" / TUNED).read_bytes())
    assert told["recipe"]["seeds"] == 2
    assert len(told["account"]["curve"]) == 2
    assert [step["step"] for step in told["account"]["curve"][0]] == [0, 2, 4, 6]
    assert told["account"]["pairs"] == len(lessons().pairs)
