"""A catalogue in, the names of its brands, categories and attribute values as they appear in queries out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mercato.catalog import Catalog, Facet
from mercato.understand.spans import Placed
from mercato.words import Vocabulary, analyse, tokenise

LONGEST = 6
"""Words of the longest name that is looked for."""

_PLACEHOLDERS = frozenset(
    ["unknown", "various", "none", "generic", "other", "others", "misc", "unbranded", "na", "n/a"]
)
_FREE_TEXT = 4.0
"""A field whose values are longer than this on average holds sentences, not names."""
_SAMPLED = 200
_TITLES = 8
_MOSTLY = 0.5
_NEARLY_ALL = 0.8
_SOME = 0.05

Key = tuple[str, ...]
"""The terms of a name, in order."""


@dataclass(frozen=True, slots=True)
class Named:
    """Characters ``start``..``end`` of a query name ``values`` of ``field``; ``told``: the field was said too ("size
    10"), or the name stood after "by"."""

    start: int
    end: int
    field: str
    values: tuple[str, ...]
    told: bool = False


class Names:
    """The names of one catalogue, found by their terms: so case, accents, plurals and the spelling of units agree.

    A category is named by the last part of its path. A name of one letter or a number alone counts only beside the
    name of its field ("size m", "10 size"). A brand counts only where its name tells it: nearly all products with that
    word are of the brand, or its own titles say it and they are no small part of them. So a record label called
    "Island", or a maker of wipes called "Universal", is none.
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary) -> None:
        self._catalog, self._vocabulary = catalog, vocabulary
        given = {field: _called(field, facet) for field, facet in catalog.facets.items() if field != "availability"}
        self._fields = {field: _by_key(facet) for field, facet in given.items() if _short([name for name, _ in facet])}
        self._called = {_key(field.removeprefix("attributes.").replace("_", " ")): field for field in self._fields}
        self._is_brand = lru_cache(maxsize=4096)(self._tells_brand)

    def spot(self, words: Sequence[Placed]) -> list[Named]:
        """What ``words`` name: for each field the longest names first, none inside another of the same field."""
        found: list[Named] = []
        for field, known in self._fields.items():
            taken: set[int] = set()
            for first, last in _windows(len(words), LONGEST):
                values = known.get(tuple(word.token.term for word in words[first:last]))
                if values is None or not taken.isdisjoint(range(first, last)):
                    continue
                if named := self._named(field, values, words, first, last):
                    taken.update(range(first, last))
                    found.append(named)
        return sorted(found, key=lambda one: (one.start, -one.end, one.field))

    def _named(
        self, field: str, values: tuple[str, ...], words: Sequence[Placed], first: int, last: int
    ) -> Named | None:
        start, end = words[first].start, words[last - 1].end
        if field == "brand":
            after_by = first > 0 and words[first - 1].token.text == "by"
            return Named(start, end, field, values, after_by) if after_by or self._is_brand(values) else None
        if beside := self._beside(field, words, first, last):
            return Named(min(start, beside[0]), max(end, beside[1]), field, values, told=True)
        return Named(start, end, field, values) if _tells(words[first:last]) else None

    def _beside(self, field: str, words: Sequence[Placed], first: int, last: int) -> tuple[int, int] | None:
        """Where the field's own name stands right before or after these words; not for categories."""
        if field == "categories":
            return None
        for low, high in ((first - 1, first), (last, last + 1), (first - 2, first), (last, last + 2)):
            if low >= 0 and self._called.get(tuple(word.token.term for word in words[low:high])) == field:
                return words[low].start, words[high - 1].end
        return None

    def _tells_brand(self, values: tuple[str, ...]) -> bool:
        facet = self._catalog.facets["brand"]
        codes = np.searchsorted(np.array(facet.values, dtype=object), np.array(values, dtype=object))
        rows = facet.rows[np.isin(facet.codes, codes)]
        terms = _key(values[0])
        holding = min(self._vocabulary.frequency(term) for term in terms)
        if len(rows) >= _NEARLY_ALL * holding or len(rows) < _SOME * holding:
            return len(rows) >= _NEARLY_ALL * holding
        sample = rows[np.linspace(0, len(rows) - 1, min(len(rows), _TITLES)).astype(int)]
        titles = (set(tokenise(self._catalog.product(row).title)) for row in sample.tolist())
        return sum(title.issuperset(terms) for title in titles) > _MOSTLY * len(sample)

    def names(self, terms: Iterable[str], fields: Iterable[str]) -> bool:
        """Whether ``terms`` are a whole name in one of ``fields``, in any order."""
        wanted = frozenset(terms)
        return any(wanted in self._unordered.get(field, ()) for field in fields)

    @cached_property
    def _unordered(self) -> dict[str, frozenset[frozenset[str]]]:
        return {field: frozenset(map(frozenset, known)) for field, known in self._fields.items()}


def _called(field: str, facet: Facet) -> list[tuple[str, str]]:
    """Each value of a field with what it is called: a category by the last part of its path."""
    if field != "categories":
        return [(value, value) for value in facet.values]
    return [(value.rsplit(">", 1)[-1].strip(), value) for value in facet.values]


def _short(names: Sequence[str]) -> bool:
    """Whether the values of a field are names rather than sentences."""
    sample = names[:: max(len(names) // _SAMPLED, 1)]
    return bool(sample) and sum(len(analyse(name)) for name in sample) / len(sample) <= _FREE_TEXT


def _by_key(called: Iterable[tuple[str, str]]) -> dict[Key, tuple[str, ...]]:
    """The terms of each name → the values it stands for: several spellings, or paths with the same last part."""
    found: dict[Key, list[str]] = {}
    for name, value in called:
        key = _key(name)
        if 0 < len(key) <= LONGEST and name.lower() not in _PLACEHOLDERS:
            found.setdefault(key, []).append(value)
    return {key: tuple(same) for key, same in found.items()}


def _key(name: str) -> Key:
    return tuple(token.term for token in analyse(name))


def _windows(n: int, longest: int) -> list[tuple[int, int]]:
    """Every run of up to ``longest`` of n words, the longest first."""
    return [(first, first + size) for size in range(min(n, longest), 0, -1) for first in range(n - size + 1)]


def _tells(words: Sequence[Placed]) -> bool:
    """Whether these words name something without the name of the field: not a number, not a lone letter."""
    return len(words) > 1 or (len(words[0].token.text) > 1 and not words[0].token.text[0].isdigit())
