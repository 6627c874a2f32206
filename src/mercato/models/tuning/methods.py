"""A BERT and a recipe in, the same with what its method tunes out; and what is served beside BERT's own tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import peft
import torch
from torch import Tensor
from transformers import BertModel

from mercato.models.tuning.adapters import adapt
from mercato.models.tuning.recipe import Tune

_LINEAR = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
_SMALL = 0.02
_KIND = peft.TaskType.FEATURE_EXTRACTION


def inner(bert: Any) -> Any:
    """The BertModel inside whatever peft put around it."""
    if not isinstance(bert, peft.PeftModel):
        return bert
    base = bert.base_model
    return base.model if hasattr(base, "model") else base


def applied(bert: BertModel, recipe: Tune) -> Any:
    """``bert`` with the method's own parameters, which alone want a gradient."""
    if recipe.method == "full":
        return bert
    if recipe.method == "adapter":
        adapt(bert, recipe.width, recipe.places, recipe.at)
        return bert
    if recipe.method == "head":
        for parameter in bert.parameters():
            parameter.requires_grad = False
        return bert
    config = _CONFIGS[recipe.method](recipe)
    wrap: Any = peft.get_peft_model
    found = wrap(bert, config)
    if recipe.method in ("prefix", "prompt"):
        _begun(found, bert, recipe)
    return found


def _lora(recipe: Tune) -> Any:
    return peft.LoraConfig(
        task_type=_KIND, r=recipe.rank, lora_alpha=recipe.alpha, target_modules=_LINEAR,
        layers_to_transform=list(recipe.at) or None,
    )  # fmt: skip


def _adalora(recipe: Tune) -> Any:
    """Half of the ranks are given up between a tenth and two thirds of the way."""
    return peft.AdaLoraConfig(
        task_type=_KIND, init_r=recipe.rank, target_r=max(recipe.rank // 2, 1), lora_alpha=recipe.alpha,
        target_modules=_LINEAR, layers_to_transform=list(recipe.at) or None, total_step=recipe.steps,
        tinit=recipe.steps // 10, tfinal=recipe.steps // 3, deltaT=10,
    )  # fmt: skip


_CONFIGS: Mapping[str, Callable[[Tune], Any]] = MappingProxyType({
    "lora": _lora,
    "adalora": _adalora,
    "prefix": lambda recipe: peft.PrefixTuningConfig(task_type=_KIND, num_virtual_tokens=recipe.virtual),
    "prompt": lambda recipe: peft.PromptTuningConfig(task_type=_KIND, num_virtual_tokens=recipe.virtual),
})  # fmt: skip


def _begun(found: Any, bert: BertModel, recipe: Tune) -> None:
    """A prompt begins as words of the vocabulary (Lester et al. 2021), a prefix as next to nothing: peft's own start,
    unit normal, is twenty times as long as a word."""
    random = torch.Generator().manual_seed(recipe.seed)
    with torch.no_grad():
        for parameter in found.parameters():
            if not parameter.requires_grad:
                continue
            if recipe.method == "prompt":
                words = bert.embeddings.word_embeddings.weight
                parameter.copy_(words[torch.randint(0, len(words), (len(parameter),), generator=random)])
            else:
                parameter.normal_(0.0, _SMALL, generator=random)


def virtual(bert: Any, recipe: Tune) -> dict[str, Tensor]:
    """Virtual tokens under the names that ``bert_onnx`` serves them by."""
    if recipe.method == "prompt":
        return {"prompt": bert.prompt_encoder["default"].embedding.weight}
    if recipe.method != "prefix":
        return {}
    table = bert.prompt_encoder["default"].embedding.weight  # (tokens, layers · 2 · width): keys, then values, by layer
    shape = inner(bert).config
    both = table.view(len(table), shape.num_hidden_layers, 2, shape.hidden_size).permute(2, 1, 0, 3)
    return {"prefix.keys": both[0], "prefix.values": both[1]}
