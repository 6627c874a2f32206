"""A model folder in, how it is run out: by its weights, by a graph of its own, or as a table of words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from mercato.codec import dumps
from mercato.errors import ArtifactError
from mercato.models.bert_onnx import BertShape

FORM, GRAPH = "form.json", "model.onnx"
RUNTIMES = ("onnxruntime", "openvino", "table")
PRECISIONS = ("float32", "bfloat16")
_STATIC = "model2vec"
VIRTUAL = "virtual_tokens"
"""The key of config.json that says how many positions a tuned prompt or prefix takes."""
_UNLIMITED = 512
"""Tokens that are read of a text where the model itself knows no end."""


@dataclass(frozen=True, slots=True)
class Form:
    """``runtime``: what computes ("table": the vectors of a text's words are added up). ``graph``: the folder holds
    GRAPH, and no weights need be there. ``precision``: what OpenVINO computes in; it would pick bfloat16 by itself."""

    runtime: str = "onnxruntime"
    graph: bool = False
    precision: str = "float32"

    @property
    def files(self) -> tuple[str, ...]:
        """The files that decide a vector."""
        return "config.json", GRAPH if self.graph else "model.safetensors", "tokenizer.json"

    @staticmethod
    def read(folder: Path) -> Form:
        """How the model in ``folder`` is run: by its weights where nothing is said. Raises ArtifactError where it is
        run in a way that is not known here."""
        if _config(folder).get("model_type") == _STATIC:
            return Form("table")
        path = folder / FORM
        if not path.exists():
            return Form()
        try:
            form = Form(**orjson.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise ArtifactError("how it is run cannot be read", where=str(path)) from error
        if form.runtime not in RUNTIMES or form.precision not in PRECISIONS:
            what = f"it is run by {form.runtime!r} in {form.precision!r}, which is not known here"
            raise ArtifactError(what, where=str(path), hint=f"known: {', '.join(RUNTIMES)}; {', '.join(PRECISIONS)}")
        return form

    def write(self, folder: Path) -> None:
        """Say it in ``folder``."""
        (folder / FORM).write_bytes(dumps(asdict(self)))


def longest(folder: Path) -> int:
    """How many tokens the model in ``folder`` can read of a text; raises ArtifactError where it is none."""
    if _config(folder).get("model_type") == _STATIC:
        return _UNLIMITED
    return BertShape.read(folder).positions - int(_config(folder).get(VIRTUAL, 0))


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
