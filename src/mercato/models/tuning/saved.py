"""What tuning made in, a model folder that ``models.text.TextEncoder`` serves without torch out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors.numpy import save_file

from mercato.models.small.form import VIRTUAL
from mercato.models.tuning.recipe import Tune

TUNED = "tuned.json"
"""The file of a tuned folder that says how it was made."""
_BESIDE = (
    "tokenizer.json",
    "config_sentence_transformers.json",
    "centre.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)


@dataclass(frozen=True)
class TunedEncoder:
    """A tuned encoder: its ``tensors`` by name, the ``folder`` of its base, and the ``account``: pairs, steps, the
    exam's NDCG@10 before and after, seconds, peak memory, parameters and how many were tuned, and the ``curve``."""

    tensors: Mapping[str, NDArray[np.float32]]
    folder: Path
    base: str
    recipe: Tune
    account: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write config.json, model.safetensors, tokenizer.json and TUNED into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        config = orjson.loads((self.folder / "config.json").read_bytes())
        layers = {name.split(".")[2] for name in self.tensors if name.startswith("encoder.layer.")}
        config |= {"num_hidden_layers": len(layers), "torch_dtype": "float32"}
        config |= {VIRTUAL: _virtual(self.tensors)}
        (folder / "config.json").write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2))
        save_file({name: np.ascontiguousarray(one) for name, one in self.tensors.items()}, folder / "model.safetensors")
        for name in _BESIDE:
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)
        told = {"base": self.base, "recipe": asdict(self.recipe), "account": self.account}
        (folder / TUNED).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def _virtual(tensors: Mapping[str, NDArray[np.float32]]) -> int:
    """How many virtual tokens a prompt or prefix puts before every text."""
    if "prompt" in tensors:
        return len(tensors["prompt"])
    return int(tensors["prefix.keys"].shape[1]) if "prefix.keys" in tensors else 0
