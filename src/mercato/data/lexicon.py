"""A retailer's abbreviations in, words a shop would write out.

Cash-register systems cut names to about 30 capitals ("SFT DRNK 2 LITER BTL CARB INCL"). The tab-separated file
``lexicon.tsv`` beside this module holds what cannot be guessed, one entry a line:

    title    TEXT       words              the whole text, wherever it stands
    in       CATEGORY   TEXT      words    the whole text inside one category; wins over ``title``
    phrase   TEXT       TEXT               rewritten before the rules run, in the order of the file
    turn     NOUN       words              a noun that comes first and should come last ("GRAPES RED" → "Red grapes")
    word     WORD       words              one abbreviation, misspelling or proper name
    noun     CATEGORY   words              put after a text made only of qualities ("PREMIUM" of bacon)
    lead     CATEGORY   words              put before a text that does not name it ("RIBS" of beef)
    quality  WORD                          a word that describes but names nothing
    tail     WORD                          a word that says nothing at the end of a text cut short

Everything else follows rules: see ``Lexicon.readable``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mercato.errors import DataError

_CUT_PARENTHESIS = re.compile(r"\([^)]*$")
_PARENTHESIS = re.compile(r"\(([^)]*)\)")
_PART = re.compile(r"\s+-\s*|\s*-\s+|\s*:\s*|\s*,\s*")
_ITEM = re.compile(r"\s*[/&]\s*|\s+AND\s+")
_COLUMNS = {"title": 2, "in": 3, "phrase": 2, "turn": 2, "word": 2, "noun": 2, "lead": 2, "quality": 1, "tail": 1}
_REST = re.compile(r"^MISC(?:ELLANEOUS)?\.? (?P<first>.+)$|^(?P<last>.+?)(?: -|-|:)? (?:MISC|(?:ALL )?OTHERS?)$")
_SAID_IN_BRACKETS = frozenset({"COLD", "HOT", "FRZ", "AEROSOL", "VEGETARIAN", "OUTDOOR", "SUPPLEMENT"})


def _listed(items: list[str]) -> str:
    """["a", "b", "c"] → "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Lexicon:
    """Entries by kind; see the module for the file they come from."""

    titles: Mapping[str, str]
    within: Mapping[tuple[str, str], str]
    phrases: Mapping[str, str]
    turns: Mapping[str, str]
    words: Mapping[str, str]
    nouns: Mapping[str, str]
    leads: Mapping[str, str]
    qualities: frozenset[str]
    tails: frozenset[str]

    @staticmethod
    def parse(lines: Iterable[str]) -> Lexicon:
        """Entries from lines of the file; raises DataError naming the line that is malformed."""
        kinds: dict[str, dict[tuple[str, ...], str]] = {kind: {} for kind in _COLUMNS}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            kind, *cells = line.rstrip("\n").split("\t")
            if len(cells) != _COLUMNS.get(kind):
                raise DataError("a lexicon line has the wrong number of cells", where=f"lexicon line {number}")
            key = tuple(cells) if len(cells) == 1 else tuple(cells[:-1])
            kinds[kind][key] = cells[-1]
        flat = {kind: {key[0]: words for key, words in kinds[kind].items()} for kind in _COLUMNS if kind != "in"}
        within = {(category, text): words for (category, text), words in kinds["in"].items()}
        return Lexicon(
            titles=flat["title"],
            within=within,
            phrases=flat["phrase"],
            turns=flat["turn"],
            words=flat["word"],
            nouns=flat["noun"],
            leads=flat["lead"],
            qualities=frozenset(flat["quality"]),
            tails=frozenset(flat["tail"]),
        )

    def readable(self, text: str, category: str = "") -> str:
        """``text`` as a shop would write it; ``category`` (the retailer's own text) settles what "PREMIUM" is.

        In order: the entry for the text inside the category; the entry for the text; else rules: drop a
        parenthesis that was cut off, turn ``a - b`` and ``a: b`` into "a, b" and ``a/b&c`` into "a, b and c",
        expand each word, drop empty tails, and name the category's noun where the text has none.

        >>> lexicon().readable("SFT DRNK 2 LITER BTL CARB INCL")
        'Soft drink, 2 liter bottle, carbonated'
        >>> lexicon().readable("PREMIUM", "BACON")
        'Premium bacon'
        """
        text, category = " ".join(text.upper().split()), " ".join(category.split())
        known = self.within.get((category, text)) or self.titles.get(text)
        return known if known else self._named(self._ruled(text), text, category)

    def _ruled(self, text: str) -> str:
        for phrase, rewritten in self.phrases.items():
            text = text.replace(phrase, rewritten)
        text = _CUT_PARENTHESIS.sub("", text)
        text = _PARENTHESIS.sub(lambda found: f", {found[1]}" if found[1] in _SAID_IN_BRACKETS else " ", text)
        text = re.sub(r"\bW/", "WITH ", re.sub(r"\bW/O ", "WITHOUT ", text)).replace(".", " ").strip()
        if found := _REST.match(text):
            text = f"{found['first'] or found['last']}, OTHER"
        parts = [self._part(part) for part in _PART.split(text)]
        return _sentence(", ".join(part for part in parts if part))

    def _part(self, part: str) -> str:
        items = [self._item(item) for item in _ITEM.split(part)]
        kept = list(dict.fromkeys(item for item in items if item))
        return _listed(kept) if kept else ""

    def _item(self, item: str) -> str:
        words = item.split()
        while words and words[-1] in self.tails:
            words.pop()
        if len(words) > 1 and words[0] in self.turns:
            words = [*words[1:], words[0]]
        return " ".join(self.words.get(word, word.lower()) for word in words)

    def _named(self, ruled: str, text: str, category: str) -> str:
        """With the category's noun, where the text itself names nothing a shopper would look for."""
        words = re.findall(r"[A-Z]+", text)
        if noun := self.nouns.get(category):
            return f"{ruled} {noun}" if all(word in self.qualities for word in words) else ruled
        lead = self.leads.get(category)
        if lead and lead not in ruled.lower():
            return _sentence(f"{lead} {ruled[:1].lower()}{ruled[1:]}")
        return ruled


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships with Mercato, read once."""
    return Lexicon.parse(files("mercato.data").joinpath("lexicon.tsv").read_text("utf-8").splitlines())
