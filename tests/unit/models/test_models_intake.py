"""What may be opened is taken, a pickle never is: by its name, by its content, whatever it calls itself."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from mercato.errors import ArtifactError, BackendError
from mercato.models.intake import averaging, download, facts, is_hub_name, pickled, take
from small_bert import small_bert

CARD = "---\nlicense: apache-2.0\nlanguage:\n- en\n- zh\nbase_model: somebody/base\n---\n# A model\nlicense: none\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_bert(tmp_path / "source")


def taken(source: Path, tmp_path: Path) -> tuple[set[str], list[str]]:
    target = tmp_path / "target"
    target.mkdir()
    left = take(source, target)
    return {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}, left


def checkpoint(path: Path) -> None:
    """As torch.save writes one."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": 1}))


def test_a_folder_is_taken_without_what_has_no_business_there(folder: Path, tmp_path: Path) -> None:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    (folder / "README.md").write_text(CARD)
    (folder / "code.py").write_text("print(1)")
    (folder / ".hidden.json").write_text("{}")
    (folder / "manifest.json").write_text("{}")
    checkpoint(folder / "pytorch_model.bin")
    kept, left = taken(folder, tmp_path)
    assert kept == {"config.json", "model.safetensors", "tokenizer.json", "README.md", "1_Pooling/config.json"}
    assert left == ["code.py", "pytorch_model.bin"]
    assert facts(folder) == {"licence": "apache-2.0", "language": "en, zh", "base": "somebody/base"}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl", "model.h5"])
def test_a_pickle_by_name_is_refused_where_it_is_all_there_is(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"whatever")
    with pytest.raises(ArtifactError, match=r"may be a pickle: opening it can run code.*safetensors or ONNX"):
        taken(folder, tmp_path)
    with pytest.raises(ArtifactError, match="may be a pickle"):
        take(folder / name, tmp_path)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_by_content_is_refused_whatever_its_name(folder: Path, tmp_path: Path, protocol: int) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"weight": 1}, protocol))
    with pytest.raises(ArtifactError, match=r"model\.safetensors is a pickle: opening it can run code"):
        taken(folder, tmp_path)


def test_other_containers_of_pickles_are_known(tmp_path: Path) -> None:
    checkpoint(tmp_path / "model.onnx")
    (tmp_path / "weights.json").write_bytes(b"\x89HDF\r\n\x1a\n")
    with zipfile.ZipFile(tmp_path / "harmless.json", "w") as archive:
        archive.writestr("a.txt", "a")
    assert "torch checkpoint" in pickled(tmp_path / "model.onnx")
    assert "HDF5" in pickled(tmp_path / "weights.json")
    assert pickled(tmp_path / "harmless.json") == ""


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "notes.txt").write_text("hello")
    with pytest.raises(ArtifactError, match="no weights are there"):
        taken(tmp_path / "source", tmp_path)
    with pytest.raises(ArtifactError, match="no file of weights"):
        take(tmp_path / "source" / "notes.txt", tmp_path)


def test_another_pooling_is_refused(folder: Path) -> None:
    averaging(folder)
    (folder / "1_Pooling").mkdir()
    config = folder / "1_Pooling" / "config.json"
    config.write_text('{"word_embedding_dimension": 8, "pooling_mode_mean_tokens": true}')
    averaging(folder)
    config.write_text('{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}')
    with pytest.raises(ArtifactError, match="cls_token, not the mean"):
        averaging(folder)
    config.unlink()
    (folder / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense"}]')
    with pytest.raises(ArtifactError, match="layers behind the encoder"):
        averaging(folder)


def test_a_hub_that_is_not_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match=r"the hub does not give 'nobody/nothing'.*local folder"):
        download("nobody/nothing", tmp_path)


@pytest.mark.parametrize("name", ["", "model", "../model/x", "/model/x", "a/b/c", "https://host/a"])
def test_what_is_no_hub_name(name: str) -> None:
    assert not is_hub_name(name)
