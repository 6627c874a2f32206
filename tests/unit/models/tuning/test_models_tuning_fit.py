"""What is tuned serves as it was trained, a killed run ends as an unbroken one, and learning helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mercato.errors import ArtifactError, DataError, SettingsError
from mercato.models.taught import Lessons
from mercato.models.text import TextEncoder
from mercato.models.tuning import METHODS, ROBUST, Tune
from mercato.models.tuning.fit import fit
from mercato.models.tuning.net import read
from mercato.models.tuning.texts import Reader
from small_bert import small_bert
from small_lessons import SHORT, TEXTS, exam, lessons, quiet

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_served_is_what_was_trained(method: str, base: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, base=str(base), method=method, rate=0.05, end_to_end=method == "lora")
    tuned = fit(recipe, lessons(), None, tmp_path, quiet)
    tuned.save(tmp_path / "tuned")
    plain = TextEncoder(source=str(base), int8=False, max_length=16).load(tmp_path)
    served = TextEncoder(source=str(tmp_path / "tuned"), int8=False, max_length=16).load(tmp_path)
    small = TextEncoder(source=str(tmp_path / "tuned"), max_length=16).load(tmp_path)
    texts = [*TEXTS[:20], "red", "a red sofa, a blue lamp and a white chair on a table"]
    assert (served.encode(texts) * plain.encode(texts)).sum(1).min() < 0.999, "something was learned"
    assert (served.encode(texts) * small.encode(texts)).sum(1).min() > 0.99
    assert not list(tmp_path.glob("tune-*.pt")), "no checkpoint is left"


@pytest.mark.parametrize("method", METHODS)
def test_torch_and_the_served_graph_say_the_same(method: str, base: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.numpy import save_file

    net = read(base, replace(SHORT, method=method, end_to_end=method == "adapter")).eval()
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
        vectors = Reader(base, 16, "cpu", half=False).vectors(net, TEXTS).numpy()
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    save_file(net.merged(), folder / "model.safetensors")
    served = TextEncoder(source=str(folder), int8=False, max_length=16).load(tmp_path).encode(TEXTS)
    assert (served * vectors).sum(1).min() > 0.9999


class Killed(Exception):
    """Stands for a power cut: raised in the middle of a run."""


@pytest.mark.train
@pytest.mark.parametrize(
    "recipe",
    [
        *(replace(SHORT, method=method) for method in METHODS),
        *(replace(SHORT, robust=robust, dropout=0.1) for robust in ROBUST[1:]),
        replace(SHORT, method="full", mlm=0.1, distil=0.5, category=0.3, sentiment=0.3, click=0.5, seeds=2),
    ],
    ids=lambda recipe: f"{recipe.method}-{recipe.robust}-{recipe.seeds}",
)
def test_a_killed_run_ends_as_an_unbroken_one(recipe: Tune, base: Path, tmp_path: Path) -> None:
    recipe, told = replace(recipe, base=str(base), rate=0.01), []
    whole = fit(recipe, lessons(), exam(), tmp_path / "whole", quiet)

    def cut(step: str) -> None:
        told.append(step)
        if len(told) == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(recipe, lessons(), exam(), tmp_path / "cut", cut)
    again = fit(recipe, lessons(), exam(), tmp_path / "cut", quiet)
    assert again.tensors.keys() == whole.tensors.keys()
    for name, tensor in whole.tensors.items():
        assert np.array_equal(tensor, again.tensors[name]), name
    kept = ("untuned_ndcg", "validation_ndcg", "best_step")
    assert [again.account[name] for name in kept] == [whole.account[name] for name in kept]


@pytest.mark.train
def test_adalora_knows_its_ranks_wherever_it_is_killed(base: Path, tmp_path: Path) -> None:
    """One judgement at a time: it goes on from every checkpoint, before, while and after ranks are given up."""
    recipe = replace(SHORT, base=str(base), method="adalora", rate=0.05, judged=1, steps=9, rank=4)
    whole = fit(recipe, lessons(), exam(), tmp_path / "whole", quiet)
    kills = 0
    while True:
        told: list[str] = []

        def cut(step: str, told: list[str] = told) -> None:
            told.append(step)
            if len(told) == 3:
                raise Killed

        try:
            again = fit(recipe, lessons(), exam(), tmp_path / "cut", cut)
            break
        except Killed:
            kills += 1
    assert kills == 8
    for name, tensor in whole.tensors.items():
        assert np.array_equal(tensor, again.tensors[name]), name


@pytest.mark.train
def test_a_damaged_checkpoint_counts_as_none(base: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, base=str(base), rate=0.01)
    whole = fit(recipe, lessons(), exam(), tmp_path / "whole", quiet)

    def damage(step: str) -> None:
        if "step 4" in step:
            (checkpoint,) = tmp_path.glob("tune-*.pt")
            checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
            raise Killed

    with pytest.raises(Killed):
        fit(recipe, lessons(), exam(), tmp_path, damage)
    again = fit(recipe, lessons(), exam(), tmp_path, quiet)
    assert all(np.array_equal(tensor, again.tensors[name]) for name, tensor in whole.tensors.items())


@pytest.mark.train
def test_gradients_of_several_small_batches_are_those_of_one_step(base: Path, tmp_path: Path) -> None:
    """The loss of a click is a mean over pairs, so that a batch in two halves teaches nearly the same."""
    recipe = replace(SHORT, base=str(base), method="full", rate=1e-3, steps=1, judged=1, contrastive=0.0, click=1.0)
    whole = fit(replace(recipe, batch=16), lessons(), None, tmp_path, quiet)
    parts = fit(replace(recipe, batch=8, accumulate=2), lessons(), None, tmp_path, quiet)
    assert whole.account["steps"] == parts.account["steps"] == [1]
    name = "encoder.layer.1.output.dense.weight"
    before = fit(replace(recipe, rate=1e-12), lessons(), None, tmp_path, quiet).tensors[name]
    moves = [(one.tensors[name] - before).ravel() for one in (whole, parts)]
    assert np.corrcoef(*moves)[0, 1] > 0.5


@pytest.mark.train
@pytest.mark.parametrize("robust", ROBUST)
def test_learning_helps_and_is_never_worse(robust: str, base: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, base=str(base), method="full", rate=3e-3, steps=30, judged=10, robust=robust, dropout=0.1)
    tuned = fit(recipe, lessons(), exam(), tmp_path, quiet)
    assert tuned.account["validation_ndcg"] > tuned.account["untuned_ndcg"] + 0.1
    ruined = fit(replace(recipe, rate=3.0), lessons(), exam(), tmp_path, quiet)
    assert ruined.account["validation_ndcg"] >= ruined.account["untuned_ndcg"]


@pytest.mark.train
def test_a_third_of_the_layers_learns_from_the_whole(base: Path, tmp_path: Path) -> None:
    recipe = replace(SHORT, base=str(base), method="full", layers=1, contrastive=0.0, distil=1.0, rate=3e-3, steps=40)
    student = fit(recipe, Lessons((), TEXTS), None, tmp_path, quiet)
    student.save(tmp_path / "student")
    dropped = replace(recipe, rate=1e-9, steps=2)
    fit(dropped, Lessons((), TEXTS), None, tmp_path, quiet).save(tmp_path / "dropped")
    loaded = (TextEncoder(source=str(where), int8=False, max_length=16).load(tmp_path)
              for where in (base, tmp_path / "student", tmp_path / "dropped"))  # fmt: skip
    teacher, taught, untaught = (one.encode(TEXTS) for one in loaded)
    assert (taught * teacher).sum(1).mean() > (untaught * teacher).sum(1).mean() + 0.05


def test_nothing_to_learn_from_and_no_such_base_are_said(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to tune on"):
        fit(replace(SHORT, base=str(base)), Lessons(()), None, tmp_path, quiet)
    with pytest.raises(DataError, match="texts"):
        fit(replace(SHORT, base=str(base), mlm=1.0), Lessons(lessons().pairs), None, tmp_path, quiet)
    with pytest.raises(ArtifactError):
        fit(replace(SHORT, base=str(tmp_path / "nothing")), lessons(), None, tmp_path, quiet)
    with pytest.raises(SettingsError, match="no layer 7"):
        fit(replace(SHORT, base=str(base), method="adapter", at=(7,)), lessons(), None, tmp_path, quiet)
