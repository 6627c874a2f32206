"""A query in, its words with where each stands in the normalised text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mercato.words import QUERY_CHARACTERS, Token, normalise, query_tokens


@dataclass(frozen=True, slots=True)
class Placed:
    """A word of a query and the characters ``start``..``end`` of the normalised text that it was read from."""

    token: Token
    start: int
    end: int


def normalised(query: str) -> str:
    """What positions refer to: the first QUERY_CHARACTERS characters of ``query``, normalised."""
    return normalise(query[:QUERY_CHARACTERS])


def placed(text: str) -> tuple[Placed, ...]:
    """The words of a normalised query in order, each with its place.

    Reading drops apostrophes and full stops inside words and splits or joins others, but never reorders letters: so
    letters and digits alone are followed. A sign ("%", '"') stands right after what it measures.

    >>> [(word.token.term, word.start, word.end) for word in placed("kids' 5% u.s.a.")]
    [('kid', 0, 4), ('5', 6, 7), ('percent', 7, 8), ('usa', 9, 14)]
    """
    places = [place for place, character in enumerate(text) if character.isalnum()]
    plain = "".join(text[place] for place in places)
    found: list[Placed] = []
    at = end = 0
    for token in query_tokens(text):
        letters = "".join(filter(str.isalnum, token.text))
        if not letters:
            sign = text.find(token.text, end)
            start = sign if sign >= 0 else min(end, len(text) - 1)  # two apostrophes are read as one inch sign
            end = min(start + len(token.text), len(text))
            found.append(Placed(token, start, end))
            continue
        at = max(plain.find(letters, at), at)
        last = min(at + len(letters), len(places)) - 1
        found.append(Placed(token, places[min(at, last)], places[last] + 1))
        end = places[last] + 1
        at += 1 if _overlaps(token.text) else len(letters)
    return tuple(found)


def _overlaps(text: str) -> bool:
    """Whether the next word may begin inside this one: pairs of kana, Hangul or Thai letters do."""
    return len(text) == 2 and not text.isascii()


def without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """``text`` with the characters of ``spans`` taken out; ends in a space where its last word was not the last of
    ``text``, for such a word is no longer being typed.

    >>> without("milk under 5", [(5, 12)])
    'milk '
    """
    kept = list(text)
    for start, end in spans:
        kept[start:end] = " " * (end - start)
    left = "".join(kept)
    tidy = " ".join(left.split()).strip(" ,;，、。的")
    return f"{tidy} " if tidy and left[-1:].isspace() else tidy
