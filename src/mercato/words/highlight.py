"""A text and a query's words in, where they stand in it out: spans of the text as written, and its best excerpt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mercato.schema import Word
from mercato.words.excerpt import Hit, window
from mercato.words.locate import Located, locate

Span = tuple[int, int]
"""From the first character on and up to, not with, the second."""

_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Marked:
    """A ``text`` with the ``spans`` of it, ascending and apart, where ``words`` of the query, in its order, stand;
    ``every``: whether those are all its words.

    Spans count characters as Python does; see ``utf16`` for other readers.
    """

    text: str
    spans: tuple[Span, ...] = ()
    words: tuple[str, ...] = ()
    every: bool = False

    def html(self, before: str = "<em>", after: str = "</em>") -> str:
        """The text escaped for HTML, each span between ``before`` and ``after``, which are put in as they are.

        >>> Marked("<b> & milk", ((6, 10),)).html()
        '&lt;b&gt; &amp; <em>milk</em>'
        """
        parts, end = [], 0
        for start, stop in self.spans:
            parts += [escape(self.text[end:start]), before, escape(self.text[start:stop]), after]
            end = stop
        return "".join([*parts, escape(self.text[end:])])

    def utf16(self) -> list[Span]:
        """The spans in UTF-16 code units, as JavaScript and Java count: a character beyond U+FFFF is two."""
        if not self.spans or max(self.text) <= "\uffff":
            return list(self.spans)
        pairs = [0]
        for character in self.text:
            pairs.append(pairs[-1] + (character > "\uffff"))
        return [(start + pairs[start], stop + pairs[stop]) for start, stop in self.spans]


class Highlighter:
    """Marks the words of one query. A text is read as it was for the index, so what made it match is what is marked:
    plurals, "WD-40" for "wd40", the corrected word. Nothing inside a tag or an entity of HTML is.
    """

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = [word.text for word in words]
        self._places: dict[str, tuple[int, ...]] = {}
        for place, word in enumerate(words):
            for term, _ in word.terms:
                self._places[term] = (*self._places.get(term, ()), place)
        pairs = [term for term in self._places if len(term) == 2 and not term.isascii()]
        self._paired = {character for pair in pairs for character in pair}

    def mark(self, text: str) -> Marked:
        """The whole ``text`` with its spans."""
        return self._marked(text, self._hits(locate(text)), 0, len(text), "", "")

    def excerpt(self, text: str, width: int = 160) -> Marked:
        """At most ``width`` characters of ``text``, where most words of the query stand: from the beginning of a
        sentence or a word to the end of one, with "…" where something was left out. Its beginning where no word stands.
        """
        if len(text) <= width:
            return self.mark(text)
        located = locate(text)
        hits = self._hits(located)
        start, stop = window(text, located, hits, width - 2 * len(_ELLIPSIS))
        before, after = _ELLIPSIS if start else "", _ELLIPSIS if stop < len(text) else ""
        return self._marked(text, hits, start, stop, before, after)

    def _marked(self, text: str, hits: Sequence[Hit], start: int, stop: int, before: str, after: str) -> Marked:
        inside = [hit for hit in hits if start <= hit[0] and hit[1] <= stop]
        found = {place for *_, places in inside for place in places}
        shift = len(before) - start
        return Marked(
            before + text[start:stop] + after,
            _together([(begin + shift, end + shift) for begin, end, _ in inside]),
            tuple(word for place, word in enumerate(self._words) if place in found),
            bool(self._words) and len(found) == len(self._words),
        )

    def _hits(self, located: Sequence[Located]) -> list[Hit]:
        """Whatever stands for a word, in order. A lone character of a Chinese word counts only where the word stands
        nowhere: what matched then are its characters."""
        hits: list[Hit] = []
        lone: list[Hit] = []
        for at, one in enumerate(located):
            if not one.token.joined and not one.token.also and one.token.term not in self._places:
                continue  # nearly every word
            whole, part = self._places.get(one.token.joined, ()), self._part(one)
            if whole:
                other = self._part(located[at + 1]) if one.pair else ()
                hits.append((one.start, _whole_end(located, at), (*whole, *part, *other)))
            elif part:
                (lone if one.token.text in self._paired else hits).append((one.start, one.end, part))
        return hits or lone

    def _part(self, one: Located) -> tuple[int, ...]:
        terms = (one.token.term, *one.token.also)
        return next((self._places[term] for term in terms if term in self._places), ())


def _whole_end(located: Sequence[Located], at: int) -> int:
    """Where a compound ends, or its next part begins, so that the parts and what is between them are marked as one."""
    one = located[at]
    if one.pair:
        return located[at + 1].end
    is_last = one.token.joined in one.token.also or at + 1 == len(located)
    return one.end if is_last else max(one.end, located[at + 1].start)


def _together(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Spans that overlap or touch as one."""
    merged: list[Span] = []
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return tuple(merged)
