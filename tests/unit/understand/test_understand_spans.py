"""Where each word of a query stands, and what is left when some are taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.understand.spans import normalised, placed, without
from mercato.words import query_tokens


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("Levi's 501 Jeans", ["levi's", "501", "jeans"]),
        ("u.s.a. 2 x 4", ["u.s.a", "2", "4"]),
        ('13" tv 5%', ["13", '"', "tv", "5", "%"]),
        ("红色连衣裙", ["红", "色", "连", "衣", "裙"]),
        ("WD-40 1,000 ml", ["wd", "40", "1,000", "ml"]),
        ("カメラ ケース", ["カメ", "メラ", "ケー", "ース"]),
        ("the the 11 1", ["the", "the", "11", "1"]),
    ],
)
def test_words_stand_where_they_were_written(query: str, texts: list[str]) -> None:
    text = normalised(query)
    assert [text[word.start : word.end] for word in placed(text)] == texts


@given(st.text(alphabet="ab1 2'.-\"%x红é$½,/", max_size=14))
def test_a_place_holds_the_letters_of_its_word(query: str) -> None:
    text = normalised(query)
    words = placed(text)
    assert [word.token for word in words] == query_tokens(text)
    for word in words:
        letters, there = (filter(str.isalnum, part) for part in (word.token.text, text[word.start : word.end]))
        assert "".join(letters) == "".join(there)


@given(st.text(max_size=40))
def test_any_text_has_places_inside_it(query: str) -> None:
    text = normalised(query)
    assert all(0 <= word.start < word.end <= len(text) for word in placed(text))


def test_what_is_taken_out_leaves_one_space() -> None:
    assert without("red shoes under 50 size 10", [(10, 18)]) == "red shoes size 10"
    assert without("50元以下的耳机", [(0, 5)]) == "耳机"
    assert without("under 50", [(0, 8)]) == ""


def test_a_word_before_what_is_taken_out_is_no_longer_typed() -> None:
    assert without("mil under 5", [(4, 11)]) == "mil "
    assert without("under 5 mil", [(0, 7)]) == "mil"
