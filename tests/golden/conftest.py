"""``pytest tests/golden --update-golden`` accepts what the shop shows now; look at the diff before you commit it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden(name, text)``: ``text`` must be what golden/NAME.txt holds."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / f"{name}.txt"
        # the option is unknown where pytest was started on the whole tree: then nothing is rewritten
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8")
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != kept:
            lines = difflib.unified_diff(kept.splitlines(), text.splitlines(), path.name, "shown now", lineterm="", n=2)
            hint = "If shoppers should see this: pytest tests/golden --update-golden"
            pytest.fail("\n".join([f"{path.name} has changed.", *lines, hint]), pytrace=False)

    return compare
