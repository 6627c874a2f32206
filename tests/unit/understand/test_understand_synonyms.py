"""Synonyms against a reader who tries every way of saying a query, one after the other."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.retrieve.lexical import Lexical, LexicalIndex
from mercato.schema import Word
from mercato.understand.synonyms import MOST_CLAUSES, Run, Synonyms, widened

LETTERS = "abcdef"


def index_of(*texts: str) -> LexicalIndex:
    return Lexical().index({"title": texts})


def words_of(index: LexicalIndex, terms: list[str]) -> list[tuple[Word, ...]]:
    return [(Word(term, ((term, 1.0),) if term in index.vocabulary else ()),) for term in terms]


def matched(index: LexicalIndex, terms: list[str], synonyms: Synonyms) -> dict[int, float]:
    found = widened(terms, words_of(index, terms), synonyms, index.vocabulary)
    assert len(found) == len(terms)
    words = [word for told in found for word in told]
    assert all(0 < weight <= 1 for word in words for _, weight in word.terms)
    rows, scores = index.match(words, np.ones(index.vocabulary.n, bool))
    return dict(zip(rows.tolist(), scores.tolist(), strict=True))


def ways(terms: list[str], synonyms: Synonyms) -> list[set[str]]:
    """Every set of words that the query may be said with: the longest runs from the left, each in any of its ways."""
    segments: list[list[Run]] = []
    start = 0
    while start < len(terms):
        runs = [tuple(terms[start : start + size]) for size in range(len(terms) - start, 0, -1)]
        run = next((one for one in runs if one in synonyms), runs[-1])
        segments.append([run, *(other for other, _ in synonyms.get(run, ()))])
        start += len(run)
    return [{term for run in way for term in run} for way in product(*segments)]


TEXTS = st.lists(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=4).map(" ".join), min_size=1, max_size=12)
RUN = st.lists(st.sampled_from(LETTERS), min_size=1, max_size=2).map(tuple)
SYNONYMS = st.dictionaries(RUN, st.lists(RUN, min_size=1, max_size=2).map(lambda o: tuple((r, 0.8) for r in o)))


@given(texts=TEXTS, terms=st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3), synonyms=SYNONYMS)
def test_what_matches_is_what_any_way_of_saying_it_matches(
    texts: list[str], terms: list[str], synonyms: Synonyms
) -> None:
    index = index_of(*texts)
    said = ways(terms, synonyms)
    expected = {row for row, text in enumerate(texts) if any(way <= set(text.split()) for way in said)}
    assert set(matched(index, terms, synonyms)) == expected


@given(
    common=st.integers(1, 6),
    rare=st.integers(1, 6),
    own=st.sampled_from([("a",), ("a", "b")]),
    other=st.sampled_from([("c",), ("c", "d")]),
)
def test_a_synonym_scores_below_the_word_itself_however_rare_it_is(
    common: int, rare: int, own: Run, other: Run
) -> None:
    said = [own] * common + [other] * rare + [("z",)] * 20
    texts = [" ".join([*run, "y"][:2]) for run in said]
    scores = matched(index_of(*texts), list(own), {own: ((other, 0.8),)})
    ours = [score for row, score in scores.items() if row < common]
    theirs = [score for row, score in scores.items() if common <= row < common + rare]
    assert len(ours) == common
    assert len(theirs) == rare
    assert max(theirs) < min(ours)


def test_the_word_itself_scores_as_it_did_without_synonyms() -> None:
    index = index_of("tv stand", "flat screen stand", "lamp", "tv")
    alone = matched(index, ["tv", "stand"], {})
    both = matched(index, ["tv", "stand"], {("tv",): ((("flat", "screen"), 0.8),)})
    assert both[0] == pytest.approx(alone[0], rel=1e-5)
    assert set(both) == {0, 1}


def test_a_word_no_product_holds_is_known_by_its_synonym() -> None:
    index = index_of("sofa", "lamp")
    assert set(matched(index, ["couch"], {("couch",): ((("sofa",), 0.8),)})) == {0}
    assert matched(index, ["couch"], {("couch",): ((("settee",), 0.8),)}) == {}


def test_words_left_out_of_queries_are_left_out_of_synonyms() -> None:
    index = index_of("state art museum", "modern museum")
    found = widened(
        ["modern"],
        words_of(index, ["modern"]),
        {("modern",): ((("state", "of", "the", "art"), 0.8),)},
        index.vocabulary,
        frozenset({"of", "the"}),
    )
    rows, _ = index.match([word for told in found for word in told], np.ones(2, bool))
    assert rows.tolist() == [0, 1]


def test_too_many_ways_leave_the_last_ones_out() -> None:
    terms = [f"t{n}" for n in range(5)]
    index = index_of("a", *[" ".join(terms)] * 3)
    others = tuple((tuple(terms), 0.8) for _ in range(4))
    found = widened(["a"], words_of(index, ["a"]), {("a",): others}, index.vocabulary)
    assert 1 < len(found[0]) <= MOST_CLAUSES
    rows, _ = index.match(found[0], np.ones(4, bool))
    assert rows.tolist() == [0, 1, 2, 3]
