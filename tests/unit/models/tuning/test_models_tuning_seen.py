"""What is seen of a model: attributions that add up, a picture, and curves in files of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mercato.errors import SettingsError
from mercato.models.text import TextEncoder
from mercato.models.tuning.attribution import explained
from mercato.models.tuning.logs import logs
from small_bert import small_bert


def test_what_words_add_is_the_cosine_less_that_of_a_text_that_says_nothing(tmp_path: Path) -> None:
    base = small_bert(tmp_path / "base")
    found = explained(str(base), "red sofa", "blue sofa red lamp", tmp_path)
    served = TextEncoder(source=str(base), int8=False, max_length=16).load(tmp_path)
    query, product, nothing = served.encode(["red sofa", "blue sofa red lamp", "[UNK] [UNK]"])
    assert found.cosine == pytest.approx(float(query @ product), abs=1e-4)
    assert found.query.total == pytest.approx(float(query @ product - nothing @ product), abs=0.1)
    assert found.query.words == ("red", "sofa")
    assert sum(found.query.attention) == pytest.approx(1, abs=1e-3)
    assert [len(line) for line in found.meeting] == [4, 4]


def test_the_same_is_drawn(tmp_path: Path) -> None:
    base = small_bert(tmp_path / "base")
    explained(str(base), "red sofa", "blue lamp", tmp_path).draw(tmp_path / "pair.png")
    assert (tmp_path / "pair.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_in_tensorboards_files(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = logs(("tensorboard",), tmp_path, {})
    for step in (0, 50, 100):
        log({"seed": 0, "step": step, "loss": 1 / (step + 1), "ndcg": step / 1000, "seconds": step})
    read = EventAccumulator(str(tmp_path / "tensorboard" / "seed-0"))
    read.Reload()
    assert [(one.step, round(one.value, 3)) for one in read.Scalars("ndcg")] == [(0, 0.0), (50, 0.05), (100, 0.1)]


def test_weights_and_biases_writes_offline(tmp_path: Path) -> None:
    log = logs(("wandb",), tmp_path, {"method": "lora"})
    log({"seed": 0, "step": 1, "loss": 1.0, "ndcg": 0.5, "seconds": 1.0})
    assert list(tmp_path.glob("wandb/offline-run-*"))


def test_an_unknown_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no log"):
        logs(("paper",), tmp_path, {})
