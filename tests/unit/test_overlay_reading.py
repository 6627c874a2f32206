"""A reader brought to other rows reads their texts, and none of them twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mercato.rank.cross import Read
from mercato.schema import Scores


class Lengths:
    """Longer texts are wanted more; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        self.asked += texts
        return np.array([len(text) / 10 for text in texts])


def test_a_reader_over_other_rows() -> None:
    scorer = Lengths()
    first = Read(pairs=3).over(scorer, ["a", "bb"].__getitem__, clock=lambda: 0.0)
    assert np.allclose(first.read("x", np.array([0, 1])), [0.1, 0.2])
    other = first.over(["ccc", "bb", "dddd"].__getitem__)
    assert np.allclose(other.read("x", np.array([0, 1, 2])), [0.3, 0.2, 0.4])
    assert np.allclose(first.read("x", np.array([0, 1])), [0.1, 0.2])
    assert scorer.asked == ["a", "bb", "ccc", "dddd"]
