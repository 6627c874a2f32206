"""What is generally known of words: said in the shop's own words or not at all, and below the word itself."""

from __future__ import annotations

import numpy as np

from mercato.retrieve.lexical import Lexical
from mercato.understand.lexicon import KINDS, Entry, Lexicon, entries
from mercato.understand.query import Understanding

TITLES = ["Toilet paper", "Paper towels", "Pain reliever", "Rose bunch", "Crushed ice", "Card game", "TP link router"]
INDEX = Lexical().index({"title": TITLES})
ENTRIES = [
    Entry("abbreviation", "tp", ("toilet paper",)),
    Entry("synonym", "kitchen roll", ("lozenges", "paper towels")),
    Entry("synonym", "golf", ("golf clubs",)),
    Entry("symptom", "sore throat", ("lozenges", "pain reliever")),
]
LEXICON = Lexicon.of(INDEX.vocabulary, ENTRIES)


def found(query: str, words: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Titles that hold every word of ``query``, best first."""
    read = Understanding(INDEX.vocabulary, LEXICON, words.__contains__).parse(query + " ")
    rows, scores = INDEX.match(read.words, np.ones(len(TITLES), bool))
    return [TITLES[row] for row in rows[np.argsort(-scores, kind="stable")]]


def test_what_is_meant_is_found_after_what_is_said() -> None:
    assert found("tp") == ["TP link router", "Toilet paper"]
    assert found("kitchen roll") == ["Paper towels"]
    assert found("sore throat") == [], "that is no other word for it"


def test_what_the_shop_does_not_have_stands_for_nothing() -> None:
    assert LEXICON.synonyms(["golf"]) == {}
    assert LEXICON.synonyms(["kitchen"]) == {("kitchen", "roll"): ((("paper", "towel"), 0.8),)}
    assert LEXICON.needs == {"sore throat": (("pain", "reliever"),)}


def test_a_synonym_of_the_shop_replaces_what_is_generally_known() -> None:
    read = Understanding(INDEX.vocabulary, LEXICON).parse("tp ", {("tp",): ((("rose",), 0.9),)})
    assert {term for word in read.words for term, _ in word.terms} == {"tp", "rose"}


def test_a_word_of_the_language_is_no_misspelling() -> None:
    reader = Understanding(INDEX.vocabulary, LEXICON, {"mice", "nose", "hard"}.__contains__)
    assert Understanding(INDEX.vocabulary).parse("mice ").corrected == "ice"
    assert reader.parse("mice ").corrected == ""
    assert [read.corrected for read in reader.respelled("mice ")] == []
    assert reader.parse("hard game ").corrected == ""
    assert "card game" in [read.corrected.strip() for read in reader.respelled("hard game ")], "a slip of the hand"


def test_every_entry_that_comes_with_mercato_can_be_read() -> None:
    assert all(entry.kind in KINDS and entry.said and all(entry.meant) for entry in entries())
