"""Texts and pictures of the same products in, one space for both out: what is called alike lies where it looks alike.

No encoder that was trained on pictures and words together comes in a package, so the shop's own titles and photos
train one: two linear heads over the frozen encoders, with the symmetric contrastive loss of CLIP (InfoNCE: van den
Oord et al. 2018; Radford et al. 2021, section 2.3), the other pairs of a batch being what a pair is told apart from.
Gaussian noise on the inputs stands in for more pairs than a shop has (Bishop 1995); without it the heads learn their
pairs by heart. Minimised with Adam (Kingma & Ba 2015) under a cosine schedule, in numpy: seconds on one core.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_WARM_UP = 20
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8
"""Adam's own constants."""


@dataclass(frozen=True, slots=True)
class Head:
    """Vectors of one encoder in, unit vectors of the common space out: ``(vector - mean) @ axes``, normalised."""

    mean: Floats
    axes: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """(n, width) float32 of unit length from (n, d)."""
        projected = (vectors - self.mean) @ self.axes
        return _unit(projected.astype(np.float32, copy=False))


@dataclass(frozen=True, slots=True)
class Aligned:
    """The two heads of one common space."""

    text: Head
    picture: Head

    def astray(self, texts: Floats, pictures: Floats, labels: NDArray[np.int32]) -> NDArray[np.float64]:
        """For each pair (n,), the share of pictures with another text that lie nearer to its text than its own does:
        0 where the own is first, .5 on average by chance. ``labels`` (n,) are equal where texts are."""
        cosines = self.text(texts) @ self.picture(pictures).T
        other = labels[:, None] != labels[None]
        nearer = (cosines > np.diag(cosines)[:, None]) & other
        shares: NDArray[np.float64] = nearer.sum(axis=1) / np.maximum(other.sum(axis=1), 1)
        return shares


@dataclass(frozen=True, slots=True)
class Align:
    """How words and pictures get a space in common, from the shop's own titles and photos.

    ``width`` of the space, ``steps`` of ``batch`` pairs at the learning ``rate``; ``temperature`` divides the cosines,
    ``noise`` is the length of what is added to a unit vector. Chosen on a part of the fashion photos that
    bench/results/image-search.md does not report; between half and twice of each, figures move by a hundredth.
    """

    width: int = 128
    steps: int = 800
    batch: int = 256
    rate: float = 2e-3
    temperature: float = 0.1
    noise: float = 0.7
    seed: int = 0

    def fit(self, texts: Floats, pictures: Floats, labels: NDArray[np.int32]) -> Aligned:
        """Heads from n pairs: ``texts`` (n, c), ``pictures`` (n, d), one picture each; ``labels`` (n,) are equal where
        the texts are, and such pairs are not told apart. The same arguments give the same heads."""
        random = np.random.default_rng(self.seed)
        means = [given.mean(axis=0) for given in (texts, pictures)]
        inputs = [_unit(given - mean) for given, mean in zip((texts, pictures), means, strict=True)]
        heads = [_drawn(random, self.width, given.shape[1]).T.copy() for given in inputs]
        adam = [_Adam(np.zeros_like(head), np.zeros_like(head)) for head in heads]
        batch = min(self.batch, len(texts))
        for step in range(1, self.steps + 1):
            chosen = random.choice(len(texts), batch, replace=False)
            noisy = [given[chosen] + self.noise * _drawn(random, batch, given.shape[1]) for given in inputs]
            same = labels[chosen][:, None] == labels[chosen][None]
            rate = self.rate * min(1.0, step / _WARM_UP) * (1 + cos(pi * step / self.steps)) / 2
            gradients = _gradients(noisy, heads, same, self.temperature)
            heads = [
                head - rate * kept.direction(gradient, step)
                for head, kept, gradient in zip(heads, adam, gradients, strict=True)
            ]
        return Aligned(*(Head(mean, head) for mean, head in zip(means, heads, strict=True)))


@dataclass(slots=True)
class _Adam:
    """Running means of one head's gradient and of its square."""

    first: Floats
    second: Floats

    def direction(self, gradient: Floats, step: int) -> Floats:
        self.first = _FIRST * self.first + (1 - _FIRST) * gradient
        self.second = _SECOND * self.second + (1 - _SECOND) * gradient**2
        mean, square = self.first / (1 - _FIRST**step), self.second / (1 - _SECOND**step)
        direction: Floats = mean / (np.sqrt(square) + np.float32(_TINY))
        return direction


def _gradients(inputs: list[Floats], heads: list[Floats], same: NDArray[np.bool_], temperature: float) -> list[Floats]:
    """The loss's gradient in each head, for a batch of b pairs; ``same`` (b, b) pairs are left out but the own."""
    projected = [given @ head for given, head in zip(inputs, heads, strict=True)]
    lengths = [np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in projected]
    unit = [one / length for one, length in zip(projected, lengths, strict=True)]
    own = np.eye(len(same), dtype=bool)
    cosines = np.where(same & ~own, -np.inf, unit[0] @ unit[1].T / temperature)
    surplus = (_softmax(cosines) + _softmax(cosines.T).T) / 2 - own
    surplus /= len(same) * temperature
    pulls = [surplus @ unit[1], surplus.T @ unit[0]]
    found = []
    for given, one, length, pull in zip(inputs, unit, lengths, pulls, strict=True):
        # what points along the vector only changes its length, which normalising takes off again
        across = (pull - (pull * one).sum(axis=1, keepdims=True) * one) / length
        found.append(given.T @ across)
    return found


def _softmax(logits: Floats) -> Floats:
    raised: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _drawn(random: np.random.Generator, n: int, d: int) -> Floats:
    """(n, d) normal numbers; rows have length 1 on average."""
    rows: Floats = random.standard_normal((n, d), np.float32) / np.float32(np.sqrt(d))
    return rows


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    return unit
