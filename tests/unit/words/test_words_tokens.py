"""One reading of words for documents and queries: spelling variants meet, hostile text costs linear time."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mercato.words import (
    QUERY_CHARACTERS,
    QUERY_WORDS,
    TEXT_CHARACTERS,
    analyse,
    normalise,
    query_tokens,
    stem,
    tokenise,
)


def terms(text: str) -> list[str]:
    return [token.term for token in analyse(text)]


@pytest.mark.parametrize(
    "variants",
    [
        ["2l", "2 l", "2 L.", "2 liter", "2 Litre", "2-liter", "2 liters", "2.0 l"],
        ["13in", '13"', "13 inch", "13-inch", "13 inches", "13''", "13″", "13”"],
        ["1/2 gallon", "½ gal", "½gal", "1⁄2 gallons"],
        ["14.5 oz", "14.50oz", "14.5-ounce", "14,5 oz"],
        ["1,000 ct", "1000 count"],
        ["12 fl oz", "12 fluid ounces"],
        ["6-pack", "6 pk", "6pack"],
        ["5lb8oz", "5 lbs 8 oz"],
        ["5' x 9'", "5ft x 9ft", "5 feet 9 feet"],
        ["2% milk", "2 percent milk"],
        ["12x355ml", "12 × 355 ml", "12 x 355ml"],
    ],
)
def test_quantities_are_read_alike(variants: list[str]) -> None:
    assert len({tuple(terms(text)) for text in variants}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kid's", "kids"),
        ("Kids’", "kid"),
        ("L'Oréal", "loreal"),
        ("CRÈME BRÛLÉE", "creme brulee"),
        ("Straße", "strasse"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("Ёлка", "елка"),
        ("القَهْوَة", "القهوة"),
        ("U.S.A.", "usa"),
        ("zero\u200bwidth", "zerowidth"),
        ("\u202emilk\u202c", "milk"),
        ("mi\x00lk", "milk"),
        ("Brand™", "brand"),
        ("١٢ oz", "12 oz"),
        ("\ud800milk", "milk"),
    ],
)
def test_ways_to_write_one_word_meet(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_in_between_numbers_is_no_inch() -> None:
    assert terms("3 in 1") == ["3", "in", "1"]
    assert "3in1" in tokenise("3-in-1 shampoo")
    assert terms("3in1") == ["3in1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WD-40", ["wd", "40", "wd40"]),
        ("wd40", ["wd", "40", "wd40"]),
        ("non-dairy", ["non", "dairi", "nondairi"]),
        ("M&M's", ["m", "ms", "mms"]),
        ("KX-TG7875S", ["kx", "tg7875s", "kxtg7875s"]),
        ("B07XJ8C8F5", ["b07xj8c8f5"]),
        ("COOKIES/CONES", ["cooki", "cone"]),
        ("1 pound cake", ["1", "lb", "pound", "cake"]),
        ("80's", ["80", "s", "80s"]),
    ],
)
def test_a_document_is_found_by_parts_and_whole(text: str, expected: list[str]) -> None:
    assert tokenise(text) == expected


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("box", "boxes"), ("brush", "brushes"), ("peach", "peaches"), ("glass", "glasses"), ("tomato", "tomatoes"),
        ("berry", "berries"), ("cookie", "cookies"), ("pie", "pies"), ("shoe", "shoes"), ("size", "sizes"),
        ("knife", "knives"), ("headache", "headaches"), ("toy", "toys"), ("fry", "fries"), ("lens", "lenses"),
        ("quiche", "quiches"), ("axe", "axes"), ("child", "children"), ("banana", "bananas"), ("house", "houses"),
    ],
)  # fmt: skip
def test_singular_and_plural_share_a_stem(singular: str, plural: str) -> None:
    assert stem(singular) == stem(plural)


@pytest.mark.parametrize("word", ["glass", "gas", "swiss", "bus", "asparagus", "hummus", "wd40", "ёлка", "茶", "is"])
def test_no_plural_is_seen_where_there_is_none(word: str) -> None:
    assert stem(word) == word


def test_different_words_keep_different_stems() -> None:
    words = ["glass", "glas", "new", "news", "bus", "gas", "pie", "pi", "shoe", "show", "can", "cane"]
    assert len({stem(word) for word in words}) == len(words)


def test_chinese_is_read_by_characters_and_pairs_other_unspaced_scripts_by_pairs() -> None:
    assert tokenise("绿茶叶") == ["绿", "绿茶", "茶", "茶叶", "叶"]
    assert terms("绿茶 iPhone12") == ["绿", "茶", "iphone", "12"]
    assert terms("コーヒー") == ["コー", "ーヒ", "ヒー"]
    assert {"ก", "กา"} <= set(tokenise("กาแฟ"))
    assert terms("茶") == ["茶"]
    assert tokenise("हिन्दी") == ["हिन्दी"]


@given(st.text(max_size=60))
@example("İstanbul ŉ ſ ẞ ΐ")
@example("\u1e9b\u0323")
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not [c for c in once if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]


@given(st.text(max_size=80))
def test_any_text_gives_clean_terms(text: str) -> None:
    for term in tokenise(text):
        assert term
        assert term == term.strip()
        assert not any(character.isspace() for character in term)
        assert term.encode("utf-8")


@given(st.text(alphabet="ab1 -'\"/.x%&2绿ー", max_size=40))
def test_everything_a_query_asks_for_is_in_a_document_of_the_same_text(text: str) -> None:
    document = set(tokenise(text))
    for token in query_tokens(text):
        assert token.term in document
        assert token.joined in document | {""}


@pytest.mark.parametrize(
    "piece",
    ["a", "1,", "-", "1/2", "\u0301", "\u0316\u0301", "a-", "'", "a.b.", "1 x ", "\u202e", "👩‍👩‍👧", "茶", "ﷺ", "½",
     "1'", "\ud800", "((((a"],
)  # fmt: skip
def test_hostile_text_is_cut(piece: str) -> None:
    text = piece * 20_000
    assert len(query_tokens(text)) <= QUERY_WORDS
    assert sum(len(token.text) for token in query_tokens(text)) <= 18 * QUERY_CHARACTERS
    assert len(normalise(text)) <= 18 * TEXT_CHARACTERS
    assert all(len(term) <= 64 for term in tokenise(text))
