"""Cutting a BERT: what stays is numbered, named and weighted as it must be, and nothing is lost that need not be."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mercato.errors import ArtifactError
from mercato.models.small import surgery
from mercato.models.small.calibrate import moments
from mercato.models.text import TextEncoder, tokenizer_of
from small_bert import COLOURS, HEADS, LAYERS, THINGS, WIDTH, small_bert

TEXTS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def seen(folder: Path) -> dict[str, surgery.Moments]:
    tokenizer = tokenizer_of(folder, 24)
    return moments(folder, [tokenizer.encode(text).ids for text in TEXTS])


def vectors(folder: Path, tensors: dict[str, np.ndarray], place: Path) -> np.ndarray:
    """What a folder with those tensors makes of TEXTS."""
    place.mkdir()
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = surgery.layers_of(tensors)
    (place / "config.json").write_text(json.dumps(config))
    (place / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    save_file({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}, place / "model.safetensors")
    return TextEncoder(str(place), int8=False, max_length=24).load(place / "cache").encode(TEXTS)


def test_layers_are_evenly_spaced_and_numbered_anew(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    last = surgery.kept_layers(tensors, 1)
    name = "output.dense.weight"
    np.testing.assert_array_equal(last[f"encoder.layer.0.{name}"], tensors[f"encoder.layer.{LAYERS - 1}.{name}"])
    assert surgery.layers_of(last) == 1
    assert surgery.kept_layers(tensors, LAYERS).keys() == tensors.keys()


def test_a_twin_is_cut_first_and_the_other_takes_over() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(500, 6))
    inputs[:, 4] = 2 * inputs[:, 1]
    weight = random.normal(size=(3, 6)).astype(np.float32)
    kept, smaller = surgery.fewer(weight, np.cov(inputs.T, bias=True), 1, 5)
    assert {1, 4} - set(kept.tolist())
    np.testing.assert_allclose(inputs[:, kept] @ smaller.T, inputs @ weight.T, atol=0.02)


def test_what_is_left_is_the_best_linear_map() -> None:
    """Brute force: least squares of the outputs on the inputs that were kept."""
    random = np.random.default_rng(1)
    inputs = random.normal(size=(400, 8)) @ random.normal(size=(8, 8))
    inputs -= inputs.mean(axis=0)
    weight = random.normal(size=(4, 8)).astype(np.float32)
    kept, smaller = surgery.fewer(weight, inputs.T @ inputs / 400, 2, 2)
    best = np.linalg.lstsq(inputs[:, kept], inputs @ weight.T, rcond=None)[0].T
    np.testing.assert_allclose(smaller, best, atol=0.05)
    assert np.diff(kept.reshape(-1, 2), axis=1).tolist() == [[1], [1]]  # whole groups


def test_pruning_keeps_more_than_chopping(folder: Path, seen: dict[str, surgery.Moments], tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    whole = vectors(folder, tensors, tmp_path / "whole")
    cut = surgery.pruned(tensors, HEADS, seen, 0.25, 0.5)
    assert cut["encoder.layer.0.attention.self.query.weight"].shape == (WIDTH * 3 // 4, WIDTH)
    assert cut["encoder.layer.1.output.dense.weight"].shape == (WIDTH, 32)
    ours = (vectors(folder, cut, tmp_path / "cut") * whole).sum(axis=1)
    chopped = dict(tensors)
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        for part in ("query.weight", "query.bias", "key.weight", "key.bias", "value.weight", "value.bias"):
            chopped[f"{name}.attention.self.{part}"] = tensors[f"{name}.attention.self.{part}"][: WIDTH * 3 // 4]
        chopped[f"{name}.attention.output.dense.weight"] = tensors[f"{name}.attention.output.dense.weight"][:, :24]
        for part in ("intermediate.dense.weight", "intermediate.dense.bias"):
            chopped[f"{name}.{part}"] = tensors[f"{name}.{part}"][:32]
        chopped[f"{name}.output.dense.weight"] = tensors[f"{name}.output.dense.weight"][:, :32]
    theirs = (vectors(folder, chopped, tmp_path / "chopped") * whole).sum(axis=1)
    assert ours.mean() > 0.98 > theirs.mean()


def test_cutting_nothing_changes_nothing(folder: Path, seen: dict[str, surgery.Moments], tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    same = surgery.pruned(tensors, HEADS, seen, 0.0, 0.0)
    np.testing.assert_allclose(
        vectors(folder, same, tmp_path / "same"), vectors(folder, tensors, tmp_path / "whole"), atol=1e-5
    )


def test_widened_reads_like_narrow(folder: Path, seen: dict[str, surgery.Moments], tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    cut = surgery.pruned(tensors, HEADS, seen, 0.5, 0.5)
    wide = surgery.widened(cut, tensors)
    assert {name: one.shape for name, one in wide.items()} == {name: one.shape for name, one in tensors.items()}
    back = surgery.narrowed(wide, HEADS)
    for name, tensor in cut.items():
        np.testing.assert_array_equal(back[name], tensor)
    np.testing.assert_allclose(
        vectors(folder, wide, tmp_path / "wide"), vectors(folder, cut, tmp_path / "cut"), atol=1e-5
    )


def test_sparse_zeroes_the_smallest(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    thin = surgery.sparse(tensors, 0.5)[name]
    assert (thin == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert np.abs(tensors[name][thin == 0]).max() <= np.abs(thin[thin != 0]).min()


def test_shorter_vectors_are_the_leading_or_the_main_part(folder: Path, tmp_path: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    whole = vectors(folder, tensors, tmp_path / "whole")
    first = vectors(folder, surgery.shortened(tensors, surgery.leading(WIDTH, 8)), tmp_path / "first")
    np.testing.assert_allclose(first, whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True), atol=1e-5)
    main = surgery.shortened(tensors, surgery.principal(whole, 16))
    short = vectors(folder, main, tmp_path / "main")
    assert short.shape == (len(TEXTS), 16)
    assert np.abs(short @ short.T - whole @ whole.T).mean() < np.abs(first @ first.T - whole @ whole.T).mean()
    again = surgery.shortened(main, surgery.leading(16, 4))
    np.testing.assert_allclose(
        vectors(folder, again, tmp_path / "again"),
        short[:, :4] / np.linalg.norm(short[:, :4], axis=1, keepdims=True),
        atol=1e-4,
    )


def test_what_cannot_be_cut_is_said(folder: Path) -> None:
    tensors = {**load_file(folder / "model.safetensors"), "prompt": np.zeros((2, WIDTH), np.float32)}
    with pytest.raises(ArtifactError, match="cannot be cut"):
        surgery.plain(tensors)
