"""Completions against a scan of every text, with typos, and from disk."""

from __future__ import annotations

from math import log1p
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.phrases import nearly
from mercato.retrieve.suggest import Suggest, SuggestIndex
from mercato.words import analyse, query_tokens

TITLES = [
    "Chocolate Milk",
    "Whole Milk",
    "Milk Chocolate",
    "whole milks",
    "Ice-Cream",
    "",
    "Milkshake",
    "有机绿茶",
    "Wine",
]
POPULARITY = np.array([30.0, 50.0, 10.0, 70.0, 2.0, 99.0, 40.0, 0.0, 20.0])
MILK, WINE = "Dairy > Milk", "Drinks > Wine"
AISLES = [MILK, MILK, MILK, MILK, "Frozen>Ice Cream", "", MILK, "Drinks > Tea", WINE]
CATEGORIES = [("Dairy", 40), (MILK, 30), ("Dairy > Milk > Chocolate Milk", 4), ("Frozen > Ice Cream", 9), (WINE, 8)]
QUERIES = [("milk", 9, 1), ("oat milk", 10, 0), ("!!", 50, -1), ("Oat milks", 2, 0), ("milk wine", 9, 8)]
BRANDS = [("Milka", 7), ("O'Neill", 3)]
NOTHING = {"queries": [], "categories": [], "brands": [], "products": []}


@pytest.fixture(scope="module")
def index() -> SuggestIndex:
    return Suggest().index(TITLES, POPULARITY, CATEGORIES, QUERIES, BRANDS, AISLES)


def test_products_that_read_alike_stand_for_the_most_popular(index: SuggestIndex) -> None:
    assert index.suggest("who")["products"] == [3]
    assert index.suggest("milk ch")["products"] == [0, 2]
    assert index.suggest("choc milk")["products"] == [0, 2]
    assert index.suggest("icecr")["products"] == [4]
    assert index.suggest("xyz") == NOTHING


def test_any_word_may_be_begun_and_what_begins_so_comes_first(index: SuggestIndex) -> None:
    assert index.suggest("mil")["products"] == [6, 3, 0, 2], "milkshake counts twice: it begins so"
    assert index.suggest("mil", 2)["products"] == [6, 3]
    assert index.suggest("mil", 2, products=3)["products"] == [6, 3, 0]


def test_chinese_is_begun_anywhere(index: SuggestIndex) -> None:
    for prefix in ("绿", "绿茶", "有机", "机绿"):
        assert index.suggest(prefix)["products"] == [7]
    assert index.suggest("红茶")["products"] == []


def test_categories_are_found_by_their_deepest_name(index: SuggestIndex) -> None:
    assert index.suggest("milk")["categories"] == [
        {"path": "Dairy > Milk", "name": "Milk", "parent": "Dairy", "count": 30},
        {"path": "Dairy > Milk > Chocolate Milk", "name": "Chocolate Milk", "parent": "Milk", "count": 4},
    ]
    assert index.suggest("dai")["categories"] == [{"path": "Dairy", "name": "Dairy", "parent": "", "count": 40}]


def test_brands_with_how_many_products(index: SuggestIndex) -> None:
    assert index.suggest("mil")["brands"] == [{"brand": "Milka", "count": 7}]
    assert index.suggest("onei")["brands"] == [{"brand": "O'Neill", "count": 3}]


def test_past_queries_once_each_by_how_many_asked(index: SuggestIndex) -> None:
    assert index.suggest("oat m")["queries"] == ["oat milk"]
    assert index.suggest("milk")["queries"] == ["milk", "milk wine", "oat milk"]


def test_what_the_shopper_takes_comes_first(index: SuggestIndex) -> None:
    assert index.suggest("w")["products"] == [3, 8]
    assert index.suggest("w", taken=np.array([8], np.int32))["products"] == [8, 3]
    assert index.suggest("w", taken=np.array([8, 1, 1, 1, 1], np.int32))["products"] == [3, 8]
    assert index.suggest("milk", taken=np.array([8], np.int32))["queries"] == ["milk wine", "milk", "oat milk"]
    assert index.suggest("", 1, taken=np.array([8], np.int32))["categories"][0]["path"] == WINE


def test_taste_counts_a_category_and_its_department(index: SuggestIndex) -> None:
    liked = dict(
        zip(
            sorted({"Dairy", "Drinks", "Frozen"}),
            index.liking(np.array([8, 7, 4, 1]))[index.tops == np.arange(len(index.tops))],
            strict=True,
        )
    )
    assert liked == {"Dairy": 0.25, "Drinks": 0.5, "Frozen": 0.25}
    wine = index.aisles[8]
    assert index.liking(np.array([8, 7, 4, 1]))[wine] == (0.25 + 0.5) / 2
    assert len(index.liking(np.array([5]))) == 0, "a product without a category says nothing"


