"""A folder of model files from anywhere in, a folder of those that are safe to open out; pickles are refused."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import orjson

from mercato.errors import ArtifactError, BackendError

WEIGHTS = (".safetensors", ".onnx")
_KEPT = (*WEIGHTS, ".json", ".txt", ".md", ".model")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".joblib", ".msgpack", ".npy", ".npz")
_FOLDERS = ("1_Pooling", "2_Normalize", "onnx")
_WHY = "opening it can run code that somebody put in"
_HINT = "safetensors or ONNX files are taken; ask its maker for those, or convert it where you trust it"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def pickled(path: Path) -> str:
    """What kind of pickle ``path`` is, by its content, then by its name; "" where it is none."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "a pickle"
    if head.startswith(b"\x89HDF"):
        return "an HDF5 file, in which Keras keeps code"
    if head.startswith(b"PK") and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith(".pkl") for name in archive.namelist()):
                return "a torch checkpoint, which is a pickle"
    return f"a {path.suffix} file, which may be a pickle" if path.suffix.lower() in _PICKLED else ""


def take(source: Path, folder: Path) -> list[str]:
    """Copy what is needed of the model in ``source`` (a folder, or one file of weights) into ``folder``; returns the
    names that were left behind.

    Raises ArtifactError where a pickle is all the weights there are, or goes by another name.
    """
    if source.is_file():
        _refuse(source, pickled(source))
        if source.suffix not in WEIGHTS:
            raise ArtifactError("this is no file of weights", where=str(source), hint=_HINT)
        shutil.copyfile(source, folder / f"model{source.suffix}")
        return []
    left, pickles = [], []
    for path in _files(source):
        kind = pickled(path)
        safe = path.suffix in _KEPT or path.name.startswith(("LICENSE", "NOTICE"))
        if safe:
            _refuse(path, kind)
            target = folder / path.relative_to(source)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
        else:
            left.append(path.relative_to(source).as_posix())
            pickles += [(path, kind)] if kind else []
    if not any(path.suffix in WEIGHTS for path in _files(folder)):
        for path, kind in pickles:
            _refuse(path, kind)
        raise ArtifactError("no weights are there", where=str(source), hint=_HINT)
    return left


def _files(folder: Path) -> list[Path]:
    """The files of a model: those of the folder itself and of the few below it that belong to one."""
    places = [folder, *(folder / name for name in _FOLDERS)]
    return [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if _is_part(path)]


def _is_part(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.name != "manifest.json"


def _refuse(path: Path, kind: str) -> None:
    if kind:
        raise ArtifactError(f"{path.name} is {kind}: {_WHY}", where=str(path), hint=_HINT)


def averaging(folder: Path) -> None:
    """Raises ArtifactError where the model in ``folder`` says that its sentence vector is not the mean of its tokens',
    which is what is computed here (``bert_onnx``)."""
    said = _json(folder / "1_Pooling" / "config.json")
    modes = [name for name, on in said.items() if name.startswith("pooling_mode_") and on is True]
    if modes and modes != ["pooling_mode_mean_tokens"]:
        what = f"its sentence vector is {', '.join(modes).removeprefix('pooling_mode_')}, not the mean of its tokens"
        raise ArtifactError(what, where=str(folder), hint="take an encoder with mean pooling")
    dense = [path.name for path in folder.glob("*_Dense")]
    modules = _json(folder / "modules.json", list)
    if dense or any("Dense" in str(one) for one in modules):
        raise ArtifactError("it has layers behind the encoder that are not read here", where=str(folder))


def facts(folder: Path) -> dict[str, str]:
    """What the model's card (README.md) says at its head: licence, language, base; nothing where there is none."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")[:20_000]
    except OSError:
        return {}
    head = re.match(r"---\n(.*?)\n---", card, re.DOTALL)
    if head is None:
        return {}
    names = {"licence": "license", "language": "language", "base": "base_model"}
    found = {name: re.search(rf"^{key}:[ \t]*(\S.*)$", head[1], re.MULTILINE) for name, key in names.items()}
    listed = re.search(r"^language:[ \t]*\n((?:[ \t]*-[^\n]*\n?)+)", head[1], re.MULTILINE)
    said = {name: match[1].strip().strip("\"'") for name, match in found.items() if match}
    if listed and "language" not in said:
        said["language"] = ", ".join(re.findall(r"-\s*(\S+)", listed[1])[:8])
    return said


def _json(path: Path, kind: type = dict) -> Any:
    try:
        said = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return kind()
    return said if isinstance(said, kind) else kind()


def is_hub_name(source: str) -> bool:
    """Whether ``source`` can be a model's name on a hub.

    >>> is_hub_name("sentence-transformers/all-MiniLM-L6-v2"), is_hub_name("./model"), is_hub_name("model")
    (True, False, False)
    """
    return _HUB_NAME.fullmatch(source) is not None


def download(name: str, cache: Path) -> Path:
    """The folder of the model ``name`` of the hub, only files that are safe to open; raises BackendError where the hub
    cannot be reached or has no such model."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise BackendError("there is no client of the hub", hint="pip install huggingface_hub") from error
    patterns = [*(f"*{ending}" for ending in _KEPT), "LICENSE*", "NOTICE*"]
    try:
        return Path(snapshot_download(name, cache_dir=cache, allow_patterns=patterns, etag_timeout=10))
    except Exception as error:  # its errors, the network's and the disk's share no base class
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "give a local folder, or a package: mercato models list SHOP"
        raise BackendError(f"the hub does not give {name!r}: {why}", where="hub", hint=hint) from error
