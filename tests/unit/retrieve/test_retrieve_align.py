"""Heads find what was planted, follow the true gradient, and say when texts do not say how things look."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mercato.retrieve.align import Align, Aligned, Head, _gradients

QUICK = Align(width=8, steps=150, batch=64, noise=0.3)


def planted(n: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Texts (n, 20) and pictures (n, 30) that show the same five hidden things, and much else."""
    random = np.random.default_rng(seed)
    world = np.random.default_rng(99)
    hidden = random.normal(size=(n, 5))
    texts = hidden @ world.normal(size=(5, 20)) + random.normal(size=(n, 20)) * 0.5 + 3
    pictures = hidden @ world.normal(size=(5, 30)) + random.normal(size=(n, 30)) * 0.5 - 2
    return texts.astype(np.float32), pictures.astype(np.float32)


def test_what_was_planted_is_found_in_pairs_never_seen() -> None:
    texts, pictures = planted(400)
    rows = np.arange(400, dtype=np.int32)
    aligned = QUICK.fit(texts[:300], pictures[:300], rows[:300])
    unseen = aligned.astray(texts[300:], pictures[300:], rows[300:])
    assert unseen.mean() < 0.05
    exchanged = QUICK.fit(texts[:300], pictures[rows[:300][::-1]], rows[:300])
    assert exchanged.astray(texts[300:], pictures[300:], rows[300:]).mean() > 0.25


def test_vectors_are_unit_and_the_same_arguments_give_the_same_heads() -> None:
    texts, pictures = planted(100)
    labels = np.arange(100, dtype=np.int32)
    one, other = QUICK.fit(texts, pictures, labels), QUICK.fit(texts, pictures, labels)
    for mine, theirs, given in ((one.text, other.text, texts), (one.picture, other.picture, pictures)):
        placed = mine(given)
        assert placed.shape == (100, 8)
        assert placed.dtype == mine.axes.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(mine.axes, theirs.axes)


def test_the_gradient_is_that_of_the_loss() -> None:
    random = np.random.default_rng(4)
    inputs = [random.normal(size=(6, width)) for width in (5, 7)]
    heads = [random.normal(size=(width, 3)) for width in (5, 7)]
    labels = np.array([0, 1, 1, 2, 3, 4])
    same, temperature = labels[:, None] == labels[None], 0.5

    def loss(heads: list[NDArray[np.float64]]) -> float:
        """Symmetric InfoNCE written out case by case."""
        unit = [given @ head for given, head in zip(inputs, heads, strict=True)]
        unit = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in unit]
        total = 0.0
        for one, other in (unit, unit[::-1]):
            for place, vector in enumerate(one):
                told_apart = [row for row in range(6) if row == place or not same[place, row]]
                scores = np.exp(other[told_apart] @ vector / temperature)
                total -= np.log(scores[told_apart.index(place)] / scores.sum())
        return total / 12

    found = _gradients(inputs, heads, same, temperature)  # type: ignore[arg-type]
    for number, head in enumerate(heads):
        for place in np.ndindex(head.shape):
            steps = []
            for step in (1e-6, -1e-6):
                moved = [one.copy() for one in heads]
                moved[number][place] += step
                steps.append(loss(moved))
            assert found[number][place] == pytest.approx((steps[0] - steps[1]) / 2e-6, abs=1e-6)


def test_astray_counts_pictures_of_other_texts_that_are_nearer() -> None:
    flat = Head(np.zeros(2, np.float32), np.eye(2, dtype=np.float32))
    turned = np.deg2rad([0.0, 10.0, 30.0, 90.0])
    pictures = np.stack([np.cos(turned), np.sin(turned)], 1).astype(np.float32)
    texts = np.tile(np.array([1, 0], np.float32), (4, 1))
    found = Aligned(flat, flat).astray(texts, pictures, np.array([0, 1, 1, 2], np.int32))
    # the third's nearer pictures are the first and the second, of which the second is called the same
    np.testing.assert_allclose(found, [0, 1 / 2, 1 / 2, 1])


def test_fewer_pairs_than_a_batch_and_equal_labels_are_no_trouble() -> None:
    texts, pictures = planted(5)
    for labels in (np.arange(5), np.zeros(5)):
        aligned = Align(width=4, steps=5).fit(texts, pictures, labels.astype(np.int32))
        assert np.isfinite(aligned.picture(pictures)).all()
        assert np.isfinite(aligned.astray(texts, pictures, labels.astype(np.int32))).all()
