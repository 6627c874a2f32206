"""The command as a process: its exit status, its streams and what a pipe or a signal does to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import corner_shop


def test_the_installed_command_and_the_module_are_one(process):
    installed = Path(sys.executable).with_name("mercato")
    done = subprocess.run([installed, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout == process("--help").out


def test_json_is_all_there_is_on_stdout(process, corner):
    said = process("search", corner, "milk", "--json")
    assert said.code == 0
    assert said.json["items"]
    assert said.err == ""


def test_an_error_is_one_line_on_stderr(process, tmp_path):
    said = process("search", tmp_path / "nowhere", "milk", "--json")
    assert said.code == 1
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("mercato: no shop here")


def test_usage_is_said_on_stderr(process):
    said = process("recommend")
    assert said.code == 2
    assert said.out == ""
    assert "Usage" in said.err


def test_training_twice_at_once_is_refused_not_damaged(process, mercato, tmp_path, products_csv):
    shop = tmp_path / "shop"
    mercato("new", shop)
    mercato("import", shop, products_csv)
    assert process("train", shop, "--json").json["data"]["products"] == len(corner_shop.PRODUCTS)
    assert process("search", shop, "pesto", "--json").json["total"] >= 1


def test_relative_paths_are_seen_from_where_one_stands(process, tmp_path, products_csv):
    assert process("new", "shop", folder=tmp_path).code == 0
    said = process("import", "shop", products_csv.name, "--json", folder=tmp_path)
    assert said.json["kept"] == {"products": len(corner_shop.PRODUCTS)}


def test_an_unreadable_terminal_encoding_is_no_reason_to_fail(corner):
    done = subprocess.run(
        [sys.executable, "-m", "mercato", "search", str(corner), "chedar", "--explain"],
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_reader_that_walks_away_is_no_error(corner):
    line = f"{sys.executable} -m mercato search {corner} '' -k 48 --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
