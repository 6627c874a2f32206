"""Texts in, the same texts as people mistype, shorten and reorder them out: to learn from, and to be measured on.

Everything is decided by a seed and the text itself, so that a text is changed the same way wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

import numpy as np

from mercato.errors import RequestError
from mercato.jobs.evidence import number
from mercato.models.taught import Exam, Lessons, Pair
from mercato.understand.lexicon import SAME, entries

_FIELDS = ". "
"""What ``jobs.meaning.meaning_text`` puts between the parts of a product."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_NEIGHBOURS: Mapping[str, str] = MappingProxyType(
    {letter: row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
     for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for place, letter in enumerate(row)}
)  # fmt: skip
"""The keys beside a letter: where a finger slips to."""
_LONG = 4
"""Letters: a shorter word is hardly mistyped, and hardly to be recognised then."""
_PHRASE = 5
"""Words of the longest run that is looked up in the lexicon."""
Random = np.random.Generator


def typo(text: str, random: Random) -> str:
    """One edit in one of the longer words: a letter lost, doubled, swapped with the next, or one key beside it. The
    first letter stays (it is seldom wrong: Pollock & Zamora 1984). Texts without a longer word stay as they are."""
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) >= _LONG and word.isascii() and word.isalpha()]
    if not places:
        return text
    place = places[int(random.integers(len(places)))]
    words[place] = _mistyped(words[place], random)
    return " ".join(words)


def _mistyped(word: str, random: Random) -> str:
    at = int(random.integers(1, len(word)))
    letter = word[at]
    beside = _NEIGHBOURS.get(letter.lower(), _LETTERS)
    kind = int(random.integers(4))
    if kind == 3 and at + 1 < len(word) and word[at + 1] != letter:
        return word[:at] + word[at + 1] + letter + word[at + 2 :]
    between = ("", letter * 2, beside[int(random.integers(len(beside)))])[kind % 3]
    return word[:at] + between + word[at + 1 :]


def order(text: str, random: Random) -> str:
    """The words in another order; a text of one word stays."""
    words = text.split()
    if len(set(words)) < 2:
        return text
    mixed = words
    while mixed == words:
        mixed = [words[place] for place in random.permutation(len(words))]
    return " ".join(mixed)


def dropout(text: str, random: Random) -> str:
    """One word fewer; a text of one word stays."""
    words = text.split(" ")
    if len(words) < 2:
        return text
    gone = int(random.integers(len(words)))
    return " ".join(word for place, word in enumerate(words) if place != gone)


def abbreviation(text: str, random: Random) -> str:
    """One run of words as shoppers shorten it: as the lexicon knows it, else a longer word without its later vowels
    ("chckn"), or cut off ("choc")."""
    known = _replaced(text, "abbreviation", random)
    if known != text:
        return known
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) > _LONG and word.isascii() and word.isalpha()]
    if not places:
        return text
    place = places[int(random.integers(len(places)))]
    word = words[place]
    short = word[0] + "".join(letter for letter in word[1:] if letter.lower() not in "aeiou")
    words[place] = short if random.random() < 0.5 and len(short) > 1 else word[:_LONG]
    return " ".join(words)


def synonym(text: str, random: Random) -> str:
    """One run of words in other words of the same meaning, as the lexicon that comes with Mercato has them; a text that
    it knows nothing of stays. The attack of Ren et al. 2019 (PWWS), with our own word list and no model in the loop."""
    return _replaced(text, "synonym", random)


def shuffle(text: str, random: Random) -> str:
    """The parts of a product's text (title, category, description) in another order, sometimes one of them left out."""
    parts = [part for part in text.split(_FIELDS) if part]
    if len(parts) < 2:
        return text
    mixed = [parts[place] for place in random.permutation(len(parts))]
    return _FIELDS.join(mixed[:-1] if len(mixed) > 2 and random.random() < 0.5 else mixed)


PERTURBATIONS: Mapping[str, Callable[[str, Random], str]] = MappingProxyType(
    {"typo": typo, "order": order, "synonym": synonym}
)
"""What robustness is measured on; each keeps the meaning for a person."""


def perturbed(exam: Exam, kind: str, seed: int = 0) -> Exam:
    """The exam with every query changed, where it can be; the corpus stays. Raises RequestError for another kind."""
    if kind not in PERTURBATIONS:
        raise RequestError(f"no perturbation {kind!r}", where="kind", hint=f"known: {', '.join(PERTURBATIONS)}")
    change = PERTURBATIONS[kind]
    return replace(exam, queries=tuple(change(query, _random(query, kind, seed)) for query in exam.queries))


@dataclass(frozen=True)
class Augment:
    """Which share of the pairs gets a changed copy, and how likely each change is then; the parts of the wanted text
    are put in another order with the chance ``shuffle``."""

    share: float = 0.2
    dropout: float = 1.0
    abbreviation: float = 1.0
    typo: float = 1.0
    shuffle: float = 0.5

    def over(self, lessons: Lessons, seed: int) -> Lessons:
        """``lessons`` and the changed copies; those that came out as they were are left out."""
        copies = []
        for place, pair in enumerate(lessons.pairs):
            random = _random(f"{pair.query}\n{pair.text}\n{place}", "augment", seed)
            if random.random() < self.share and (copy := self._changed(pair, random)) != pair:
                copies.append(copy)
        return replace(lessons, pairs=(*lessons.pairs, *copies))

    def _changed(self, pair: Pair, random: Random) -> Pair:
        changes: Sequence[tuple[Callable[[str, Random], str], float]] = (
            (dropout, self.dropout), (abbreviation, self.abbreviation), (typo, self.typo),
        )  # fmt: skip
        total = sum(chance for _, chance in changes)
        query = pair.query
        if total > 0:
            chosen = int(random.choice(len(changes), p=[chance / total for _, chance in changes]))
            query = changes[chosen][0](query, random)
        text = shuffle(pair.text, random) if random.random() < self.shuffle else pair.text
        return replace(pair, query=query, text=text)


def _replaced(text: str, kind: str, random: Random) -> str:
    """One run of ``text`` that the lexicon knows by the other side of its entry."""
    words = text.split()
    known = _others(kind)
    spans = [
        (start, size)
        for start in range(len(words))
        for size in range(1, min(_PHRASE, len(words) - start) + 1)
        if " ".join(words[start : start + size]).casefold() in known
    ]
    if not spans:
        return text
    start, size = spans[int(random.integers(len(spans)))]
    others = known[" ".join(words[start : start + size]).casefold()]
    other = others[int(random.integers(len(others)))]
    return " ".join([*words[:start], other, *words[start + size :]])


@cache
def _others(kind: str) -> Mapping[str, tuple[str, ...]]:
    """What may be said instead: for "synonym" either way round, for "abbreviation" the short form of a long one."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries():
        if entry.kind not in SAME or (kind == "abbreviation" and entry.kind != kind):
            continue
        for meant in entry.meant:
            if kind == "synonym":
                found.setdefault(entry.said.casefold(), {})[meant] = None
            if kind == "synonym" or len(entry.said) < len(meant):
                found.setdefault(meant.casefold(), {})[entry.said] = None
    return {said: tuple(others) for said, others in found.items()}


def _random(text: str, kind: str, seed: int) -> Random:
    return np.random.default_rng([seed, number(kind), max(number(text), 0)])
