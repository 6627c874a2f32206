"""Material and a recipe in, the recipe that does best on validation within some minutes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from mercato.jobs.lessons import Teach, course, lessons, whole
from mercato.jobs.material import Material
from mercato.jobs.tuning import Bench, Tick, fingerprint, trained
from mercato.models.trials import Report, Space, searched
from mercato.models.tuning import Tune

_RATES = 0.2, 4.0
"""Times the rate that suits the method."""


def space(recipe: Tune) -> Space:
    """What is tried for the method of ``recipe``."""
    choices: dict[str, tuple[Any, ...]] = {"temperature": (0.02, 0.05, 0.1), "batch": (16, 32, 64)}
    if recipe.method in ("lora", "adalora"):
        choices["rank"] = (4, 8, 16, 32)
    if recipe.method == "adapter":
        choices["width"] = (16, 48, 96)
    if recipe.method in ("prefix", "prompt"):
        choices["virtual"] = (4, 8, 16)
    low, high = _RATES
    return Space(logs={"rate": (recipe.speed * low, recipe.speed * high)}, choices=choices)


def best_recipe(
    material: Material, teach: Teach, recipe: Tune, bench: Bench, minutes: float, tick: Tick
) -> tuple[Tune, dict[str, Any]]:
    """``recipe`` with the settings of ``space`` that did best by the NDCG@10 of the validation exams, and an account of
    every trial. The test is not looked at. A trial that is below the median of the others at a judgement is given up;
    trials are kept in the shop's cache, so an interrupted search goes on with the minutes it has left.

    Raises SettingsError where no trial came to an end, BackendError without Optuna or torch.
    """
    given = course(material, teach)
    taught = lessons(given, material, teach, bench.load(recipe.base), bench.vectors)
    exam = whole(given.validation)
    tried = space(recipe)

    def attempt(settings: Mapping[str, Any], report: Report) -> float:
        tick("trial: " + ", ".join(f"{name} {value:.3g}" for name, value in settings.items()))
        candidate = replace(recipe, **settings, seeds=1)
        folder: Path = trained(
            candidate, taught, exam, bench.cache, tick, lambda said: report(int(said["step"]), said["ndcg"])
        )
        return float(orjson.loads((folder / "account.json").read_bytes())["validation_ndcg"])

    name = blake2b((fingerprint(recipe, taught, exam) + repr(tried)).encode(), digest_size=12).hexdigest()
    found = searched(tried, attempt, minutes, bench.cache / "trials" / f"{name}.log", name, recipe.seed)
    best = replace(recipe, **found.settings)
    changed = {key: value for key, value in asdict(best).items() if value != asdict(recipe)[key]}
    return best, {"settings": changed, "value": round(found.value, 5), "trials": list(found.trials)}
