"""A typed query in, words with the index terms they may stand for out: spelling, compounds and unfinished words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import log1p

import numpy as np
from rapidfuzz.distance import OSA

from mercato.schema import Word
from mercato.understand.spell import Near, Speller, reach
from mercato.words import QUERY_CHARACTERS, UNITS, Token, Vocabulary, normalise, query_tokens, stem

STOP_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
"""Left out of a query while other words remain."""

MOST_EXPANSIONS = 50
_UNFINISHED_WEIGHT = 0.8
_JOINED_WEIGHT = 0.9
_SHORTEST_JOINED = 4
_SHORTEST_PART = 3
_MOST_RELAXED = 5
_HEAD, _MEASURE = 2.0, 0.5

# A noisy channel in logarithms: how common the term is, less what the error costs.
_EDIT_COST = 4.0
_FIRST_LETTER_COST = 2.0
_SPLIT_COST = 5.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a query means: ``words`` to match, ``corrected`` the query in better spelling ("" when it was fine)."""

    words: tuple[Word, ...]
    corrected: str
    tokens: tuple[Token, ...]


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

        A corrected query is read again as if it had been typed so: its total is the total of what is shown as
        ``corrected``. The set (a and b) or ab is asked for as (a or ab) and (b or ab): so "dish washer" finds
        "dishwasher" and "wd 40" finds "wd-40".
        """
        tokens = tuple(query_tokens(query))
        typing = not query[-1:].isspace()
        words, changes = self._read(tokens, typing)
        corrected = _replaced(query, changes)
        if corrected:
            words, _ = self._read(query_tokens(corrected), typing)
        return Parsed(words, corrected, tokens)

    def _read(self, tokens: Sequence[Token], typing: bool) -> tuple[tuple[Word, ...], list[tuple[str, str]]]:
        """The words to match, and what was misspelt with its correction."""
        asked = [token for token in tokens if token.term not in STOP_WORDS] or list(tokens)
        words: list[Word] = []
        changes: list[tuple[str, str]] = []
        for place, (token, joins) in enumerate(zip(asked, self._joins(asked), strict=True)):
            found = self._known(token, joins)
            if not found and typing and place == len(asked) - 1:
                found = self._unfinished(token.text)
            if not found and (shown := self._correction(token)):
                changes.append((token.text, shown))
            words.extend(found or (Word(token.text, ()),))
        return tuple(words), changes

    def relax(self, words: Sequence[Word]) -> Iterator[tuple[tuple[Word, ...], str]]:
        """Fewer and fewer words, each with the text of those left out, for a query that matches nothing.

        Words without terms go first. Of the five most telling others every smaller choice comes, the most telling
        first; the first that matches is the one to show. A rare word tells more; the last counts double, for product
        names end in what the thing is ("organic oat milk"), and a measure half. Measures alone are never offered.
        """
        known = [word for word in words if word.terms]
        if len(known) < len(words) and not all(map(_is_measure, known)):
            yield tuple(known), _left_out(words, known)
        information = [self._information(word) for word in known]
        information[-1:] = [_HEAD * last for last in information[-1:]]
        kept = sorted(range(len(known)), key=lambda place: -information[place])[:_MOST_RELAXED]
        sizes = range(1, min(len(known) - 1, _MOST_RELAXED) + 1)
        choices = [choice for size in sizes for choice in combinations(sorted(kept), size)]
        for choice in sorted(choices, key=lambda places: -sum(information[at] for at in places)):
            chosen = [known[at] for at in choice]
            if not all(map(_is_measure, chosen)):
                yield tuple(chosen), _left_out(words, chosen)

    def _information(self, word: Word) -> float:
        frequency = max(self._vocabulary.frequency(term) for term, _ in word.terms)
        return log1p(self._vocabulary.n / (1 + frequency)) * (_MEASURE if _is_measure(word) else 1.0)

    def _joins(self, tokens: Sequence[Token]) -> list[list[str]]:
        """For each word, the known compounds that it makes with the word before or after."""
        joins: list[list[str]] = [[] for _ in tokens]
        for place, (one, other) in enumerate(pairwise(tokens)):
            whole = stem(one.text + other.text)
            if len(whole) >= _SHORTEST_JOINED and whole != one.joined and whole in self._vocabulary:
                joins[place].append(whole)
                joins[place + 1].append(whole)
        return joins

    def _known(self, token: Token, joins: Sequence[str]) -> tuple[Word, ...]:
        whole = dict.fromkeys((token.term, token.joined), 1.0)
        weights = whole | {join: _JOINED_WEIGHT for join in joins if join not in whole}
        terms = {term: weight for term, weight in weights.items() if term in self._vocabulary}
        parts = self._vocabulary.compounds.get(token.term, ())
        if parts and not token.joined:
            return tuple(Word(part, tuple({**terms, part: 1.0}.items())) for part in parts)
        return (Word(token.text, tuple(terms.items())),) if terms else ()

    def _unfinished(self, text: str) -> tuple[Word, ...]:
        """One word that stands for the most frequent terms that start with ``text``."""
        places = self._vocabulary.starting(text)
        if len(text) < 2 or (text[0].isdigit() and text[-1].isdigit()) or not places:
            return ()
        frequencies = self._vocabulary.frequencies[places.start : places.stop]
        order = np.lexsort((np.arange(len(places)), -frequencies))[:MOST_EXPANSIONS]
        terms = (self._vocabulary.terms[places.start + int(at)] for at in order)
        return (Word(text, tuple((term, _UNFINISHED_WEIGHT) for term in terms)),)

    def _correction(self, token: Token) -> str:
        """The likeliest known spelling of an unknown word, or of two that were written together; "" when none is near.

        A term has several spellings (potato, potatoes): the one nearest to what was typed is shown.
        """
        distance = reach(token.term)
        near = self._speller.near(token.term, distance) if distance else []
        best = max(near, key=lambda found: _likelihood(token.term, found), default=None)
        split, split_likelihood = self._split(token.text)
        if best is None or split_likelihood > _likelihood(token.term, best):
            return split
        return min(self._vocabulary.written(best.term), key=lambda text: OSA.distance(text, token.text))

    def _split(self, text: str) -> tuple[str, float]:
        """``text`` with a space put in so that two known words come out, and the log likelihood of the best place."""
        best = "", -np.inf
        for at in range(_SHORTEST_PART, len(text) - _SHORTEST_PART + 1):
            one, other = text[:at], text[at:]
            rarer = min(self._vocabulary.frequency(stem(one)), self._vocabulary.frequency(stem(other)))
            if rarer and (likelihood := log1p(rarer) - _SPLIT_COST) > best[1]:
                best = f"{one} {other}", likelihood
        return best


def _likelihood(word: str, found: Near) -> float:
    first = _FIRST_LETTER_COST if found.term[0] != word[0] else 0.0
    return log1p(found.frequency) - _EDIT_COST * found.distance - first


def _is_measure(word: Word) -> bool:
    """Whether the word is a number or a unit and nothing else."""
    return all(term in UNITS or term[0].isdigit() for term, _ in word.terms)


def _left_out(words: Sequence[Word], kept: Sequence[Word]) -> str:
    return " ".join(word.text for word in words if not any(word is other for other in kept))


def _replaced(query: str, changes: Sequence[tuple[str, str]]) -> str:
    """``query`` with every misspelt word replaced; "" when there was none."""
    if not changes:
        return ""
    written = normalise(query[:QUERY_CHARACTERS]).replace("'", "")
    for text, shown in changes:
        written = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", shown, written, count=1)
    return written
