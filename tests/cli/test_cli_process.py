"""The command as a process: the installed name, its streams, and what a pipe or an old terminal does to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_installed_command_is_there(mercato):
    installed = Path(sys.executable).with_name("mercato")
    done = subprocess.run([installed, "--help"], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == mercato("--help").out


def test_json_is_all_there_is_on_stdout(process, corner):
    said = process("search", corner, "milk", "--json")
    assert said.code == 0
    assert said.json["items"]
    assert said.err == ""


def test_an_error_is_one_line_on_stderr(process, tmp_path):
    said = process("search", tmp_path / "nowhere", "milk", "--json")
    assert (said.code, said.out) == (1, "")
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("mercato: no shop here")


def test_a_terminal_without_quotation_marks_gets_an_answer(process, corner):
    said = process("search", corner, "chedar", "--explain", PYTHONIOENCODING="ascii")
    assert said.code == 0, said.err
    assert "Showing results for ?cheddar?." in said.out


def test_a_reader_that_walks_away_gets_no_traceback(corner):
    line = f"{sys.executable} -m mercato search {corner} '' -k 48 --json | head -c 10"
    done = subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("{")
    assert "Traceback" not in done.stderr
