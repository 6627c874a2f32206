"""Killed while choosing: one version or the other is current, whole and trusted, and the next one may choose."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mercato.artifacts import choose, open_current, publish

pytestmark = pytest.mark.crash
KILLS = 12
CHOOSER = """
import sys
from pathlib import Path
from mercato.artifacts import choose
root = Path(sys.argv[1])
print("ready", flush=True)
while True:
    choose(root, "one")
    choose(root, "two")
"""


def test_killed_while_choosing(tmp_path: Path) -> None:
    chance = random.Random(5)
    for name in ("one", "two"):
        publish(tmp_path, name, lambda draft, name=name: (draft / "a").write_text(name), {})  # type: ignore[misc]
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", CHOOSER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        child.wait()
        child.stdout.close()
        found = open_current(tmp_path)
        assert found.refused == ()
        assert (found.folder / "a").read_text() == found.version
    choose(tmp_path, "one")
    assert open_current(tmp_path).version == "one"
    assert not list(tmp_path.glob(".draft-*"))
