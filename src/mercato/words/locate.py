"""A text in, its words with their places in the text as it was written out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from mercato.words.clean import TEXT_CHARACTERS, normalise
from mercato.words.scripts import scripts
from mercato.words.tokens import Token, analyse

_MARKS = "".join(chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) in {"Mn", "Mc", "Me"})
_CLUSTER = re.compile(rf"(?s).[{_MARKS}\u1160-\u11ff\u200d\uff9e\uff9f]*")
"""A character and what is written onto it: accents, Hangul vowels and ends, variation selectors, joiners."""
_UNSEEN = re.compile(r"<[A-Za-z/!?][^<>]*>|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
"""Tags and entities of HTML."""
_DROPPED = "'.%\""
"""What the reading of words leaves out of the middle of one: "kid's" is kids, "U.S.A." usa, "5%x9z" 5x9z."""


class Located(NamedTuple):
    """A word and where it is written: characters ``start`` up to, not with, ``end``. ``pair``: its ``joined`` is itself
    and the next character (Chinese), not a compound that it is a part of."""

    token: Token
    start: int
    end: int
    pair: bool = False


def locate(text: str) -> list[Located]:
    """The words of ``text`` as ``analyse`` reads them, each with its place; without those inside tags and entities.

    A place never cuts a character from its accents. Words beyond TEXT_CHARACTERS are not read.

    >>> [(one.token.term, one.start, one.end) for one in locate("Kids’ Crème 2L")]
    [('kid', 0, 4), ('creme', 6, 11), ('2', 12, 13), ('l', 13, 14)]
    """
    text = text[:TEXT_CHARACTERS]
    letters, starts, ends = _spelled(text)
    found: list[Located] = []
    at = 0
    for token in analyse(text):
        begin, end = _next(letters, token.text, at)
        if begin < 0:
            continue
        dense = not token.text.isascii() and len(token.text) == 2 and token.also[:1] == (token.text[0],)
        at = begin + 1 if dense else end  # pairs of a script without spaces overlap
        pair = len(token.text) == 1 and len(token.joined) == 2 and _is_han(token.text)
        found.append(Located(token, starts[begin], ends[end - 1], pair))
    unseen = [match.span() for match in _UNSEEN.finditer(text)] if "<" in text or "&" in text else []
    return _outside(found, unseen) if unseen else found


def _outside(found: list[Located], unseen: Sequence[tuple[int, int]]) -> list[Located]:
    kept, place = [], 0
    for one in found:
        while place < len(unseen) and unseen[place][1] <= one.start:
            place += 1
        if place == len(unseen) or one.end <= unseen[place][0]:
            kept.append(one)
    return kept


def _next(letters: str, word: str, at: int) -> tuple[int, int]:
    """Where ``word`` is next spelt from ``at`` on, and the place after it; (-1, -1) where it is not."""
    if word == '"' and (twice := letters.find("''", at)) >= 0:
        once = letters.find('"', at)
        if not 0 <= once < twice:
            return twice, twice + 2
    begin = letters.find(word[0], at)
    while begin >= 0:
        end = begin + len(word) if letters.startswith(word, begin) else _spelt(letters, word, begin)
        if end > 0:
            return begin, end
        begin = letters.find(word[0], begin + 1)
    return -1, -1


def _spelt(letters: str, word: str, at: int) -> int:
    """The place after ``word`` if it is spelt from ``at`` on with dropped characters between its letters, else 0."""
    for letter in word:
        while at < len(letters) and letters[at] in _DROPPED and letter != letters[at]:
            at += 1
        if at == len(letters) or letters[at] != letter:
            return 0
        at += 1
    return at


def _spelled(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The letters of ``text`` as ``normalise`` spells them, and where the character of each begins and ends."""
    if text.isascii() and text.isprintable():
        return text.lower().replace("`", "'"), range(len(text)), range(1, len(text) + 1)
    spelled: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _CLUSTER.finditer(text):
        letters = _letters(match[0])
        spelled.append(letters)
        starts += [match.start()] * len(letters)
        ends += [match.end()] * len(letters)
    return "".join(spelled), starts, ends


@lru_cache(maxsize=1 << 14)
def _letters(cluster: str) -> str:
    return " " if cluster.isspace() else normalise(cluster)


@lru_cache(maxsize=1 << 14)
def _is_han(character: str) -> bool:
    return "han" in scripts(character)
