"""A step's texts as vectors in, the loss of each objective out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mercato.models.taught import Pair
from mercato.models.tuning.recipe import Tune

_SAME = -1e4
"""The logit of a text that is no negative: it reads the same as what was wanted, or is unknown."""


@dataclass(frozen=True)
class Read:
    """A batch as vectors: ``queries`` and ``texts`` (b, d), the pairs' own ``negatives`` (n, d); and which of texts and
    negatives (b, b + n) say nothing about a query (see ``unjudged``)."""

    pairs: Sequence[Pair]
    queries: Tensor
    texts: Tensor
    negatives: Tensor
    unjudged: Tensor


class Heads(nn.Module):
    """What objectives need besides the encoder; none of it is served."""

    def __init__(self, recipe: Tune, dimension: int, categories: Sequence[str]) -> None:
        super().__init__()
        self.recipe = recipe
        self.categories = {name: place for place, name in enumerate(categories)}
        self.click = nn.Parameter(torch.tensor([1 / recipe.temperature, -0.5 / recipe.temperature]))
        self.category = nn.Linear(dimension, max(len(categories), 1))
        self.sentiment = nn.Linear(dimension, 1)

    def loss(self, read: Read) -> Tensor:
        """The weighted sum of the objectives over pairs; masked words and distillation have texts of their own."""
        weights = self.recipe.weights()
        total = read.queries.sum() * 0.0
        if weights["contrastive"]:
            total = total + weights["contrastive"] * self._contrastive(read)
        if weights["click"]:
            total = total + weights["click"] * self._click(read)
        if weights["category"]:
            total = total + weights["category"] * self._category(read)
        if weights["sentiment"]:
            total = total + weights["sentiment"] * self._sentiment(read)
        return total

    def logits(self, read: Read, size: int = 0) -> Tensor:
        """(b, b + n): every query against every text, by the first ``size`` numbers of the vectors (0: all)."""
        queries, texts = read.queries, torch.cat([read.texts, read.negatives])
        if size:
            queries, texts = (functional.normalize(one[:, :size], dim=1) for one in (queries, texts))
        similar = queries @ texts.T / self.recipe.temperature
        return similar.masked_fill(read.unjudged, _SAME)

    def _contrastive(self, read: Read) -> Tensor:
        """InfoNCE (van den Oord et al. 2018) over the batch and its negatives, in both directions where a text has no
        double; at every length of vector (Matryoshka: Kusupati et al. 2022)."""
        weights = torch.tensor([pair.weight for pair in read.pairs], device=read.queries.device)
        target = torch.arange(len(read.pairs), device=read.queries.device)
        losses = []
        for size in (0, *self.recipe.matryoshka):
            logits = self.logits(read, size)
            there = functional.cross_entropy(logits, target, reduction="none")
            back = functional.cross_entropy(logits[:, : len(target)].T, target, reduction="none")
            losses.append(((there + back) / 2 * weights).sum() / weights.sum())
        return torch.stack(losses).mean()

    def _click(self, read: Read) -> Tensor:
        """Cross-entropy of each pair by itself: the chance that the text is taken where it is shown for the query."""
        scale, shift = self.click
        cosines = read.queries @ torch.cat([read.texts, read.negatives]).T
        wanted = torch.zeros_like(cosines)
        wanted.fill_diagonal_(1.0)
        judged = ~read.unjudged
        each = functional.binary_cross_entropy_with_logits(scale * cosines + shift, wanted, reduction="none")
        rare = torch.where(wanted > 0, cosines.shape[1] - 1.0, 1.0) * judged  # as much for the taken as for the rest
        return (each * rare).sum() / rare.sum()

    def _category(self, read: Read) -> Tensor:
        known = [place for place, pair in enumerate(read.pairs) if pair.category in self.categories]
        if not known:
            return read.texts.sum() * 0.0
        target = torch.tensor([self.categories[read.pairs[place].category] for place in known])
        return functional.cross_entropy(self.category(read.texts[known]), target.to(read.texts.device))

    def _sentiment(self, read: Read) -> Tensor:
        known = [place for place, pair in enumerate(read.pairs) if pair.sentiment is not None]
        if not known:
            return read.texts.sum() * 0.0
        target = torch.tensor([float(read.pairs[place].sentiment or 0.0) for place in known], device=read.texts.device)
        return functional.mse_loss(torch.tanh(self.sentiment(read.texts[known])).squeeze(1), target)


def wanted_texts(pairs: Sequence[Pair]) -> dict[str, set[str]]:
    """Every query's wanted texts."""
    wanted: dict[str, set[str]] = {}
    for pair in pairs:
        wanted.setdefault(pair.query, set()).add(pair.text)
    return wanted


def unjudged(pairs: Sequence[Pair], wanted: Mapping[str, AbstractSet[str]]) -> Tensor:
    """(b, b + n) of a batch with n negatives: True where a text is no negative of the pair's query, since it was
    ``wanted`` for it too, here or in another pair, or reads the same. The pair's own text (the diagonal) is judged."""
    texts = [*(pair.text for pair in pairs), *(text for pair in pairs for text in pair.negatives)]
    table = [[text in wanted[pair.query] or text == pair.query for text in texts] for pair in pairs]
    return torch.tensor(table).fill_diagonal_(False)


def distilled(student: Tensor, teacher: Tensor) -> Tensor:
    """1 − cosine, and how alike the batch's texts are to each other for both (Hinton et al. 2015; Park et al. 2019)."""
    own = 1 - (student * teacher).sum(1).mean() if student.shape == teacher.shape else student.sum() * 0.0
    return own + functional.mse_loss(student @ student.T, teacher @ teacher.T)


def masked(ids: Tensor, mask: Tensor, special: Tensor, mask_id: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Token ids with 15 % of the words hidden (80 % as ``mask_id``, 10 % another word of the batch, 10 % as they were:
    Devlin et al. 2019), and which (b, t) are to be guessed."""
    chance = torch.rand(ids.shape, generator=random)
    guess = (chance < 0.15) & mask.bool() & ~torch.isin(ids, special)
    kind = torch.rand(ids.shape, generator=random)
    shuffled = ids.flatten()[torch.randperm(ids.numel(), generator=random)].view(ids.shape)
    hidden = torch.where(guess & (kind < 0.8), torch.full_like(ids, mask_id), ids)
    return torch.where(guess & (kind >= 0.9), shuffled, hidden), guess


def agreement(first: Tensor, second: Tensor) -> Tensor:
    """The symmetric Kullback-Leibler divergence of two readings' distributions (R-Drop: Liang et al. 2021)."""
    one, other = functional.log_softmax(first, 1), functional.log_softmax(second, 1)
    both = functional.kl_div(one, other, log_target=True, reduction="batchmean")
    return (both + functional.kl_div(other, one, log_target=True, reduction="batchmean")) / 2
