"""The files of general knowledge that ship with the search, held to their form line by line."""

from __future__ import annotations

from importlib.resources import files

import pytest

from mercato.understand.query import STOP_WORDS
from mercato.words import normalise, query_tokens

LANGUAGES = ("en", "zh")
KINDS = {"abbreviation", "synonym", "symptom", "use"}
HEADER = "kind\tsaid\tmeant"
SEPARATOR = "; "
MOST_ALTERNATIVES = 8
MOST_WORDS = 4
"""Of the shopper, stop words left out."""


def lines_of(language: str) -> list[str]:
    return files("mercato.understand").joinpath(f"lexicon_{language}.tsv").read_text("utf-8").splitlines()


def entries_of(language: str) -> list[tuple[str, str, list[str]]]:
    cells = [line.split("\t") for line in lines_of(language)[1:]]
    return [(kind, said, meant.split(SEPARATOR)) for kind, said, meant in cells]


def terms_of(text: str) -> tuple[str, ...]:
    """As a query is read, stop words left out: what the synonyms of a query are found by."""
    terms = tuple(token.term for token in query_tokens(text))
    return tuple(term for term in terms if term not in STOP_WORDS) or terms


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_has_a_known_kind_and_three_filled_cells(language: str) -> None:
    header, *lines = lines_of(language)
    assert header == HEADER
    assert lines
    for line in lines:
        cells = line.split("\t")
        assert len(cells) == 3, line
        assert all(cell and cell == cell.strip() for cell in cells), line
        assert cells[0] in KINDS, line


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_written_as_the_words_are_read(language: str) -> None:
    for _, said, alternatives in entries_of(language):
        for text in (said, *alternatives):
            assert text == normalise(text), text
            assert query_tokens(text), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_twice(language: str) -> None:
    read: dict[tuple[str, ...], str] = {}
    for _, said, _ in entries_of(language):
        terms = terms_of(said)
        assert terms not in read, f"{said!r} reads as {read[terms]!r}"
        read[terms] = said


@pytest.mark.parametrize("language", LANGUAGES)
def test_alternatives_are_few_different_and_not_what_was_said(language: str) -> None:
    for _, said, alternatives in entries_of(language):
        read = [terms_of(alternative) for alternative in alternatives]
        assert len(read) <= MOST_ALTERNATIVES, said
        assert len(set(read)) == len(read), said
        assert terms_of(said) not in read, said


def test_some_alternative_finds_what_the_words_said_do_not() -> None:
    """Whatever matches an alternative that holds every word said was already found by these. Only in English: terms of
    Chinese are characters, which other words share."""
    for _, said, alternatives in entries_of("en"):
        words = set(terms_of(said))
        assert not all(words <= set(terms_of(alternative)) for alternative in alternatives), said


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_words_leave_no_bare_letter_or_number(language: str) -> None:
    """ "a/c" is read as "c" once "a" is left out, and would widen every query with a letter c."""
    for _, said, _ in entries_of(language):
        terms = terms_of(said)
        assert len("".join(terms)) > 1, said
        assert len("".join(terms)) > 2 or not "".join(terms).isdigit(), said


def test_what_is_said_in_english_is_short() -> None:
    for _, said, _ in entries_of("en"):
        assert len(terms_of(said)) <= MOST_WORDS, said
