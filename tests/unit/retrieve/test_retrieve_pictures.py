"""The nearest picture counts, words and photo add up, and what is served is what was learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.errors import ArtifactError
from mercato.retrieve.align import Aligned, Head
from mercato.retrieve.pictures import Looks, PictureIndex, Pictures
from mercato.schema import Request
from shopping import asked

SAME = Head(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))
X, Y, Z = np.eye(3, dtype=np.float32)
EVERY = np.ones(6, bool)


def unit(*numbers: float) -> NDArray[np.float32]:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


def index(cutoff: float = 0.5) -> PictureIndex:
    """Six products: 0 and 1 with one picture, 3 with two, 5 with one; 2 and 4 with none."""
    vectors = np.stack([X, unit(1, 1, 0), Y, unit(1, 0, 1), Z])
    return PictureIndex(vectors, np.array([0, 1, 3, 3, 5], np.int32), 6, SAME, SAME, cutoff)


WORDS = {"up": Z, "right": X, "left": -X}


def looks(words: float = 1.0) -> Looks:
    return Looks(index(), WORDS.__getitem__, words)


def photo(vector: NDArray[np.float32], query: str = "") -> Request:
    return asked(picture=vector, query=query)


@given(data=st.data(), n=st.integers(1, 8), m=st.integers(1, 12))
def test_a_product_is_as_near_as_its_nearest_picture(data: st.DataObject, n: int, m: int) -> None:
    rows = np.array(sorted(data.draw(st.lists(st.integers(0, n - 1), min_size=m, max_size=m))), np.int32)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = random.normal(size=(m, 3)).astype(np.float32)
    found = PictureIndex(vectors, rows, n, SAME, None, 0.5).cosines(X)
    slow = [
        max((float(vectors[place] @ X) for place in range(m) if rows[place] == row), default=0.0) for row in range(n)
    ]
    np.testing.assert_allclose(found, slow, rtol=1e-6)


def test_a_photo_finds_what_looks_alike_best_first() -> None:
    found = looks().retrieve(photo(unit(1, 0.1, 0)), EVERY, 3)
    assert found.rows.tolist() == [0, 1, 3]
    assert looks().score(photo(X), np.array([2, 4, 5])).tolist() == [0, 0, 0]
    assert looks().retrieve(photo(X), EVERY & (np.arange(6) != 0), 1).rows.tolist() == [1]


def test_words_alone_find_what_they_say() -> None:
    assert looks().retrieve(asked(query="up"), EVERY, 9).rows.tolist() == [5, 3]


def test_photo_and_words_add_up() -> None:
    both = photo(unit(1, 1, 0), "up")
    assert looks().retrieve(both, EVERY, 1).rows.tolist() == [3]  # of whose pictures one is half right, half up
    assert looks(0.0).retrieve(both, EVERY, 1).rows.tolist() == [1]
    wanted = (unit(1, 1, 0) + Z) / np.sqrt(2)
    np.testing.assert_allclose(looks().score(both, np.arange(6, dtype=np.int32)), index().cosines(wanted), atol=1e-6)


def test_words_that_take_the_photo_back_leave_nothing() -> None:
    assert not len(looks().retrieve(photo(X, "left"), EVERY, 9))


@pytest.mark.parametrize(
    "lane",
    [
        Looks(index(), None),
        Looks(PictureIndex(index().vectors, index().rows, 6, SAME, None, 0.5), WORDS.__getitem__),
        looks(),
    ],
    ids=["no encoder", "no common space", "no words"],
)
def test_where_words_say_nothing_the_photo_decides(lane: Looks) -> None:
    query = "" if lane.encode is not None and lane.index.text is not None else "up"
    assert lane.retrieve(photo(X, query), EVERY, 1).rows.tolist() == [0]
    if query:
        assert not len(lane.retrieve(asked(query=query), EVERY, 9))


def test_like_a_product_without_itself() -> None:
    request = asked(anchors=(0,))
    found = looks().retrieve(request, EVERY, 9)
    assert found.rows.tolist() == [1, 3]
    assert looks().source(request, 3) == 0
    assert (
        looks().source(
            asked(
                anchors=(
                    1,
                    5,
                )
            ),
            3,
        )
        == 1
    )  # Y is as near to 1 as 5's is to the other: the first
    assert not len(looks().retrieve(asked(anchors=(2,)), EVERY, 9))
    assert looks().source(asked(anchors=(2,)), 3) is None
    assert looks().source(photo(X), 3) is None
    assert not len(looks().retrieve(asked(), EVERY, 9))


def test_like_a_product_as_words_say() -> None:
    request = asked(anchors=(1,), query="up")
    wanted = (unit(1, 1, 0) + Z) / np.sqrt(2)
    scores = index().cosines(wanted)
    scores[1] = 0
    np.testing.assert_allclose(looks().score(request, np.arange(6, dtype=np.int32)), scores, atol=1e-6)
    assert looks().near(request).tolist() == [0, 3, 5]
    assert looks().source(request, 3) == 1


def test_two_photos_of_one_shopper_at_one_moment_are_two_requests() -> None:
    lane, first = looks(), photo(X)
    second = photo(Z)
    assert lane.retrieve(first, EVERY, 1).rows.tolist() == [0]
    assert lane.retrieve(second, EVERY, 1).rows.tolist() == [5]


def test_near_is_above_the_cutoff() -> None:
    cosines = index(0.7).cosines(X)
    assert index(0.7).near(cosines).tolist() == [True, True, False, True, False, False]
    assert index(0.8).near(cosines).tolist() == [True, False, False, False, False, False]


def two_kinds(n: int = 120) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Pictures on one of two sides, and which."""
    random = np.random.default_rng(0)
    kinds = random.integers(0, 2, n).astype(np.int32)
    vectors = random.normal(size=(n, 10)).astype(np.float32) * 0.1 + 5
    vectors[:, 0] += np.where(kinds == 1, 1, -1)
    return vectors, kinds


