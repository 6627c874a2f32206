"""A typed query in, words with the index terms they may stand for out: spelling, compounds and unfinished words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from math import log1p
from typing import NamedTuple

import numpy as np

from mercato.schema import Word
from mercato.understand.lexicon import NO_LEXICON, Lexicon
from mercato.understand.spell import Near, Speller, reach
from mercato.understand.synonyms import NO_SYNONYMS, Synonyms, widened
from mercato.words import QUERY_CHARACTERS, UNITS, Token, Vocabulary, normalise, query_tokens, stem

STOP_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
"""Left out of a query while other words remain."""

MOST_EXPANSIONS = 50
_UNFINISHED_WEIGHT = 0.8
_JOINED_WEIGHT = 0.9
_SHORTEST_JOINED = 4
_SHORTEST_PART = 3
_HEAD, _MEASURES = 2.0, 0.25
_MOST_SPELLINGS = 4
_MOST_READINGS = 12
_RARE, _EXCHANGE = 2, 10

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


class _Spelling(NamedTuple):
    """What a word may be meant as, and the logarithm of how likely that is."""

    text: str
    likelihood: float


class Understanding:
    """Reads queries against one index's vocabulary.

    A word the shop knows is never corrected or extended, so a total counts what was asked for. An unknown word is, in
    this order: part of a compound, the beginning of known words (the last word only, while it is being typed), or a
    misspelling, unless it is a word of the language (``is_word``): "mice" is no misspelling of ice in a shop without
    mice. What stays unknown has no terms and matches nothing. What the ``lexicon`` says stands for a word counts as its
    synonym.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        lexicon: Lexicon = NO_LEXICON,
        is_word: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._vocabulary, self._lexicon, self._is_word = vocabulary, lexicon, is_word
        self._speller: Speller | None = Speller(vocabulary)

    def as_typed(self) -> Understanding:
        """The same reader that corrects nothing: a word that the shop does not have matches nothing."""
        literal = copy(self)
        literal._speller = None
        return literal

    def parse(self, query: str, synonyms: Synonyms = NO_SYNONYMS) -> Parsed:
        """The words of ``query``; any text is legal, and only its first 512 characters and 32 words are read.

        A corrected query is read again as if it had been typed so: its total is the total of what is shown as
        ``corrected``. The set (a and b) or ab is asked for as (a or ab) and (b or ab): so "dish washer" finds
        "dishwasher" and "wd 40" finds "wd-40". A run of words with ``synonyms`` asks for any of them.
        """
        tokens = tuple(query_tokens(query))
        words, unknown = self._read(tokens, synonyms, typing=not query[-1:].isspace())
        spelled = {token: self._corrections(token)[:1] for token in unknown if not self._is_word(token.text)}
        changes = [(token, best[0]) for token, best in spelled.items() if best]
        return self._replaced(query, tokens, words, changes, synonyms)

    def respelled(self, query: str, synonyms: Synonyms = NO_SYNONYMS) -> Iterator[Parsed]:
        """Other readings, the likeliest first, for a query that matches nothing: further corrections of a word that
        nothing holds, and a common word instead of one that hardly any product holds. One word changes at a time."""
        tokens = tuple(query_tokens(query))
        words, unknown = self._read(tokens, synonyms, typing=not query[-1:].isspace())
        words_of_it = {token for token in unknown if self._is_word(token.text)}
        best = {
            token: found[0] for token in unknown if token not in words_of_it and (found := self._corrections(token))
        }
        others: list[tuple[float, Token, _Spelling]] = []
        for token in dict.fromkeys(tokens):
            if token in words_of_it:
                # a word alone is meant as it is; beside others it may be a slip of the hand
                spellings = self._corrections(token) if len(tokens) > len(unknown) else []
            else:
                spellings = self._corrections(token)[1:] if token in unknown else self._meant(token)
            others += [(spelling.likelihood, token, spelling) for spelling in spellings]
        others.sort(key=lambda found: (-found[0], found[2].text))
        for _, token, spelling in islice(others, _MOST_READINGS):
            yield self._replaced(query, tokens, words, list({**best, token: spelling}.items()), synonyms)

    def _replaced(
        self,
        query: str,
        tokens: tuple[Token, ...],
        words: tuple[Word, ...],
        changes: Sequence[tuple[Token, _Spelling]],
        synonyms: Synonyms,
    ) -> Parsed:
        """The reading of ``query`` (that of ``words`` as it is) with every ``changes`` made."""
        corrected = _written(query, [(token.text, spelling.text) for token, spelling in changes])
        if corrected:
            words, _ = self._read(query_tokens(corrected), synonyms, typing=not query[-1:].isspace())
        return Parsed(self._informed(words), corrected, tokens)

    def _read(
        self, tokens: Sequence[Token], synonyms: Synonyms, *, typing: bool
    ) -> tuple[tuple[Word, ...], list[Token]]:
        """The words to match, and the words that are not known."""
        asked = [token for token in tokens if token.term not in STOP_WORDS] or list(tokens)
        read: list[tuple[Word, ...]] = []
        for place, (token, joins) in enumerate(zip(asked, self._joins(asked), strict=True)):
            found = self._known(token, joins)
            if not found and typing and place == len(asked) - 1:
                found = self._unfinished(token.text)
            read.append(found or (Word(token.text, ()),))
        terms = [token.term for token in asked]
        if others := {**self._lexicon.synonyms(terms), **synonyms}:
            read = widened(terms, read, others, self._vocabulary, STOP_WORDS)
        words = tuple(word for each in read for word in each)
        nothing = [bool(each) and not any(word.terms for word in each) for each in read]
        return words, [token for token, unknown in zip(asked, nothing, strict=True) if unknown]

    def _informed(self, words: Sequence[Word]) -> tuple[Word, ...]:
        """``words`` with how much each tells: a rare one more; the last known one counts double, for product names end
        in what the thing is ("organic oat milk"). Measures together tell a quarter of the rest at most: two litres of
        anything are no answer."""
        measures = [_is_measure(word) for word in words]
        head = max((place for place, word in enumerate(words) if word.terms and not measures[place]), default=-1)
        told = [self._information(word) * (_HEAD if place == head else 1.0) for place, word in enumerate(words)]
        rest = sum(
            each for each, word, measure in zip(told, words, measures, strict=True) if word.terms and not measure
        )
        measured = sum(each for each, measure in zip(told, measures, strict=True) if measure)
        if measured > 0 and not all(measures):
            few = min(1.0, _MEASURES * rest / measured)
            told = [each * few if measure else each for each, measure in zip(told, measures, strict=True)]
        return tuple(replace(word, information=each) for word, each in zip(words, told, strict=True))

    def _information(self, word: Word) -> float:
        frequency = max((self._vocabulary.frequency(term) for term, _ in word.terms), default=0)
        return log1p(self._vocabulary.n / (1 + frequency)) * word.sure

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

    def _corrections(self, token: Token) -> list[_Spelling]:
        """The likeliest known spellings of an unknown word, two that were written together among them."""
        if self._speller is None:
            return []
        distance = reach(token.text)
        near = self._speller.near(token.text, distance) if distance else []
        found = [_Spelling(one.text, _likelihood(token.text, one)) for one in near]
        split, likelihood = self._split(token.text)
        if split:
            found.append(_Spelling(split, likelihood))
        return sorted(found, key=lambda one: (-one.likelihood, one.text))[:_MOST_SPELLINGS]

    def _meant(self, token: Token) -> list[_Spelling]:
        """Common words one edit from a known word that hardly any product holds: a misspelling may be a word too."""
        own = self._vocabulary.frequency(token.term)
        if self._speller is None or token.joined or own > _RARE or reach(token.text) == 0:
            return []
        near = [one for one in self._speller.near(token.text, 1) if one.frequency > _EXCHANGE * own]
        found = [_Spelling(one.text, _likelihood(token.text, one) - _EDIT_COST) for one in near if one.distance]
        return sorted(found, key=lambda one: (-one.likelihood, one.text))[:_MOST_SPELLINGS]

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
    first = _FIRST_LETTER_COST if found.text[0] != word[0] else 0.0
    return log1p(found.frequency) - _EDIT_COST * found.distance - first


def _is_measure(word: Word) -> bool:
    """Whether the word is a number or a unit and nothing else."""
    return bool(word.terms) and all(term in UNITS or term[0].isdigit() for term, _ in word.terms)


def _written(query: str, changes: Sequence[tuple[str, str]]) -> str:
    """``query`` with every misspelt word replaced; "" when there was none."""
    if not changes:
        return ""
    written = normalise(query[:QUERY_CHARACTERS]).replace("'", "")
    for text, shown in changes:
        written = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", shown, written, count=1)
    return written
