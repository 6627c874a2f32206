"""Completions against a scan of every text, with typos, and from disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.suggest import Suggest, SuggestIndex
from mercato.words import query_tokens

TITLES = ["Chocolate Milk", "Whole Milk", "Milk Chocolate", "Whole Milk", "Ice-Cream", "", "Milkshake", "绿茶"]
POPULARITY = np.array([3.0, 5.0, 1.0, 7.0, 2.0, 99.0, 4.0, 0.0])
CATEGORIES = [("Dairy", 40), ("Dairy > Milk", 30), ("Dairy > Milk > Chocolate Milk", 4), ("Frozen > Ice Cream", 9)]
QUERIES = [("milk", 9), ("Milk ", 2), ("oat milk", 10), ("!!", 50)]


@pytest.fixture(scope="module")
def index() -> SuggestIndex:
    return Suggest().index(TITLES, POPULARITY, CATEGORIES, QUERIES)


def test_products_are_distinct_titles_by_popularity(index: SuggestIndex) -> None:
    assert index.suggest("mil")["products"] == [3, 6, 0, 2]
    assert index.suggest("mil", 2)["products"] == [3, 6]
    assert index.suggest("milk ch")["products"] == [0, 2]
    assert index.suggest("choc milk")["products"] == [0, 2]
    assert index.suggest("icecr")["products"] == [4]
    assert index.suggest("绿")["products"] == [7]
    assert index.suggest("xyz") == {"queries": [], "categories": [], "products": []}


def test_categories_are_found_by_their_deepest_name(index: SuggestIndex) -> None:
    assert index.suggest("milk")["categories"] == [
        {"path": "Dairy > Milk", "count": 30},
        {"path": "Dairy > Milk > Chocolate Milk", "count": 4},
    ]
    assert index.suggest("dai")["categories"] == [{"path": "Dairy", "count": 40}]


def test_past_queries_by_how_often(index: SuggestIndex) -> None:
    assert index.suggest("oat m")["queries"] == ["oat milk"]
    assert index.suggest("milk")["queries"] == ["milk", "oat milk"]


def test_nothing_typed_gives_what_is_popular(index: SuggestIndex) -> None:
    found = index.suggest("", 2)
    assert found["products"] == [3, 6]
    assert found["queries"] == ["milk", "oat milk"]
    assert index.suggest("?!")["products"] == []


def test_one_typo_after_the_first_letter(index: SuggestIndex) -> None:
    assert index.suggest("chocl")["products"] == index.suggest("choco")["products"] == [0, 2]
    assert index.suggest("cohco")["products"] == [0, 2]
    assert index.suggest("wohle")["products"] == [3]
    assert Suggest(typos=False).index(TITLES, POPULARITY).suggest("chocl")["products"] == []


@settings(max_examples=150, deadline=None)
@given(
    titles=st.lists(st.lists(st.sampled_from(["ab", "abc", "b", "bca", "ca"]), max_size=3).map(" ".join), max_size=15),
    prefix=st.text("abc ", min_size=1, max_size=6).filter(str.strip),
    seed=st.integers(0, 99),
    k=st.integers(1, 5),
)
def test_the_same_as_reading_every_title(titles: list[str], prefix: str, seed: int, k: int) -> None:
    popularity = np.random.default_rng(seed).integers(0, 4, len(titles))
    expected: dict[str, int] = {}
    for row in sorted(range(len(titles)), key=lambda row: -popularity[row]):
        words = titles[row].split()
        if words and all(any(word.startswith(token.text) for word in words) for token in query_tokens(prefix)):
            expected.setdefault(titles[row], row)
    found = Suggest(typos=False).index(titles, popularity).suggest(prefix, k)["products"]
    assert found == list(expected.values())[:k]


@pytest.mark.parametrize("prefix", ["\ud800", "a" * 10_000, "\x00", "(((", "👩‍👩‍👧", "ﷺ" * 900, "mlk " * 500])
def test_any_text_is_legal(index: SuggestIndex, prefix: str) -> None:
    assert set(index.suggest(prefix)) == {"queries", "categories", "products"}


def test_saved_completions_answer_the_same(index: SuggestIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "suggest")
    loaded = SuggestIndex.load(tmp_path / "suggest")
    for prefix in ("", "mil", "chocl", "dai", "绿"):
        assert loaded.suggest(prefix) == index.suggest(prefix)
    (tmp_path / "suggest" / "products-places.npy").unlink()
    with pytest.raises(ArtifactError):
        SuggestIndex.load(tmp_path / "suggest")


def test_an_empty_shop_and_lengths_that_differ() -> None:
    assert Suggest().index([], np.empty(0)).suggest("milk") == {"queries": [], "categories": [], "products": []}
    with pytest.raises(DataError):
        Suggest().index(["milk"], np.empty(0))
