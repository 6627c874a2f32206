"""A model folder and a recipe in, the network with what is tuned of it out, and its tensors back again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from mercato.errors import ArtifactError, SettingsError
from mercato.models.bert_onnx import BertShape
from mercato.models.tuning.adapters import named
from mercato.models.tuning.methods import applied, inner, virtual
from mercato.models.tuning.recipe import Tune

Tensors = dict[str, NDArray[np.float32]]
_PARTS = ("embeddings.", "encoder.")
_MAP = ("projection.weight", "projection.bias")


class TextNet(nn.Module):
    """Texts' vectors: BERT, the mean over the mask, and where there is one a linear map of it, at unit length."""

    def __init__(self, bert: BertModel, recipe: Tune, projection: nn.Linear | None) -> None:
        super().__init__()
        self.recipe = recipe
        self.bert: Any = applied(bert, recipe)
        self.projection = projection

    def hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(b, t, width): what the last layer makes of every token."""
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        found: Tensor = states[:, -ids.shape[1] :]  # virtual tokens stand before the text's own
        return found

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(b, dimension) of unit length from token ids and mask (b, t)."""
        return self.pooled(self.hidden(ids, mask), mask)

    def pooled(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """The vectors of texts whose tokens are ``hidden`` (b, t, width)."""
        total = (hidden.float() * mask.unsqueeze(2)).sum(1)
        vector = functional.normalize(total, dim=1)
        if self.projection is None:
            return vector
        return functional.normalize(self.projection(vector), dim=1)

    @property
    def dimension(self) -> int:
        """The numbers of a vector."""
        return self.projection.out_features if self.projection is not None else self.words.embedding_dim

    @property
    def words(self) -> nn.Embedding:
        """The table of word vectors."""
        found: nn.Embedding = inner(self.bert).embeddings.word_embeddings
        return found

    def merged(self) -> Tensors:
        """Every tensor under the name it has in a model folder; what the method allows is merged. The network must not
        be trained on after that."""
        found = virtual(self.bert, self.recipe)
        if self.recipe.method in ("lora", "adalora"):
            self.bert = self.bert.merge_and_unload()
        plain = inner(self.bert).state_dict()
        found |= {named(name): tensor for name, tensor in plain.items() if not name.endswith("position_ids")}
        if self.projection is not None:
            found |= dict(zip(_MAP, (self.projection.weight, self.projection.bias), strict=True))
        return {name: tensor.detach().float().cpu().contiguous().numpy() for name, tensor in found.items()}


def read(folder: Path, recipe: Tune) -> TextNet:
    """The network of a BERT ``folder`` with its layers as ``recipe`` wants them, ready to be tuned.

    Raises ArtifactError for a folder that is no plain BERT (one tuned with adapters, prefix or prompt is none),
    SettingsError for layers it does not have.
    """
    shape = BertShape.read(folder)
    try:
        config = BertConfig.from_json_file(str(folder / "config.json"))
        tensors = load_file(folder / "model.safetensors")
    except Exception as error:  # each library raises its own
        raise ArtifactError("the model cannot be read", where=str(folder)) from error
    kept = chosen_layers(shape.layers, recipe.layers)
    config.vocab_size = len(tensors["embeddings.word_embeddings.weight"])
    config.intermediate_size = len(tensors["encoder.layer.0.intermediate.dense.bias"])
    config.num_hidden_layers = len(kept)
    config.type_vocab_size = len(tensors["embeddings.token_type_embeddings.weight"])
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = recipe.dropout
    bert = BertModel(config, add_pooling_layer=False)
    own = {name: one for name, one in tensors.items() if name.startswith(_PARTS) and not name.endswith("position_ids")}
    wanted = {name: one.float() for name, one in _renumbered(own, kept).items()}
    missing, unexpected = bert.load_state_dict(wanted, strict=False)
    odd = [*missing, *unexpected, *(name for name in tensors if name.startswith(("prompt", "prefix.")))]
    if odd:
        raise ArtifactError(f"not a plain BERT: {odd[:3]}", where=str(folder))
    if max(recipe.at, default=0) >= len(kept):
        raise SettingsError(f"there is no layer {max(recipe.at)}", where="tune.at", hint=f"0 to {len(kept) - 1}")
    return TextNet(bert, recipe, _projection(tensors, recipe, shape.width))


def fits(recipe: Tune, folder: Path) -> None:
    """Raises SettingsError where the model in ``folder`` reads less, or gives less, than ``recipe`` asks for."""
    shape = BertShape.read(folder)
    room = shape.positions - recipe.virtual * (recipe.method in ("prefix", "prompt"))
    if recipe.max_length > room:
        raise SettingsError(f"the model reads {room} tokens", where="tune.max_length", hint="virtual tokens take room")
    if max(recipe.matryoshka, default=0) >= shape.width:
        raise SettingsError(f"vectors have {shape.width} numbers", where="tune.matryoshka", hint="give smaller ones")


def _projection(tensors: Mapping[str, Tensor], recipe: Tune, width: int) -> nn.Linear | None:
    """The folder's own linear map of the pooled vector, or a new one that changes nothing yet; it is tuned by "head",
    "full" and ``end_to_end``."""
    asked = recipe.method == "head" or recipe.end_to_end
    if _MAP[0] not in tensors and not asked:
        return None
    weight, bias = (tensors.get(name) for name in _MAP)
    made = nn.Linear(width, width if weight is None else len(weight))
    with torch.no_grad():
        made.weight.copy_(torch.eye(width) if weight is None else weight)
        made.bias.copy_(torch.zeros(len(made.bias)) if bias is None else bias)
    return made.requires_grad_(asked or recipe.method == "full")


def chosen_layers(has: int, wanted: int) -> list[int]:
    """``wanted`` of ``has`` layers, evenly spaced, the last one among them (DistilBERT: Sanh et al. 2019); 0: all.

    >>> chosen_layers(6, 3), chosen_layers(12, 3), chosen_layers(6, 0)
    ([1, 3, 5], [3, 7, 11], [0, 1, 2, 3, 4, 5])
    """
    count = min(wanted or has, has)
    return [(place + 1) * has // count - 1 for place in range(count)]


def _renumbered(tensors: dict[str, Tensor], kept: list[int]) -> dict[str, Tensor]:
    """The tensors of the ``kept`` layers under their new numbers, and all others."""
    prefix = "encoder.layer."
    place = {str(number): str(at) for at, number in enumerate(kept)}
    found = {}
    for name, tensor in tensors.items():
        number, _, rest = name.removeprefix(prefix).partition(".")
        if not name.startswith(prefix):
            found[name] = tensor
        elif number in place:
            found[f"{prefix}{place[number]}.{rest}"] = tensor
    return found
