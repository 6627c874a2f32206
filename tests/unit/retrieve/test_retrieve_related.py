"""Related searches against cosines worked out by hand, misspellings against every query, and from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.related import Related, RelatedIndex

TEXTS = ["oat milk", "soy milk", "milk oat", "wine", "corkscrew", "13 inch tv", "15 inch tv", "headphones", "hedphones"]
SHOPPERS = np.array([40, 30, 10, 20, 6, 20, 3, 200, 5])
CHOSEN = [(0, 1, 30), (0, 2, 5), (1, 1, 20), (1, 3, 4), (2, 1, 9), (3, 5, 10), (5, 6, 9), (6, 6, 9), (7, 7, 3)]
STEPS = [(3, 4, 5), (0, 1, 3), (8, 7, 4)]


def edges(given: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first, second, counts = np.array(given, np.int32).reshape(-1, 3).T
    return first, second, counts.astype(np.int64)


@pytest.fixture(scope="module")
def index() -> RelatedIndex:
    return Related().index(TEXTS, SHOPPERS, edges(CHOSEN), edges(STEPS), 10)


def test_same_products_or_asked_in_one_visit(index: RelatedIndex) -> None:
    assert index.related("Oat milks") == ["soy milk"], "not the same words in another order"
    assert index.related("soy milk") == ["oat milk"], "of two that say the same, the more related"
    assert index.related("wine") == ["corkscrew"]
    assert index.related("corkscrew") == ["wine"], "whichever came first"
    assert index.related("xyz") == []


def test_a_query_nobody_asked_is_related_by_what_it_finds(index: RelatedIndex) -> None:
    assert index.related("grains of rice", shown=np.array([5, 3], np.int32)) == ["wine", "soy milk"]
    assert index.related("grains of rice", k=1, shown=np.array([5, 3], np.int32)) == ["wine"]
    assert index.related("grains of rice", shown=np.array([9], np.int32)) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("headpones", "headphones"),
        ("HEADPHOENS", "headphones"),
        ("hedphones", "headphones"),
        ("headphones", ""),
        ("headphone", ""),
        ("oat milk", ""),
        ("oat mlik", "oat milk"),
        ("14 inch tv", ""),
        ("13 inhc tv", "13 inch tv"),
        ("win", ""),
        ("wne", ""),
        ("wien", "wine"),
        ("", ""),
        ("\ud800", ""),
        ("x" * 10_000, ""),
    ],
)
def test_what_a_misspelt_query_meant(index: RelatedIndex, typed: str, meant: str) -> None:
    assert index.meant(typed) == meant


LETTERS = (
    st.text("ab ", min_size=4, max_size=9).map(lambda text: " ".join(text.split())).filter(lambda text: len(text) > 3)
)


@given(st.lists(LETTERS, max_size=8, unique=True), LETTERS)
def test_meant_is_the_nearest_of_all(texts: list[str], typed: str) -> None:
    shoppers = np.arange(len(texts), 0, -1) + 10
    found = Related().index(texts, shoppers, edges([]), edges([]), 1).meant(typed)
    reach = 1 if len(typed) < 8 else 2
    near = [(OSA.distance(text, typed), at) for at, text in enumerate(texts)]
    expected = [texts[at] for distance, at in sorted(near) if 0 < distance <= reach]
    assert found == ("" if typed in texts or not expected else expected[0])


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(1, 9)), max_size=15, unique_by=lambda edge: edge[:2]
    )
)
def test_scores_are_cosines(chosen: list[tuple[int, int, int]]) -> None:
    texts = ["ape", "bear", "cat", "dog", "emu", "fox"]
    index = Related(floor=1e-9).index(texts, np.full(6, 9), edges(chosen), edges([]), 7)
    table = np.zeros((6, 7))
    for query, row, count in chosen:
        table[query, row] = np.log1p(count)
    lengths = np.linalg.norm(table, axis=1)
    for query in range(6):
        worth = {
            texts[other]: table[query] @ table[other] / (lengths[query] * lengths[other])
            for other in range(6)
            if other != query and table[query] @ table[other] > 0
        }
        found = index.related(texts[query])
        assert set(found) == set(worth)
        assert [worth[text] for text in found] == pytest.approx(sorted(worth.values(), reverse=True))


def test_saved_answers_are_the_same(index: RelatedIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "related")
    loaded = RelatedIndex.load(tmp_path / "related")
    for text in (*TEXTS, "headpones"):
        assert loaded.related(text) == index.related(text)
        assert loaded.meant(text) == index.meant(text)
    shown = np.array([5, 3], np.int32)
    assert loaded.related("rice", shown=shown) == index.related("rice", shown=shown)
    (tmp_path / "related" / "others.npy").unlink()
    with pytest.raises(ArtifactError):
        RelatedIndex.load(tmp_path / "related")


def test_nothing_asked_yet(tmp_path: Path) -> None:
    empty = Related().index([], np.empty(0, np.int64), edges([]), edges([]), 3)
    empty.save(tmp_path / "related")
    loaded = RelatedIndex.load(tmp_path / "related")
    assert loaded.related("milk", shown=np.array([1], np.int32)) == []
    assert loaded.meant("milk") == ""


@pytest.mark.parametrize(
    ("chosen", "steps"), [([(1, 0, 3)], []), ([(0, 3, 3)], []), ([], [(0, 1, 3)]), ([], [(1, 0, 3)])]
)
def test_numbers_out_of_range_are_refused(
    chosen: list[tuple[int, int, int]], steps: list[tuple[int, int, int]]
) -> None:
    with pytest.raises(DataError):
        Related().index(["milk"], np.ones(1, np.int64), edges(chosen), edges(steps), 3)
