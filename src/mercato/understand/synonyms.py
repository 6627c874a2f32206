"""The words of a query and what else may stand for them in, words that match either out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log1p
from types import MappingProxyType

from mercato.schema import Word
from mercato.words import Vocabulary

Run = tuple[str, ...]
Synonyms = Mapping[Run, tuple[tuple[Run, float], ...]]
"""Index terms in a row → what else may stand for them, each with what it counts, below 1."""

NO_SYNONYMS: Synonyms = MappingProxyType({})
MOST_CLAUSES = 12
"""A synonym that would make more words of one run than this is left out: every word is a pass over its postings."""


def widened(
    terms: Sequence[str],
    words: Sequence[Sequence[Word]],
    synonyms: Synonyms,
    vocabulary: Vocabulary,
    ignored: frozenset[str] = frozenset(),
) -> list[tuple[Word, ...]]:
    """``words`` that ask for every run of ``synonyms`` as it is or as one of its synonyms.

    ``terms`` are the index terms of a query, ``words`` what each is asked for as (a word that the index does not know
    has no terms); ``ignored`` terms of synonyms are left out, as they are from queries. The answer runs parallel to
    ``terms``: the words of a run of several stand at its first term, none at the others.

    A set of words is matched by all of them, so (a and b) or c is asked for as (a or c) and (b or c), and a or (c and
    d) as (a or c) and (a or d). A synonym scores below the word itself: in a word whose own terms are commoner, its
    weight shrinks by as much as it is rarer. Runs are found from the left, the longest first.
    """
    known = {_without(run, ignored): others for run, others in synonyms.items()}
    longest = max(map(len, known), default=0)
    found: list[tuple[Word, ...]] = []
    while len(found) < len(terms):
        start = len(found)
        spans = (tuple(terms[start : start + size]) for size in range(min(longest, len(terms) - start), 0, -1))
        run = next((span for span in spans if span in known), (terms[start],))
        own = [word for told in words[start : start + len(run)] for word in told]
        others = [(_without(other, ignored), weight) for other, weight in known.get(run, ())]
        found.append(_either(own, others, vocabulary))
        found.extend(() for _ in run[1:])
    return found


def _either(own: Sequence[Word], others: Sequence[tuple[Run, float]], vocabulary: Vocabulary) -> tuple[Word, ...]:
    """``own`` words or any of ``others``; what the index does not know wholly can match nothing and is left out.

    What is asked for twice counts half each time, so that a run weighs the same beside the rest of the query.
    """
    clauses = [(word, _commonest(word, vocabulary), dict(word.terms)) for word in own]
    for other, weight in others:
        if not other or not all(term in vocabulary for term in other) or len(clauses) * len(other) > MOST_CLAUSES:
            continue
        clauses = [
            (word, common, {term: weight * min(1.0, common / _idf(term, vocabulary)), **terms})
            for word, common, terms in clauses
            for term in other
        ]
    share = len(own) / max(len(clauses), 1)
    return tuple(
        Word(
            word.text,
            tuple((term, weight * share) for term, weight in terms.items()),
            word.information,
            1.0 if word.terms else max(terms.values(), default=1.0),
        )
        for word, _, terms in clauses
    )


def _commonest(word: Word, vocabulary: Vocabulary) -> float:
    """The least that one of the word's own terms tells; without limit where it has none."""
    return min((_idf(term, vocabulary) for term, _ in word.terms), default=float("inf"))


def _idf(term: str, vocabulary: Vocabulary) -> float:
    """As the index counts it (retrieve.lexical)."""
    frequency = vocabulary.frequency(term)
    return log1p((vocabulary.n - frequency + 0.5) / (frequency + 0.5))


def _without(run: Run, ignored: frozenset[str]) -> Run:
    return tuple(term for term in run if term not in ignored) or run
