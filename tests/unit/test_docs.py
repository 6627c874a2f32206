"""Docs that run: the README, the docstrings, and the generated reference."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import runpy
from pathlib import Path

import pytest

import mercato

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    name for _, name, _ in pkgutil.walk_packages(mercato.__path__, "mercato.") if name != "mercato.__main__"
)


def test_readme_does_what_it_says() -> None:
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried > 5
    assert failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_do_what_they_say(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")}).failed == 0
    assert module.__doc__, f"{name} does not say what it is"


def test_settings_reference_is_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "reference.py"))["settings_reference"]()
    kept = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert made == kept, "run: python docs/reference.py"


def test_everything_public_is_there() -> None:
    for name in mercato.__all__:
        assert getattr(mercato, name) is not None
    with pytest.raises(AttributeError):
        _ = mercato.nothing
