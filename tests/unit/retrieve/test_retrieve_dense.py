"""Semantic search: an honest cut-off, a loose form when nothing matches, and neighbours of anchors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.retrieve.dense import Dense, DenseIndex, Meaning, Similar, remembering
from shopping import asked

QUERY = np.array([1.0, 0.0], np.float32)
EVERY = np.ones(5, bool)


def towards(*cosines: float) -> np.ndarray:
    """Unit vectors (u, 2) with those cosines to QUERY."""
    return np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in cosines], np.float32)


def index(cutoff: float = 0.6) -> DenseIndex:
    """Five products with four texts: rows 1 and 4 share one."""
    return Dense().index(towards(0.9, 0.65, 0.58, 0.1), np.array([0, 1, 2, 3, 1], np.int32), cutoff)


def meaning(knows: Callable[[str], bool] = lambda word: False, **fields: float) -> Meaning:
    return Meaning(index(), lambda text: QUERY, knows, Dense(**fields))


@given(
    hundredths=st.lists(st.integers(-99, 99), min_size=1, max_size=12, unique=True),
    data=st.data(),
    precision=st.sampled_from([0.3, 0.5, 0.8, 1.0]),
)
def test_the_cutoff_is_the_lowest_cosine_that_is_precise_enough(
    hundredths: list[int], data: st.DataObject, precision: float
) -> None:
    vectors = towards(*(one / 100 for one in hundredths))
    member = np.array([data.draw(st.lists(st.booleans(), min_size=len(hundredths), max_size=len(hundredths)))])
    found = Dense(precision=precision, floor=0.4).cutoff(QUERY[None], vectors, member)
    cosines = (QUERY[None] @ vectors.T)[0]
    precise = [
        cosine for cosine in cosines if cosine >= np.float32(0.4) and member[0][cosines >= cosine].mean() >= precision
    ]
    if precise:
        assert found == pytest.approx(min(precise))
    else:
        hits = cosines[cosines >= np.float32(0.4)]
        assert found == 0.4 if not len(hits) else found > hits.max(), "nothing is better than something wrong"


def test_hits_below_the_cutoff_are_no_hits() -> None:
    ranking = meaning().nearest("couch", EVERY, 5)
    assert ranking.rows.tolist() == [0, 1, 4], "rows 1 and 4 have one text: the lower row first"
    np.testing.assert_allclose(ranking.scores, [0.9, 0.65, 0.65], rtol=1e-6)


def test_an_empty_query_means_nothing() -> None:
    assert len(meaning().nearest("  ", EVERY, 5)) == 0


def test_the_closest_lies_near_the_nearest_but_never_below_the_floor() -> None:
    def rows(**fields: float) -> list[int]:
        asked = meaning(**fields)
        return np.flatnonzero(asked.closest(asked.cosines("couch"), "couch")).tolist()

    assert rows(floor=0.2, margin=0.1) == [0]
    assert rows(floor=0.2, margin=0.3) == [0, 1, 4]
    assert rows(floor=0.6, margin=0.9) == [0, 1, 4]
    assert rows(floor=0.95, margin=0.9) == []


def test_the_floor_is_lower_where_every_word_is_known() -> None:
    asked = meaning(knows={"soft", "couch"}.__contains__, floor=0.95, known_floor=0.85, margin=0.1)
    cosines = asked.cosines("couch")
    assert [np.flatnonzero(asked.closest(cosines, query)).tolist() for query in ("Soft couch!", "soft qzxq")] == [
        [0],
        [],
    ]


def test_nothing_is_said_in_a_script_that_is_not_understood() -> None:
    unread = replace(index(), unread=frozenset({"han"}))
    asked = Meaning(unread, lambda text: QUERY)
    assert len(asked.cosines("绿茶")) == len(asked.cosines("tea 绿茶")) == 0
    assert len(asked.nearest("绿茶", EVERY, 5)) == 0
    assert len(asked.cosines("tea")) == 5


def test_similar_leaves_the_anchors_out_and_names_the_nearest_one() -> None:
    similar = Similar(index())
    request = asked(anchors=(0, 3))
    ranking = similar.retrieve(request, EVERY, 5)
    assert set(ranking.rows.tolist()) == {1, 2, 4}
    assert similar.source(request, 1) == 0
    assert similar.source(asked(anchors=(2, 3)), 1) == 2
    assert similar.source(asked(), 1) is None
    assert len(similar.retrieve(asked(), EVERY, 5)) == 0


def test_a_saved_index_comes_back(tmp_path: Path) -> None:
    index(0.61).save(tmp_path / "dense")
    loaded = DenseIndex.load(tmp_path / "dense")
    assert loaded.cutoff == 0.61
    assert np.array_equal(loaded.cosines(QUERY), index().cosines(QUERY))


class Counting:
    """An encoder that counts its calls."""

    dimension = 2

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, texts: list[str]) -> np.ndarray:
        self.calls += 1
        return np.repeat(QUERY[None], len(texts), axis=0)

    def knows(self, word: str) -> bool:
        return False


def test_a_text_is_encoded_once() -> None:
    encoder = Counting()
    encode = remembering(encoder, most=2)
    for text in ("a", "b", "a", "b"):
        assert np.array_equal(encode(text), QUERY)
    assert encoder.calls == 2
