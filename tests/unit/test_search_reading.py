"""A search whose first rows are read once more is the same search in another order: whole answers with and without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import made_up_shop
import mercato
from mercato.artifacts import publish
from mercato.models.cross import GRAPH, CrossEncoder, TrainedCross
from mercato.models.cross_onnx import FEATURES, HEAD
from mercato.search import READER
from small_bert import WIDTH, small_bert

PLAIN = "[sequence]\ntrain = 'never'\n"
QUERIES = ("sofa", "velvet sofa", "coffee", "lamp red", "acme", "bike helmet", "sofaa", "kettle for garden")
READ = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model that knows nothing and says something: its head is random."""
    folder = tmp_path_factory.mktemp("model")
    base, random = small_bert(folder / "base"), np.random.default_rng(1)
    head = (random.normal(size=(1, FEATURES * WIDTH)) * 5, np.zeros(1))
    tensors = load_file(base / "model.safetensors")
    tensors |= {name: tensor.astype(np.float32) for name, tensor in zip(HEAD, head, strict=True)}
    trained = TrainedCross(tensors, CrossEncoder(base=str(base), max_length=24), "", {})
    publish(folder / "cross", "v1", trained.save, {"signal": {"weight": 5.0, "scale": 0.1}})
    return folder / "cross"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read") / "shop"
    made_up_shop.build(folder, PLAIN).close()
    return folder


def opened(home: Path, **read: Any) -> mercato.Shop:
    table = "".join(f"{name} = {value!r}\n" for name, value in read.items())
    (home / "mercato.toml").write_text(f"{PLAIN}[read]\n{table}")
    return mercato.open(home, read_only=True)


def copied(model: Path, draft: Path) -> None:
    shutil.copytree(model, draft, dirs_exist_ok=True)


@pytest.fixture
def plain(home: Path) -> Iterator[dict[str, list[str]]]:
    """What is found without reading, all of it."""
    with opened(home) as shop:
        return {query: list(shop.search(query, k=400).ids) for query in QUERIES}


def test_only_the_first_rows_change_places_and_pages_agree(
    home: Path, model: Path, plain: dict[str, list[str]]
) -> None:
    moved = 0
    with opened(home, source=str(model), budget_ms=1e9) as shop:
        for query, without in plain.items():
            whole = list(shop.search(query, k=400).ids)
            assert sorted(whole[:READ]) == sorted(without[:READ]), query
            assert whole[READ:] == without[READ:], query
            moved += whole != without
            for k in (3, 10, 20):
                pages = [shop.search(query, k=k, page=page) for page in range(4)]
                assert [one for page in pages for one in page.ids] == whole[: 4 * k]
                assert {page.total for page in pages} == {len(without)}
                assert not any(page.degraded for page in pages)
    assert moved > len(QUERIES) / 2


def test_terms_add_up_and_only_what_was_read_has_one(home: Path, model: Path) -> None:
    with opened(home, source=str(model), budget_ms=1e9) as shop:
        items = shop.search("sofa", k=40, explain=True).items
    for place, item in enumerate(items):
        assert sum(item.terms.values()) == pytest.approx(item.score, abs=1e-6)
        assert (item.terms["read"] > 0) == (place < READ)
    assert [item.score for item in items] == sorted((item.score for item in items), reverse=True)


def test_under_load_it_is_left_out_and_said(home: Path, model: Path, plain: dict[str, list[str]]) -> None:
    with opened(home, source=str(model), budget_ms=1e-9) as shop:
        assert not shop.search("sofa").degraded, "nothing is known of its time yet"
        skipped = shop.search("lamp red", k=400)
        assert skipped.degraded == (f"{READER}: skipped under load",)
        assert list(skipped.ids) == plain["lamp red"]
        assert not shop.search("sofa").degraded, "what was read is kept"
        assert not shop.search("acme", sort="price").degraded, "an order that was asked for is not read"
        assert not shop.search("acme", page=2).degraded, "no row of this page is read"


@pytest.mark.parametrize("broken", ["missing", "changed", "no help"])
def test_a_model_that_cannot_be_trusted_or_does_not_help_changes_nothing(
    home: Path, model: Path, plain: dict[str, list[str]], tmp_path: Path, broken: str
) -> None:
    root = tmp_path / "cross"
    if broken != "missing":
        weight = 0.0 if broken == "no help" else 1.0
        about = {"signal": {"weight": weight, "scale": 0.1}}
        folder = publish(root, "v2", lambda draft: copied(model / "v1", draft), about)
        if broken == "changed":
            (folder / GRAPH).write_bytes(b"changed")
    with opened(home, source=str(root)) as shop:
        slate = shop.search("sofa", k=400)
    assert list(slate.ids) == plain["sofa"]
    assert slate.degraded == (() if broken == "no help" else (READER,))
