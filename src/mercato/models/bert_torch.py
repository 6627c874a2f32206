"""A Hugging Face BERT folder in, the same network in torch, to be tuned, out; its tensors keep their names.

Only what a cross-encoder needs: BERT (Devlin et al. 2019, post-norm, exact GELU) as ``bert_onnx`` has it, and the head
of ``cross_onnx`` over it. There is no dropout: runs are of a few hundred steps and are stopped early.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mercato.errors import ArtifactError
from mercato.models.bert_onnx import BertShape, Weights
from mercato.models.cross_onnx import FEATURES, HEAD

_START = 12.0, -6.0
"""The head before tuning: 12 · cosine − 6, so that the chance is a half at cosine .5."""


class _Embeddings(nn.Module):
    def __init__(self, words: int, kinds: int, shape: BertShape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(words, shape.width)
        self.position_embeddings = nn.Embedding(shape.positions, shape.width)
        self.token_type_embeddings = nn.Embedding(kinds, shape.width)
        self.LayerNorm = nn.LayerNorm(shape.width, eps=shape.epsilon)

    def forward(self, ids: Tensor, kinds: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: ids.shape[1]]
        normed: Tensor = self.LayerNorm(self.word_embeddings(ids) + places + self.token_type_embeddings(kinds))
        return normed


def _ending(inner: int, shape: BertShape) -> nn.ModuleDict:
    """The projection and LayerNorm that a half of a layer ends with."""
    return nn.ModuleDict(
        {"dense": nn.Linear(inner, shape.width), "LayerNorm": nn.LayerNorm(shape.width, eps=shape.epsilon)}
    )


class _Layer(nn.Module):
    def __init__(self, inner: int, shape: BertShape) -> None:
        super().__init__()
        self.heads = shape.heads
        projections = {part: nn.Linear(shape.width, shape.width) for part in ("query", "key", "value")}
        own = nn.ModuleDict(projections)
        self.attention = nn.ModuleDict({"self": own, "output": _ending(shape.width, shape)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.width, inner)})
        self.output = _ending(inner, shape)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(b, t, width) → the same; ``mask`` (b, 1, 1, t) is True where there is a token."""
        b, t, width = x.shape
        own: Any = self.attention["self"]
        q, k, v = (own[part](x).view(b, t, self.heads, -1).transpose(1, 2) for part in ("query", "key", "value"))
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = _ended(self.attention["output"], mixed.transpose(1, 2).reshape(b, t, width), x)
        return _ended(self.output, functional.gelu(self.intermediate["dense"](x)), x)


def _ended(ending: Any, inner: Tensor, x: Tensor) -> Tensor:
    ended: Tensor = ending["LayerNorm"](ending["dense"](inner) + x)
    return ended


class CrossNet(nn.Module):
    """Logits of pairs; ``state_dict`` has the names of Hugging Face's BertModel, and HEAD."""

    def __init__(self, shape: BertShape, words: int, kinds: int, inner: int) -> None:
        super().__init__()
        self.embeddings = _Embeddings(words, kinds, shape)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(_Layer(inner, shape) for _ in range(shape.layers))})
        self.head = nn.Linear(FEATURES * shape.width, 1)

    @staticmethod
    def read(folder: Path, layers: int = 0) -> CrossNet:
        """The network in ``folder`` with its first ``layers`` (0: all); where it has no head, u·v alone counts.

        Raises ArtifactError for a folder that is no such model; one with adapters or virtual tokens is none.
        """
        shape, weights = BertShape.read(folder).cut(layers), Weights.read(folder)
        odd = [name for name in weights.tensors if ".adapter." in name or name.startswith(("prompt", "prefix."))]
        if odd:
            raise ArtifactError(f"not a plain BERT: {odd[:3]}", where=str(folder))
        words, kinds = (
            len(weights.take(f"embeddings.{name}_embeddings.weight", -1, shape.width))
            for name in ("word", "token_type")
        )
        inner = len(weights.take("encoder.layer.0.intermediate.dense.bias", -1))
        net = CrossNet(shape, words, kinds, inner)
        whole = Weights({**_untuned(shape.width), **weights.tensors}, weights.where)
        wanted = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
        net.load_state_dict({name: torch.from_numpy(whole.take(name, *size)) for name, size in wanted.items()})
        return net

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> Tensor:
        """(b,) logits from token ids, mask and token types (b, t); padding is of type 0."""
        x = self.embeddings(ids, kinds)
        seen = mask[:, None, None, :].bool()
        layers: Any = self.encoder["layer"]
        for layer in layers:
            x = layer(x, seen)
        u, v = _pooled(x, mask - kinds), _pooled(x, kinds)
        logits: Tensor = self.head(torch.cat([u * v, (u - v).abs(), u, v], 1)).squeeze(1)
        return logits


def _pooled(x: Tensor, mask: Tensor) -> Tensor:
    total = (x * mask.unsqueeze(2)).sum(1)
    return functional.normalize(total.float(), dim=1)


def _untuned(width: int) -> dict[str, NDArray[np.float32]]:
    weight = np.zeros((1, FEATURES * width), np.float32)
    weight[:, :width] = _START[0]
    return dict(zip(HEAD, (weight, np.array([_START[1]], np.float32)), strict=True))
