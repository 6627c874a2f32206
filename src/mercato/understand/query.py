"""A typed query in, words with the index terms they may stand for out: spelling, compounds and unfinished words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import log, log1p

import numpy as np

from mercato.schema import Word
from mercato.understand.spell import Near, Speller, reach
from mercato.words import Token, Vocabulary, normalise, query_tokens, stem

STOP_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
"""Left out of a query while other words remain."""

MOST_EXPANSIONS = 50
_UNFINISHED_WEIGHT = 0.8
_JOINED_WEIGHT = 0.9
_SHORTEST_JOINED = 4
_SHORTEST_PART = 3
_MOST_RELAXED = 5

# A noisy channel in logarithms: how common the term is, less what the error costs.
_EDIT_COST = 4.0
_FIRST_LETTER_COST = 2.0
_SPLIT_COST = 5.0
_MARGIN = log(10)
_MOST_CORRECTIONS = 3
_CORRECTION_WEIGHTS = {1: 0.7, 2: 0.5}
_SECOND_CHOICE = 0.8


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a query means: ``words`` to match, ``corrected`` the query in better spelling ("" when it was fine)."""

    words: tuple[Word, ...]
    corrected: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """One typed word as one or more words to match; ``shown``: what it was corrected to."""

    words: tuple[Word, ...]
    shown: str = ""


