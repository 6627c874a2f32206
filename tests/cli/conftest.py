"""The real command: in this process for speed, in one of its own where a process is the point."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import corner_shop
from mercato import cli


@dataclass(frozen=True)
class Said:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The whole of stdout as one JSON document."""
        return json.loads(self.out)


Typed = Callable[..., Said]


@pytest.fixture
def mercato(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """``mercato(*arguments)`` as typed, in this process."""

    def typed(*arguments: Any) -> Said:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["mercato", *map(str, arguments)])
        with redirect_stdout(out), redirect_stderr(err):
            try:
                cli.main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        return Said(code, out.getvalue(), err.getvalue())

    return typed


def command(*arguments: Any, **environment: str) -> Said:
    """The command in a process of its own, with more in its ``environment``."""
    done = subprocess.run(
        [sys.executable, "-m", "mercato", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def process() -> Typed:
    """``process(*arguments)``: the command in a process of its own."""
    return command


@pytest.fixture(scope="session")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained shop that tests only read; nobody has it open."""
    home = tmp_path_factory.mktemp("cli") / "corner"
    corner_shop.build(home).close()
    return home


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """``rows`` as CSV: lists joined by "|", maps as JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        for row in rows:
            cells = {name: "|".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()}
            out.writerow({name: json.dumps(cell) if isinstance(cell, dict) else cell for name, cell in cells.items()})
    return path


@pytest.fixture
def products_csv(tmp_path: Path) -> Path:
    """The corner shop's products as a file."""
    return write_csv(tmp_path / "products.csv", corner_shop.PRODUCTS)


@pytest.fixture
def events_csv(tmp_path: Path) -> Path:
    """The corner shop's events as a file."""
    return write_csv(tmp_path / "events.csv", corner_shop.events(datetime.now(UTC)))
