"""A shop's encoder is tuned on what it saw, end to end: better on held-out baskets, published, resumed, searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mercato
from mercato.artifacts import open_current
from mercato.errors import DataError, MercatoError, RequestError
from mercato.jobs.encoders import choose, shelf
from mercato.jobs.exams import Size
from mercato.jobs.lessons import Teach, course
from mercato.jobs.material import Material
from mercato.jobs.tuning import Bench, figures, tune, verdict
from mercato.models.taught import Exam
from mercato.models.trials import Pruned, Report, Space, searched
from mercato.models.tuning import Tune
from mercato.shop.tuning import Asked
from small_bert import small_bert
from small_tuning import click_log, products, shop

SETTINGS = """
[encoder]
source = "{base}"
max_length = 16
int8 = false
[tune]
batch = 16
threads = 1
max_length = 16
judged = 20
rate = 0.01
[sequence]
train = "never"
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("base") / "bert")


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with shop(tmp_path_factory.mktemp("tuning") / "shop", SETTINGS.format(base=base)) as opened:
        yield opened


class Fixed:
    """Texts as the unit vectors one says."""

    def __init__(self, right: float) -> None:
        self.dimension, self.fingerprint, self._right = 2, f"fixed{right}", right

    def encode(self, texts: list[str]) -> np.ndarray:
        found = np.zeros((len(texts), 2), np.float32)
        for line, text in enumerate(texts):
            angle = {"a": 0.0, "q": 0.0, "b": 1.0}[text[0]] * self._right
            found[line] = np.cos(angle), np.sin(angle)
        return found


def test_what_is_ahead_of_the_incumbent_beyond_chance_is_chosen(tmp_path: Path) -> None:
    exam = Exam(("q",) * 30, ("b", "a"), ({1: 1.0},) * 30)
    good, bad = Fixed(1.0), Fixed(0.0)
    assert verdict({"one": exam}, bad, good, tmp_path)["chosen"]
    assert not verdict({"one": exam}, good, bad, tmp_path)["chosen"]
    same = verdict({"one": exam}, good, good, tmp_path)
    assert not same["chosen"]
    assert "does not show" in same["why"]
    few = Exam(("q",) * 5, ("b", "a"), ({0: 1.0},) * 5)
    mixed = verdict({"many": exam, "few": few}, bad, good, tmp_path)
    assert not mixed["chosen"]
    assert "surely worse at few" in mixed["why"]


def test_figures_are_paired() -> None:
    found = figures(np.full(20, 0.5), np.full(20, 0.6))
    assert found["queries"] == 20
    assert found["ahead"]["mean"] == pytest.approx(0.1)
    assert found["p"] < 0.01


def test_a_search_finds_the_best_prunes_the_worst_and_goes_on(tmp_path: Path) -> None:
    space = Space(reals={"x": (-1.0, 1.0)}, choices={"kind": ("good", "bad")})
    tried: list[float] = []

    def attempt(settings: dict[str, float | str], report: Report) -> float:
        tried.append(float(settings["x"]))
        value = 1 - abs(float(settings["x"]) - 0.3) - (settings["kind"] == "bad")
        for step in range(3):
            report(step, value)
        if len(tried) >= 25:
            raise KeyboardInterrupt
        return value

    with pytest.raises(KeyboardInterrupt):
        searched(space, attempt, 1.0, tmp_path / "trials.log", "study")
    before = len(tried)
    found = searched(space, lambda *_: pytest.fail("no time is left"), 1e-9, tmp_path / "trials.log", "study")
    assert len(found.trials) == before
    states = [trial["state"] for trial in found.trials]
    assert "pruned" in states
    assert states[-1] == "fail", "it was killed"
    assert found.settings["kind"] == "good"
    assert found.value == max(trial["value"] for trial in found.trials if trial["value"] is not None)
    with pytest.raises(MercatoError, match="no trial"):
        searched(space, attempt, 1e-9, tmp_path / "other.log", "study")
    assert issubclass(Pruned, Exception)


def test_what_is_asked_goes_over_the_settings(made: mercato.Shop, base: Path) -> None:
    recipe = Asked(method="full", steps=7, seed=3).recipe(made.settings)
    assert recipe == replace(made.settings.tune, base=str(base), method="full", steps=7, judged=7, seed=3)
    with pytest.raises(RequestError, match="cannot be tuned"):
        Asked(base="https://host/v1#model").recipe(made.settings)
    for wrong in (Asked(method="magic"), Asked(sources=("hearsay",))):
        with pytest.raises(MercatoError, match=r"magic|hearsay"):
            made.tuning.tune("encoder", wrong)
    with pytest.raises(RequestError, match="encoder, cross"):
        made.tuning.tune("writer")
    with pytest.raises(RequestError, match="not trained"):
        made.tuning.tune("cross")


