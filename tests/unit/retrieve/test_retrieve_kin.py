"""What nobody took is judged by its nearest relatives, and by no text of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.retrieve.kin import Kin, KinLane, Relatives
from mercato.schema import Mask, Ranking, Request, Rows, Scores
from shopping import asked


class Fixed:
    """A lane with one number a row."""

    def __init__(self, said: Scores) -> None:
        self.said = said

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        rows = np.flatnonzero(allowed)
        return Ranking.best_first(rows, self.said[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        return self.said[rows]


def unit(random: np.random.Generator, texts: int) -> np.ndarray:
    vectors = random.normal(size=(texts, 5)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), texts=st.integers(2, 12), n=st.integers(1, 20))
def test_the_weighted_mean_of_the_nearest_texts_that_somebody_took(seed: int, texts: int, n: int) -> None:
    random = np.random.default_rng(seed)
    vectors, text_of = unit(random, texts), random.integers(texts, size=n).astype(np.int32)
    taken, said = random.random(n) < 0.6, random.random(n)
    relatives = Kin(relatives=4, sharpness=2.0, block=3).fit(vectors)
    assert relatives is not None
    lane = KinLane(relatives, text_of, taken, Fixed(said))
    found = lane.score(asked(), np.arange(n, dtype=np.int32))
    for row in range(n):
        own = text_of[row]
        cosines = vectors @ vectors[own]
        near = [text for text in np.argsort(-cosines, kind="stable") if text != own][:4]
        total = weight = 0.0
        for text in near:
            mine = said[(text_of == text) & taken]
            if len(mine):
                total += max(float(cosines[text]), 0.0) ** 2 * float(mine.mean())
                weight += max(float(cosines[text]), 0.0) ** 2
        np.testing.assert_allclose(found[row], total / max(weight, 1e-9), rtol=1e-4, atol=1e-6)
        source = lane.source(asked(), row)
        assert source is None or (taken[source] and text_of[source] in near)
    listed = lane.retrieve(asked(), np.ones(n, bool), 5)
    assert not taken[listed.rows].any(), "only what nobody took is found by its relatives"


def test_too_many_texts_have_no_relatives(tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(0), 6)
    assert Kin(most=5).fit(vectors) is None
    assert Kin().fit(vectors[:1]) is None
    kept = Kin(relatives=3).fit(vectors)
    assert kept is not None
    kept.save(tmp_path / "relatives")
    read = Relatives.load(tmp_path / "relatives")
    assert np.array_equal(read.near, kept.near)
    assert np.array_equal(read.weights, kept.weights)
