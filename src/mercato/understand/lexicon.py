"""What a good shop assistant knows of words in, synonyms in one shop's own words out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import StringIO
from types import MappingProxyType

from mercato.understand.synonyms import Run, Synonyms
from mercato.words import Vocabulary, query_tokens

FILES = ("lexicon_en.tsv", "lexicon_zh.tsv")
SAME: Mapping[str, float] = MappingProxyType({"abbreviation": 0.9, "synonym": 0.8})
"""Kinds of entries that mean what is said in other words, and what those count."""
NEEDS = ("symptom", "use")
"""Kinds of entries that mean what one buys then."""
KINDS = (*SAME, *NEEDS)


@dataclass(frozen=True)
class Entry:
    """``said`` by a shopper, ``meant`` in the words of a catalogue, the best first; ``kind`` is one of KINDS."""

    kind: str
    said: str
    meant: tuple[str, ...]


def entries() -> Iterator[Entry]:
    """Every line of the files that come with Mercato; they were written from general knowledge, for any shop."""
    for name in FILES:
        text = files("mercato.understand").joinpath(name).read_text(encoding="utf-8")
        for row in csv.DictReader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Entry(row["kind"], row["said"], tuple(row["meant"].split("; ")))


@dataclass(frozen=True)
class Lexicon:
    """The entries that say something in one shop: those of whose meanings its vocabulary knows every word. ``same`` is
    kept by the first term of what is said; ``needs`` are what is said, and what one buys then."""

    same: Mapping[str, tuple[tuple[Run, tuple[tuple[Run, float], ...]], ...]]
    needs: Mapping[str, tuple[Run, ...]]

    @staticmethod
    def of(vocabulary: Vocabulary, known: Iterable[Entry] | None = None) -> Lexicon:
        """``known`` entries (all that come with Mercato) as far as ``vocabulary`` can answer them."""
        same: dict[str, dict[Run, tuple[tuple[Run, float], ...]]] = {}
        needs: dict[str, tuple[Run, ...]] = {}
        for kind, text, said, meant in _packaged() if known is None else map(_runs, known):
            here = tuple(run for run in meant if run != said and all(term in vocabulary for term in run))
            if not said or not here:
                continue
            if kind in SAME:
                same.setdefault(said[0], {})[said] = tuple((run, SAME[kind]) for run in here)
            else:
                needs[text] = here
        return Lexicon({first: tuple(runs.items()) for first, runs in same.items()}, needs)

    def synonyms(self, terms: Sequence[str]) -> Synonyms:
        """What may stand for a run of ``terms``."""
        return {run: meant for term in terms for run, meant in self.same.get(term, ())}


NO_LEXICON = Lexicon(MappingProxyType({}), MappingProxyType({}))


@cache
def _packaged() -> tuple[tuple[str, str, Run, tuple[Run, ...]], ...]:
    return tuple(map(_runs, entries()))


def _runs(entry: Entry) -> tuple[str, str, Run, tuple[Run, ...]]:
    return entry.kind, entry.said, _run(entry.said), tuple(map(_run, entry.meant))


def _run(text: str) -> Run:
    return tuple(token.term for token in query_tokens(text))