def test_without_words_pictures_are_told_apart_by_how_they_differ() -> None:
    vectors, kinds = two_kinds()
    rows = np.arange(len(kinds), dtype=np.int32)
    found = Pictures(width=4, precision=0.9).index(vectors, rows, kinds, encoder="abc")
    assert found.vectors.shape == (len(kinds), 4)
    assert found.text is None
    assert found.encoder == "abc"
    for row in (0, 1, 2, 3):
        near = found.near(found.cosines(found.picture(vectors[row : row + 1])[0]))
        assert (kinds[near] == kinds[row]).mean() > 0.9
        assert near.sum() > 20


def test_kinds_that_are_not_known_teach_no_cutoff() -> None:
    vectors, kinds = two_kinds()
    rows = np.arange(len(kinds), dtype=np.int32)
    assert Pictures(floor=0.3).index(vectors, rows, np.full_like(kinds, -1)).cutoff == 0.3
    assert Pictures(floor=0.3).index(vectors[:1], rows[:1], kinds).cutoff == 0.3


@pytest.mark.parametrize("aligned", [None, Aligned(SAME, SAME)])
def test_what_is_loaded_is_what_was_saved(tmp_path: Path, aligned: Aligned | None) -> None:
    vectors = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    made = Pictures(width=2).index(vectors, index().rows, np.zeros(6, np.int32), aligned, "abc")
    made.save(tmp_path / "pictures")
    loaded = PictureIndex.load(tmp_path / "pictures")
    assert (loaded.n, loaded.cutoff, loaded.encoder) == (made.n, made.cutoff, "abc")
    assert (loaded.text is None) == (aligned is None)
    given = made.picture(vectors)[0]
    np.testing.assert_array_equal(loaded.picture(vectors)[0], given)
    np.testing.assert_array_equal(loaded.cosines(given), made.cosines(given))


@pytest.mark.parametrize("gone", ["about.json", "vectors.npy", "text-axes.npy"])
def test_an_incomplete_index_is_refused(tmp_path: Path, gone: str) -> None:
    index().save(tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(ArtifactError, match="train again"):
        PictureIndex.load(tmp_path)
