"""Deletion look-up misses nothing that a scan of the whole vocabulary finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from mercato.understand.spell import Speller, reach
from mercato.words import Vocabulary


def vocabulary(terms: list[str]) -> Vocabulary:
    terms = sorted(set(terms))
    return Vocabulary(terms, np.ones(len(terms), np.int64), [(term,) for term in terms], len(terms))


WORD = st.text("abcй", min_size=1, max_size=11)


@settings(max_examples=300, deadline=None)
@given(terms=st.lists(WORD, max_size=25), word=st.text("abcй", min_size=4, max_size=11), data=st.data())
def test_everything_near_is_found(terms: list[str], word: str, data: st.DataObject) -> None:
    edited = list(word)
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(edited)))
        edited[place : place + data.draw(st.integers(0, 1))] = data.draw(st.sampled_from(["", "a", "й"]))
    terms.append("".join(edited) or "a")
    known = vocabulary(terms)
    near = Speller(known).near(word, reach(word))
    expected = [term for term in known.terms if len(term) > 2 and OSA.distance(term, word) <= reach(word)]
    assert [found.term for found in near] == expected
    assert all(found.distance == OSA.distance(found.text, word) for found in near)


def test_spellings_are_compared_and_not_stems() -> None:
    known = Vocabulary(["watch"], np.array([9]), [("watches", "watch")], 9)
    (near,) = Speller(known).near("wathces", 1)
    assert (near.term, near.distance, near.text) == ("watch", 1, "watches")


def test_short_words_and_part_numbers_are_left_alone() -> None:
    assert [reach(word) for word in ("tea", "milk", "yoghurt", "broccoli", "wd40", "12345678")] == [0, 1, 1, 2, 0, 0]


def test_an_empty_vocabulary() -> None:
    assert Speller(vocabulary([])).near("milk", 1) == []