class Understanding:
    """Reads queries against one index's vocabulary.

    A word the shop knows is never corrected or extended, so a total counts what was asked for. An unknown word is, in
    this order: part of a compound, the beginning of known words (the last word only, while it is being typed), or a
    misspelling. What stays unknown has no terms and matches nothing; ``relax`` says what to leave out then.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._speller = Speller(vocabulary)

    def parse(self, query: str) -> Parsed:
        """The words of ``query``; any text is legal, and only its first 512 characters and 32 words are read.

        The set (a and b) or ab is asked for as (a or ab) and (b or ab): so "dish washer" finds "dishwasher" and
        "wd 40" finds "wd-40".
        """
        tokens = query_tokens(query)
        asked = [token for token in tokens if token.term not in STOP_WORDS] or tokens
        joins = self._joins(asked)
        typing = not query[-1:].isspace()
        reads = [
            self._read(token, joins[place], typing and place == len(asked) - 1) for place, token in enumerate(asked)
        ]
        corrected = _corrected(query, [(token.text, read.shown) for token, read in zip(asked, reads, strict=True)])
        return Parsed(tuple(word for read in reads for word in read.words), corrected, tuple(tokens))

    def relax(self, words: Sequence[Word]) -> Iterator[tuple[tuple[Word, ...], str]]:
        """Fewer and fewer words, each with the text of those left out, for a query that matches nothing.

        Words without terms go first. Of the five most informative (rarest) others every smaller choice comes, larger
        ones first and, among equals, those that keep the most information. The first that matches is the one to show.
        """
        known = [word for word in words if word.terms]
        if known and len(known) < len(words):
            yield tuple(known), _left_out(words, known)
        kept = sorted(range(len(known)), key=lambda place: -self._information(known[place]))[:_MOST_RELAXED]
        for size in range(min(len(known) - 1, _MOST_RELAXED), 0, -1):
            choices = combinations(sorted(kept), size)
            for choice in sorted(choices, key=lambda places: -sum(self._information(known[at]) for at in places)):
                chosen = [known[at] for at in choice]
                yield tuple(chosen), _left_out(words, chosen)

    def _information(self, word: Word) -> float:
        frequency = max(self._vocabulary.frequency(term) for term, _ in word.terms)
        return log1p(self._vocabulary.n / (1 + frequency))

    def _joins(self, tokens: Sequence[Token]) -> list[list[str]]:
        """For each word, the known compounds that it makes with the word before or after."""
        joins: list[list[str]] = [[] for _ in tokens]
        for place, (one, other) in enumerate(pairwise(tokens)):
            whole = stem(one.text + other.text)
            if len(whole) >= _SHORTEST_JOINED and whole != one.joined and whole in self._vocabulary:
                joins[place].append(whole)
                joins[place + 1].append(whole)
        return joins

    def _read(self, token: Token, joins: Sequence[str], unfinished: bool) -> _Read:
        weights = dict.fromkeys(joins, _JOINED_WEIGHT) | dict.fromkeys((token.joined, token.term), 1.0)
        terms = {term: weight for term, weight in weights.items() if term in self._vocabulary}
        parts = self._vocabulary.compounds.get(token.term, ())
        if parts and not token.joined:
            return _Read(tuple(Word(part, tuple({part: 1.0, **terms}.items())) for part in parts))
        if terms:
            return _Read((Word(token.text, tuple(sorted(terms.items(), key=lambda pair: -pair[1]))),))
        if unfinished and (expansions := self._expansions(token.text)):
            return _Read((Word(token.text, expansions),))
        return self._correction(token)

    def _expansions(self, text: str) -> tuple[tuple[str, float], ...]:
        """The most frequent terms that start with ``text``."""
        places = self._vocabulary.starting(text)
        if len(text) < 2 or (text[0].isdigit() and text[-1].isdigit()) or not places:
            return ()
        frequencies = self._vocabulary.frequencies[places.start : places.stop]
        order = np.lexsort((np.arange(len(places)), -frequencies))[:MOST_EXPANSIONS]
        return tuple((self._vocabulary.terms[places.start + int(at)], _UNFINISHED_WEIGHT) for at in order)

    def _correction(self, token: Token) -> _Read:
        """The likeliest known spellings of an unknown word, or the two known words it was written together from."""
        distance = reach(token.term)
        near = self._speller.near(token.term, distance) if distance else []
        scored = sorted(
            ((_likelihood(token.term, found), found) for found in near), key=lambda pair: (-pair[0], pair[1])
        )
        split, split_likelihood = self._split(token.text)
        if split and (not scored or split_likelihood > scored[0][0]):
            words = tuple(Word(part, ((stem(part), 1.0),)) for part in split)
            return _Read(words, " ".join(split))
        if not scored:
            return _Read((Word(token.text, ()),))
        best = [found for score, found in scored if score >= scored[0][0] - _MARGIN][:_MOST_CORRECTIONS]
        terms = tuple(
            (found.term, _CORRECTION_WEIGHTS[found.distance] * (1.0 if place == 0 else _SECOND_CHOICE))
            for place, found in enumerate(best)
        )
        return _Read((Word(token.text, terms),), self._vocabulary.spelling(best[0].term))

    def _split(self, text: str) -> tuple[tuple[str, str] | None, float]:
        """The likeliest two known words that ``text`` is when a space is put in, and its log likelihood."""
        best: tuple[tuple[str, str] | None, float] = (None, -np.inf)
        for at in range(_SHORTEST_PART, len(text) - _SHORTEST_PART + 1):
            one, other = text[:at], text[at:]
            rarer = min(self._vocabulary.frequency(stem(one)), self._vocabulary.frequency(stem(other)))
            if rarer and (likelihood := log1p(rarer) - _SPLIT_COST) > best[1]:
                best = (one, other), likelihood
        return best


def _likelihood(word: str, found: Near) -> float:
    first = _FIRST_LETTER_COST if found.term[0] != word[0] else 0.0
    return log1p(found.frequency) - _EDIT_COST * found.distance - first


def _left_out(words: Sequence[Word], kept: Sequence[Word]) -> str:
    return " ".join(word.text for word in words if not any(word is other for other in kept))


def _corrected(query: str, changes: Sequence[tuple[str, str]]) -> str:
    """``query`` with every changed word replaced; "" when there was none."""
    changes = [(text, shown) for text, shown in changes if shown and shown != text]
    if not changes:
        return ""
    written = normalise(query).replace("'", "")
    for text, shown in changes:
        written = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", shown, written, count=1)
    return written
