"""A recipe says what is wrong with it, and where, before anything is trained."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mercato.errors import SettingsError
from mercato.models.tuning import METHODS, Tune
from mercato.models.tuning.recipe import RATES


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("method", {"method": "magic"}),
        ("robust", {"robust": "luck"}),
        ("schedule", {"schedule": "square"}),
        ("precision", {"precision": "int3"}),
        ("device", {"device": "abacus"}),
        ("places", {"places": ("nowhere",)}),
        ("at", {"at": (0, -1)}),
        ("steps", {"steps": 0}),
        ("batch", {"batch": 1}),
        ("rate", {"rate": -1.0}),
        ("minutes", {"minutes": -1.0}),
        ("mlm", {"mlm": -0.5}),
        ("contrastive", {"contrastive": 0.0}),
        ("temperature", {"temperature": 0.0}),
        ("matryoshka", {"matryoshka": (128, 0)}),
        ("clip", {"clip": 0.0}),
        ("warm", {"warm": 1.5}),
        ("dropout", {"dropout": 1.0}),
        ("dropout", {"robust": "r-drop"}),
        ("rank", {"method": "adalora", "rank": 1}),
        ("seeds", {"method": "prompt", "seeds": 2}),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_with_its_key(key: str, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError) as raised:
        Tune(**wrong)  # type: ignore[arg-type]
    assert raised.value.where == f"tune.{key}"


def test_each_method_has_a_rate_of_its_own_unless_one_is_given() -> None:
    assert {method: Tune(method=method).speed for method in METHODS} == RATES
    assert Tune(rate=0.5).speed == 0.5
    assert [Tune(robust=kind).moves for kind in ("none", "fgm", "awp")] == [0.0, 0.1, 0.01]
    assert Tune(robust="awp", epsilon=0.5).moves == 0.5


def test_the_recipe_is_known_without_torch() -> None:
    code = "import sys, mercato.models.tuning; sys.exit('torch' in sys.modules or 'peft' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
