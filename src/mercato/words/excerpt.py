"""A long text and the places that matter in it, the part worth showing out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, takewhile

from mercato.words.locate import Located

Hit = tuple[int, int, tuple[int, ...]]
"""From where to where, and which words of a query stand there."""

_SENTENCE = re.compile(r"[.!?。！？\n]\s*$")
_AFTER = re.compile(r"[^\w\s<&]{1,3}")
_GOES_ON = ("-", "/")
"""What stands after a word that is only a part of what is written."""
_LOOKED_AT = 200
"""Hits that an excerpt may begin with: who repeats a word a thousand times costs no more."""
_BEFORE_SHARE = 3
"""Where no sentence begins near, this part of the room is left before the first hit."""


def window(text: str, located: Sequence[Located], hits: Sequence[Hit], width: int) -> tuple[int, int]:
    """Where to cut ``text``, longer than ``width``, so that at most ``width`` characters with most different words of
    the query are left, of several such places the one with most hits, of those the first; its beginning without hits.

    Cuts lie between words, at the beginning of a sentence if one begins near enough.
    """
    first, last = _best(hits, width)
    starts = [one.start for one in located]
    ends = [one.end for one in located if not text.startswith(_GOES_ON, one.end)]
    start = _start(text, starts, first, max(0, last - width), width - (last - first)) if first else 0
    if len(text) <= start + width:
        return start, len(text)
    stop = max([last, *(end for end in ends if end <= start + width)]) or width
    if found := _AFTER.match(text, stop, start + width):
        stop = found.end()
    return start, stop


def _best(hits: Sequence[Hit], width: int) -> tuple[int, int]:
    """From the first to the end of the last hit of the best run no longer than ``width``; (0, 0) where none fits."""
    best, found = (0, 0), (0, 0)
    for at, (first, _, _) in enumerate(hits[:_LOOKED_AT]):
        inside = _run(hits, at, first + width)
        worth = len({word for *_, words in inside for word in words}), len(inside)
        if worth > best:
            best, found = worth, (first, max(hit[1] for hit in inside))
    return found


def _run(hits: Sequence[Hit], at: int, stop: int) -> list[Hit]:
    """The hits from number ``at`` on that end by ``stop``."""
    return list(takewhile(lambda hit: hit[1] <= stop, islice(hits, at, None)))


def _start(text: str, starts: Sequence[int], first: int, earliest: int, room: int) -> int:
    """The beginning of the last sentence from ``earliest`` up to ``first``; else of a word with a third of the ``room``
    before ``first``."""
    before = [start for start in starts if earliest <= start <= first]
    if earliest == 0:
        return 0
    sentences = [start for start in before if _SENTENCE.search(text, max(0, start - 4), start)]
    if sentences:
        return sentences[-1]
    return min((start for start in before if start >= first - room // _BEFORE_SHARE), default=first)
