"""A query and a product text in, what each of their words does for the score out: numbers, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients  # type: ignore[import-untyped]
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from mercato.models.text import checked, located, prefix_of, tokenizer_of
from mercato.models.tuning.net import TextNet, read
from mercato.models.tuning.recipe import Tune

_STEPS = 32


@dataclass(frozen=True)
class Side:
    """One text's ``words``, what each adds to the cosine (``worth``, (n,); they add up to ``total``), and the share of
    the attention each gets on its way into the vector (``attention``, (n,), of 1)."""

    words: tuple[str, ...]
    worth: tuple[float, ...]
    attention: tuple[float, ...]
    total: float


@dataclass(frozen=True)
class Reading:
    """How an encoder reads a pair: its ``cosine``, both sides, and ``meeting`` (query words, product words): the cosine
    of what the last layer makes of each two."""

    cosine: float
    query: Side
    product: Side
    meeting: tuple[tuple[float, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def draw(self, path: Path) -> None:
        """The same as a picture (PNG, SVG or PDF by the name of ``path``)."""
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        figure, panels = pyplot.subplots(1, 3, figsize=(15, 5), layout="constrained")
        for panel, side, title in zip(panels, (self.query, self.product), ("query", "product"), strict=False):
            places = np.arange(len(side.words))
            panel.barh(places, side.worth, color=["#2a7" if one > 0 else "#c44" for one in side.worth])
            panel.plot(np.array(side.attention) * max(map(abs, side.worth)), places, "k.", label="attention, scaled")
            panel.set_yticks(places, side.words)
            panel.invert_yaxis()
            panel.set(title=title, xlabel="adds to the cosine")
            panel.legend(loc="lower right", fontsize=7)
        panels[2].imshow(np.array(self.meeting), cmap="viridis", vmin=0, vmax=1, aspect="auto")
        panels[2].set_xticks(range(len(self.product.words)), self.product.words, rotation=60, ha="right")
        panels[2].set_yticks(range(len(self.query.words)), self.query.words)
        panels[2].set(title=f"which words meet (cosine of the whole: {self.cosine:.3f})")
        figure.savefig(path, dpi=110)
        pyplot.close(figure)


def explained(source: str, query: str, product: str, cache: Path, max_length: int = 64) -> Reading:
    """How the encoder ``source`` ("package:NAME" or a plain BERT folder) reads ``query`` and ``product``.

    Worth: integrated gradients (Sundararajan et al. 2017, by Captum) of the cosine over the word vectors, from a text
    of the same length that says nothing. Attention: rollout over the layers (Abnar & Zuidema 2020), averaged over the
    tokens that are pooled. Pieces of a word are one word. Raises ArtifactError for a source that is no plain BERT.
    """
    folder, pins = located(source, cache)
    checked(folder, pins)
    with torch.random.fork_rng():
        net = read(folder, Tune(method="full")).eval()
    net.bert.set_attn_implementation("eager")
    tokenizer, prefix = tokenizer_of(folder, max_length), prefix_of(folder)
    texts = [_coded(tokenizer, prefix + text) for text in (query, product)]
    with torch.no_grad():
        vectors = [net(ids, torch.ones_like(ids)) for _, _, ids in texts]
        states = [functional.normalize(net.hidden(ids, torch.ones_like(ids))[0], dim=1) for _, _, ids in texts]
    sides = [_side(net, tokenizer, one, vectors[1 - place]) for place, one in enumerate(texts)]
    grid = (states[0] @ states[1].T).numpy()
    (_, owners, _), (_, others, _) = texts
    grid = _means(_means(grid, owners, len(sides[0].words)).T, others, len(sides[1].words)).T
    cosine = float((vectors[0] * vectors[1]).sum())
    return Reading(cosine, sides[0], sides[1], tuple(tuple(round(float(one), 4) for one in line) for line in grid))


_Coded = tuple[tuple[str, ...], NDArray[np.int64], Tensor]
"""The words of a text, the word that each token is of (−1: of none), and the token ids (1, t)."""


def _coded(tokenizer: Tokenizer, text: str) -> _Coded:
    coded = tokenizer.encode(text.encode("utf-8", "replace").decode())
    words: list[str] = []
    owners, seen = [], {}
    for number, (begin, end) in zip(coded.word_ids, coded.offsets, strict=True):
        if number is None:
            owners.append(-1)
            continue
        if number not in seen:
            seen[number] = len(words)
            words.append("")
        place = seen[number]
        words[place] += text[begin:end]
        owners.append(place)
    return tuple(words), np.array(owners), torch.tensor([coded.ids])


def _side(net: TextNet, tokenizer: Tokenizer, coded: _Coded, other: Tensor) -> Side:
    words, owners, ids = coded
    mask = torch.ones_like(ids)
    nothing = next((i for one in ("[MASK]", "<mask>", "[UNK]") if (i := tokenizer.token_to_id(one)) is not None), 0)
    base = torch.where(torch.from_numpy(owners >= 0)[None], torch.full_like(ids, nothing), ids)

    def cosine(given: Tensor) -> Tensor:
        vector: Tensor = net(given, torch.ones_like(given))
        return (vector * other).sum(1)

    gradients = LayerIntegratedGradients(cosine, net.words)
    worth: Any = gradients.attribute(ids, baselines=base, n_steps=_STEPS)
    own = worth[0].sum(1).detach().numpy()
    with torch.no_grad():
        layers = net.bert(input_ids=ids, attention_mask=mask, output_attentions=True).attentions
    rolled = torch.eye(ids.shape[1])
    for layer in layers:
        mixed = layer[0].mean(0) + torch.eye(ids.shape[1])
        rolled = (mixed / mixed.sum(1, keepdim=True)) @ rolled
    seen = _sums(rolled.mean(0).numpy(), owners, len(words))
    told = _sums(own, owners, len(words))
    return Side(words, _rounded(told), _rounded(seen / max(float(seen.sum()), 1e-12)), round(float(told.sum()), 5))


def _rounded(values: Sequence[float] | NDArray[Any]) -> tuple[float, ...]:
    return tuple(round(float(one), 5) for one in values)


def _sums(values: NDArray[Any], owners: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    return np.bincount(owners[owners >= 0], values[owners >= 0], minlength=count).astype(np.float64)


def _means(table: NDArray[Any], owners: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(count, m) from (tokens, m): the mean over each word's tokens."""
    chosen = np.equal(np.arange(count)[:, None], owners[None]).astype(np.float64)
    found: NDArray[np.float64] = chosen @ table / np.maximum(chosen.sum(1, keepdims=True), 1)
    return found
