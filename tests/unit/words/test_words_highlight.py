"""Where words stand in a text: the index's own reading, spans of the text as written, excerpts that cut nothing."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.schema import Word
from mercato.words import analyse, normalise, tokenise
from mercato.words.highlight import Highlighter, Marked
from mercato.words.locate import locate

WRITTEN = "abxé1239 -'\"/.,%x×绿茶ーコ한½™ß’\u0301\u200b\n😀"
TEXTS = st.text(WRITTEN, max_size=30) | st.text(max_size=30).filter(lambda text: "<" not in text and "&" not in text)


def asked(*words: str) -> Highlighter:
    """A query as understanding reads it: a compound is asked for as each part or the whole."""
    return Highlighter(
        [
            Word(token.text, tuple((term, 1.0) for term in (token.term, token.joined) if term))
            for word in words
            for token in analyse(word)
        ]
    )


def shown(highlighter: Highlighter, text: str) -> str:
    return highlighter.mark(text).html("[", "]")


@settings(max_examples=200)
@given(TEXTS)
def test_every_word_is_found_where_it_is_written(text: str) -> None:
    found = locate(text)
    assert [one.token for one in found] == analyse(text)
    assert [one.start for one in found] == sorted(one.start for one in found)
    for one in found:
        assert 0 <= one.start < one.end <= len(text)
        assert bare(one.token.text) in bare(text[one.start : one.end])


def bare(text: str) -> str:
    """Without what the reading of words leaves out of the middle of one."""
    return re.sub(r"['\". %]", "", normalise(text))


@given(TEXTS, TEXTS)
def test_spans_are_apart_and_only_of_words_that_match(query: str, text: str) -> None:
    marked = asked(query).mark(text)
    spans = marked.spans
    assert all(start < stop for start, stop in spans)
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    assert not spans or (spans[0][0] >= 0 and spans[-1][1] <= len(text))
    wanted = {term for token in analyse(query) for term in (token.term, token.joined)} - {""}
    held = {term for token in analyse(text) for term in (token.term, token.joined, *token.also)}
    assert bool(spans) == bool(wanted & held)


@pytest.mark.parametrize(
    ("query", "text", "expected"),
    [
        ("wd40", "WD-40 Multi-Use", "[WD-40] Multi-Use"),
        ("40", "WD-40, wd-40", "WD-[40], wd-[40]"),
        ("wd-40", "WD-40 WD-40", "[WD-40] [WD-40]"),
        ("cookie", "COOKIES/Cookie jar", "[COOKIES]/[Cookie] jar"),
        ("creme brulee", "Crème Brûlée cre\u0300me", "[Crème] [Brûlée] [cre\u0300me]"),
        ("2 liter", "½ l, 2L and 2 Litres of 2.", "½ [l], [2L] and [2] [Litres] of [2]."),
        ("1/2 gallon", "½ gal", "[½] [gal]"),
        ("13 inch", "13'' wide 13″ pan", "[13''] wide [13″] pan"),
        ("kids", "Kid's and KIDS’ toys", "[Kid's] and [KIDS]’ toys"),
        ("usa", "Made in U.S.A.", "Made in [U.S.A]."),
        ("strasse fine", "ﬁne Straße", "[ﬁne] [Straße]"),
        ("绿茶", "红茶绿茶 茶", "红茶[绿茶] 茶"),
        ("绿茶", "绿色的茶", "[绿]色的[茶]"),
        ("茶", "红茶绿茶", "红[茶]绿[茶]"),
        ("iphone 手机", "手机壳iPhone12", "[手机]壳[iPhone]12"),
        ("コーヒー", "コーヒー豆", "[コーヒー]豆"),
        ("한국", "한국어", "[한국]어"),
        ("milk", "😀milk😀", "😀[milk]😀"),
        ("zerowidth", "zero\u200bwidth", "[zero\u200bwidth]"),
        ("b milk", "<b class='milk'>milk</b> &milk;", "<b class='milk'>[milk]</b> &milk;"),
        ("oat", "", ""),
        ("", "oat", "oat"),
    ],
)
def test_what_stands_for_a_word_is_marked(query: str, text: str, expected: str) -> None:
    assert unescape(shown(asked(query), text)) == unescape(expected)


def test_the_words_found_are_said() -> None:
    highlighter = Highlighter([Word("mlik", (("milk", 0.9),)), Word("oat", (("oat", 1.0),)), Word("xyz", ())])
    assert highlighter.mark("Oat milk").words == ("mlik", "oat")
    assert not highlighter.mark("Oat milk").every
    assert Highlighter([Word("oat", (("oat", 1.0),))]).mark("oats").every
    assert asked("绿茶").mark("绿茶").every
    assert not asked("").mark("oat").every


@given(TEXTS, TEXTS)
def test_markup_takes_nothing_away_and_escapes_everything(query: str, text: str) -> None:
    marked = asked(query).mark(text + "<i>&amp;'\"")
    pieces = re.split("(<em>.*?</em>)", marked.html(), flags=re.DOTALL)
    assert not any("<" in piece.removeprefix("<em>").removesuffix("</em>") for piece in pieces)
    assert unescape("".join(piece.removeprefix("<em>").removesuffix("</em>") for piece in pieces)) == marked.text


@given(TEXTS, TEXTS)
def test_utf16_spans_cut_what_python_spans_cut(query: str, text: str) -> None:
    marked = asked(query).mark(text)
    units = marked.text.encode("utf-16-le", "surrogatepass")
    cut = [units[2 * start : 2 * stop].decode("utf-16-le", "surrogatepass") for start, stop in marked.utf16()]
    assert cut == [marked.text[start:stop] for start, stop in marked.spans]


SENTENCE = "One plain sentence about nothing much. "


def test_an_excerpt_begins_with_the_sentence_that_holds_the_words() -> None:
    text = 20 * SENTENCE + "Our oat milk foams well. " + 20 * SENTENCE
    excerpt = asked("oat milk").excerpt(text)
    assert excerpt.text.startswith("…Our oat milk foams well. One plain")
    assert excerpt.text.endswith("…")
    assert excerpt.html("[", "]").startswith("…Our [oat] [milk] foams")


def test_an_excerpt_prefers_the_place_with_more_of_the_words() -> None:
    text = "Milk. " + 10 * SENTENCE + "Milk and milk. " + 10 * SENTENCE + "Milk of oats. " + 10 * SENTENCE
    assert "Milk of oats" in asked("oat milk").excerpt(text).text


def test_an_excerpt_of_nothing_found_is_the_beginning() -> None:
    excerpt = asked("oat").excerpt(20 * SENTENCE)
    assert excerpt.text.startswith("One plain")
    assert excerpt == Marked(excerpt.text)
    assert 120 < len(excerpt.text) <= 160
    assert asked("oat").excerpt("Short.") == Marked("Short.")


WORDS = st.lists(
    st.sampled_from(["oat", "Milk", "milk-free", "of", "a", "b.", "绿茶", "😀", "<b>", "é", 40 * "x", "c!\n", "&amp;"])
)


@given(WORDS, st.integers(12, 60))
def test_an_excerpt_is_short_enough_and_cut_out_of_the_text(words: list[str], width: int) -> None:
    text = " ".join(words)
    whole, excerpt = asked("oat milk 绿茶").mark(text), asked("oat milk 绿茶").excerpt(text, width)
    assert len(excerpt.text) <= width
    inner = excerpt.text.removeprefix("…").removesuffix("…")
    assert inner in text
    assert bool(excerpt.spans) == bool(whole.spans)
    for start, stop in excerpt.spans:
        assert set(tokenise(excerpt.text[start:stop])) & {"oat", "milk", "绿茶", "milkfree", "绿", "茶"}


@pytest.mark.parametrize(
    "text", ["milk " * 5000, "<" * 9000, "a" * 16_000, "é" * 9000, "绿茶" * 4000, "'" * 9000, "&#" * 5000]
)
def test_hostile_text_is_marked_too(text: str) -> None:
    assert len(asked("milk a 绿茶").excerpt(text).text) <= 160