def test_nothing_typed_gives_what_is_popular(index: SuggestIndex) -> None:
    found = index.suggest("", 2)
    assert found["products"] == [3, 6]
    assert found["queries"] == ["oat milk", "milk"]
    assert index.suggest("?!") == NOTHING


@pytest.mark.parametrize("typed", ["chocl", "cohco", "choxo", "chhoc", "chco"])
def test_one_typo_after_the_first_letter(index: SuggestIndex, typed: str) -> None:
    assert index.suggest(typed)["products"] == [0, 2]


def test_no_typo_in_short_words_numbers_or_first_letters(index: SuggestIndex) -> None:
    assert index.suggest("hwole")["products"] == index.suggest("mlk")["products"] == []
    assert Suggest().index(["tile 4550x"], np.ones(1)).suggest("4560")["products"] == []
    assert Suggest(typos=False).index(TITLES, POPULARITY).suggest("chocl")["products"] == []


WORDS = st.text("abc", min_size=1, max_size=6)


@given(st.sets(WORDS, max_size=12), st.text("abcd", min_size=2, max_size=6))
def test_near_beginnings_are_those_within_one_edit(words: set[str], typed: str) -> None:
    starts = {word[:size] for word in words for size in range(1, len(word) + 1)}
    others = {start for start in starts if start[0] == typed[0] and not start.startswith(typed)}
    expected = {start for start in others if OSA.distance(start, typed) == 1}
    assert {start for start in nearly(sorted(words), typed) if not start.startswith(typed)} == expected


def scanned(titles: list[str], popularity: list[int], prefix: str) -> list[int]:
    """Rows of what holds every beginning, read alike once, by the words of the law."""
    tokens, read = query_tokens(prefix), dict[tuple[str, ...], int]()
    for row in sorted(range(len(titles)), key=lambda row: (-popularity[row], len(titles[row]), row)):
        words = titles[row].split()
        if words:
            read.setdefault(tuple(token.term for token in analyse(titles[row])), row)
    rows = [
        row
        for row in read.values()
        if all(any(word.startswith(token.text) for word in titles[row].split()) for token in tokens)
    ]
    worth = {
        row: np.float32(log1p(popularity[row])) + np.float32(0.7) * titles[row].startswith(tokens[0].text)
        for row in rows
    }
    return sorted(rows, key=lambda row: (-worth[row], list(read.values()).index(row)))


@settings(max_examples=80)
@given(
    titles=st.lists(st.lists(st.sampled_from(["ab", "abc", "b", "bca", "ca"]), max_size=3).map(" ".join), max_size=15),
    prefix=st.text("abc ", min_size=1, max_size=6).filter(str.strip),
    seed=st.integers(0, 99),
    k=st.integers(1, 5),
)
def test_the_same_as_reading_every_title(titles: list[str], prefix: str, seed: int, k: int) -> None:
    popularity = np.random.default_rng(seed).integers(0, 4, len(titles)).tolist()
    found = Suggest(typos=False).index(titles, np.array(popularity)).suggest(prefix, k)["products"]
    assert found == scanned(titles, popularity, prefix)[:k]


@pytest.mark.parametrize("prefix", ["\ud800", "a" * 10_000, "\x00", "(((", "👩‍👩‍👧", "ﷺ" * 900, "mlkx " * 500])
def test_any_text_is_legal(index: SuggestIndex, prefix: str) -> None:
    assert set(index.suggest(prefix)) == set(NOTHING)


def test_saved_completions_answer_the_same(index: SuggestIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "suggest")
    loaded = SuggestIndex.load(tmp_path / "suggest")
    for prefix in ("", "mil", "chocl", "dai", "绿"):
        assert loaded.suggest(prefix) == index.suggest(prefix)
        assert loaded.suggest(prefix, taken=np.array([8, 7])) == index.suggest(prefix, taken=np.array([8, 7]))
    (tmp_path / "suggest" / "products-places.npy").unlink()
    with pytest.raises(ArtifactError):
        SuggestIndex.load(tmp_path / "suggest")


def test_an_empty_shop_and_lengths_that_differ() -> None:
    assert Suggest().index([], np.empty(0)).suggest("milk") == NOTHING
    assert Suggest().index([], np.empty(0)).suggest("") == NOTHING
    with pytest.raises(DataError):
        Suggest().index(["milk"], np.empty(0))
    with pytest.raises(DataError):
        Suggest().index(["milk"], np.ones(1), aisles=["a", "b"])