def test_without_behaviour_there_is_nothing_to_tune_on(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "shop") as empty:
        empty.put_products(products())
        with pytest.raises(DataError, match="no behaviour to learn from"):
            empty.tuning.tune()


@pytest.mark.train
def test_one_call_tunes_measures_and_publishes(made: mercato.Shop) -> None:
    told = made.tuning.tune("encoder", Asked(method="lora", steps=200, minutes=5))
    found = open_current(shelf(made.home))
    about = found.manifest["about"]
    assert told["chosen"]
    assert found.version == told["version"]
    assert {
        "kind",
        "name",
        "base",
        "data",
        "recipe",
        "seed",
        "metrics",
        "parent",
        "licence",
        "language",
        "dimension",
    } <= {*about}
    for window in ("validation", "test"):
        figure = about["metrics"][window]["together"]
        assert figure["tuned"]["mean"] > figure["untuned"]["mean"] + 0.1
        assert about["data"]["leaks"][window]["together"]["later"] == 0
    assert choose(made.settings, made.home).version == told["version"], "the next training takes it"
    assert "mercato train" in told["next"]
    made.train()
    assert made.learned()["encoder"]["version"] == told["version"]
    again = made.tuning.tune("encoder", Asked(method="lora", steps=1))
    assert not again["chosen"]
    assert again["parent"] == told["version"]
    assert open_current(shelf(made.home)).version == told["version"], "what is no better is not chosen"
    assert "models choose" in again["next"]


@pytest.mark.train
def test_a_killed_tuning_ends_as_an_unbroken_one(made: mercato.Shop, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(step: str) -> None:
        if "step 40" in step:
            raise Killed

    material = Material.read(made.store, lambda _: None)
    teach = Teach(size=Size(queries=20, corpus=40))
    recipe = replace(Asked(method="lora", steps=60).recipe(made.settings), patience=9)
    incumbent = choose(made.settings, made.home)
    broken, whole = Bench(made.settings.encoder, tmp_path / "a"), Bench(made.settings.encoder, tmp_path / "b")
    with pytest.raises(Killed):
        tune(material, teach, recipe, broken, tmp_path / "x", incumbent, "v1", kill)
    one = tune(material, teach, recipe, broken, tmp_path / "x", incumbent, "v1", lambda _: None)
    other = tune(material, teach, recipe, whole, tmp_path / "y", incumbent, "v1", lambda _: None)
    assert one["data"] == other["data"]
    files = [(tmp_path / name / "models" / "encoder" / "v1" / "model.safetensors").read_bytes() for name in "xy"]
    assert files[0] == files[1]


@pytest.mark.train
def test_folds_tell_their_spread_and_publish_nothing(made: mercato.Shop) -> None:
    before = sorted(path.name for path in shelf(made.home).glob("*"))
    asked = Asked(method="lora", steps=40, folds=3, apart=("session",), sources=("basket",))
    told = made.tuning.tune("encoder", asked)
    exam = told["exams"]["together"]
    assert len(exam["tuned_folds"]["values"]) == 3
    assert exam["tuned_folds"]["sd"] >= 0
    assert all(fold["leaks"]["together"]["session"] == 0 for fold in told["folds"])
    ticks: list[str] = []
    assert made.tuning.tune("encoder", asked, ticks.append)["exams"] == told["exams"]
    assert not any("step" in tick for tick in ticks), "folds that were done are not done again"
    assert sorted(path.name for path in shelf(made.home).glob("*")) == before


@pytest.mark.train
def test_searched_settings_are_those_that_validate_best(made: mercato.Shop) -> None:
    told = made.tuning.tune("encoder", Asked(method="lora", steps=20, search=0.05))
    assert told["search"]["trials"]
    assert told["recipe"]["rate"] != made.settings.tune.rate
    assert told["metrics"]["account"]["validation_ndcg"] == pytest.approx(told["search"]["value"], abs=1e-4)


@pytest.mark.train
def test_a_cross_encoder_is_tuned_on_a_click_log(made: mercato.Shop, tmp_path: Path) -> None:
    made.train()
    log = click_log(tmp_path / "log.csv", 1200)
    told = made.tuning.tune("cross", Asked(steps=4, sessions=(log,)))
    found = open_current(shelf(made.home, "cross")).manifest["about"]
    assert found["queries"]["seen"] == {"train": 2, "validation": 2, "test": 2}
    assert found["metrics"]["test"]["queries"] == 2
    assert told["choice"]["chosen"] is (found["signal"]["weight"] > 0)


def test_a_course_has_what_a_bench_asks_of_it(made: mercato.Shop) -> None:
    given = course(Material.read(made.store, lambda _: None), Teach())
    assert set(given.account) >= {"pairs", "cuts", "exams", "corpus", "sources"}
    assert isinstance(Tune().speed, float)
