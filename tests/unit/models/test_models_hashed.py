"""The fallback knows spelling, and nothing else."""

from __future__ import annotations

import numpy as np

from mercato.models.hashed import HashEncoder


def test_spelling_is_near() -> None:
    right, typo, plural, other = HashEncoder().encode(["velvet sofa", "velvte sofa", "velvet sofas", "garden hose"])
    assert right @ plural > right @ typo > 0.3 > abs(right @ other)


def test_case_width_and_spaces_do_not_count() -> None:
    np.testing.assert_array_equal(*HashEncoder().encode(["Blue  SOFA", "ｂｌｕｅ sofa"]))


def test_vectors_never_change() -> None:
    """Kept vectors outlive the process: the hash must be the same everywhere and for ever."""
    vector = HashEncoder(8).encode(["soup"])[0]
    np.testing.assert_array_equal(np.sign(vector), [-1, 0, -1, 0, 0, -1, 0, 0])


def test_trigrams_that_cancel_out_still_give_a_direction() -> None:
    texts = [f"{letter}{other}" for letter in "abcdefghij" for other in "klmnopqrst"]
    np.testing.assert_allclose(np.linalg.norm(HashEncoder(1).encode(texts), axis=1), 1)
