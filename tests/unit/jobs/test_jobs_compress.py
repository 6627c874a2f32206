"""A shop's encoder is made smaller: what loses too much is not chosen, what is chosen is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import mercato
from mercato.artifacts import open_current
from mercato.cli import app
from mercato.errors import RequestError
from mercato.jobs.compress import BASE, Compress, chosen, compared
from mercato.jobs.encoders import choose, shelf
from small_bert import small_bert
from small_tuning import shop

SETTINGS = """
[encoder]
source = "{base}"
max_length = 16
int8 = false
[sequence]
train = "never"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    base = small_bert(tmp_path_factory.mktemp("base") / "bert")
    with shop(tmp_path_factory.mktemp("compress") / "shop", SETTINGS.format(base=base)) as opened:
        yield opened


def row(tier: str, size: int, times: float, relative: float) -> dict[str, Any]:
    return {"tier": tier, "bytes": size, "times": times, "validation": {"relative": relative}}


ROWS = [
    row(BASE, 100, 1.0, 0.0),
    row("int8", 30, 1.5, -0.004),
    row("pruned", 20, 2.0, -0.02),
    row("static", 40, 99, 0.1),
]


def test_the_smallest_or_the_fastest_within_the_loss_is_chosen() -> None:
    assert chosen(Compress(loss=0.01), ROWS)[0] == "int8"
    assert chosen(Compress(loss=0.05), ROWS)[0] == "pruned"
    assert chosen(Compress(prefer="fastest"), ROWS)[0] == "static"
    assert chosen(Compress(tier="pruned", loss=0.0), ROWS)[0] == "pruned"
    name, why = chosen(Compress(loss=0.001), ROWS[:3])
    assert name == ""
    assert "nothing but float32" in why


def test_a_difference_is_paired() -> None:
    before = np.random.default_rng(0).uniform(size=200)
    told = compared(before, before - 0.1)
    assert told["change"]["mean"] == pytest.approx(-0.1)
    assert told["change"]["high"] == pytest.approx(-0.1)  # the same on every query: no doubt about it


def test_what_cannot_be_asked_is_said() -> None:
    for wrong in ({"tier": "huge"}, {"tiers": ("int8", "huge")}, {"prefer": "prettiest"}, {"loss": 1.0}):
        with pytest.raises(RequestError):
            Compress(**wrong)  # type: ignore[arg-type]


def test_a_tier_is_published_chosen_and_searched_with(made: mercato.Shop) -> None:
    told = made.compression.compress(Compress(loss=0.9, tiers=("int8", "short", "static"), rounds=1))
    assert [one["tier"] for one in told["tiers"]] == [BASE, "int8", "static"]
    assert "numbers already" in told["missing"]["short"]  # 32 are not more than 128
    sizes = {one["tier"]: one["bytes"] for one in told["tiers"]}
    assert told["choice"] == min(sizes, key=lambda name: sizes[name])
    found = open_current(shelf(made.home))
    about = found.manifest["about"]
    assert found.version == told["version"]
    assert (about["kind"], about["tier"], about["parent"]) == ("encoder", told["choice"], "")
    assert {"ndcg", "change", "relative"} <= about["metrics"]["test"].keys()
    made.train()
    assert made.search("red sofa", k=3).ids
    assert choose(made.settings, made.home).version == told["version"]


def test_a_tier_of_a_tier_is_made_of_the_whole_encoder(made: mercato.Shop) -> None:
    first = made.compression.compress(Compress(tier="static", rounds=1))
    second = made.compression.compress(Compress(tier="int8", rounds=1))
    assert first["source"] == second["source"] == made.settings.encoder.source
    assert second["why"] == "asked for by name"
    assert not (made.home / "cache" / "small").exists()


def test_the_command_prints_json_alone(made: mercato.Shop) -> None:
    result = CliRunner().invoke(app, ["compress", str(made.home), "--only", "int8", "--loss", "0.5", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["choice"] == "int8"
    shown = CliRunner().invoke(app, ["compress", str(made.home), "--tier", "int8"])
    assert "Chosen: int8, asked for by name." in shown.stdout


def test_an_encoder_without_weights_is_refused(tmp_path: Path) -> None:
    opened = shop(tmp_path / "shop", '[encoder]\nsource = "letters"\n', 20)
    with opened, pytest.raises(RequestError, match="no weights"):
        opened.compression.compress(Compress(tier="int8"))
