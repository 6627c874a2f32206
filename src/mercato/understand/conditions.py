"""A query in, its conditions in words and what is left to match out: price, exclusion, brand, category, attribute."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mercato.catalog import Catalog
from mercato.understand.exclusions import Exclusions, Titled
from mercato.understand.names import Named, Names
from mercato.understand.prices import Bound, Prices
from mercato.understand.spans import Placed, normalised, placed, without
from mercato.words import Vocabulary, query_tokens

Kind = Literal["price", "without", "brand", "category", "attribute"]

_ANYTHING = re.compile(r"(?:products?|items?|things?|stuff|(?:any|some|every)thing|all|show me|东西|商品|产品|\s)+")
_BETWEEN = re.compile(r"\s?(?:and|but|,|且|并且|但)?\s?(?:that\s)?")


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a query asks for besides words.

    ``text`` is characters ``start``..``end`` of the normalised query. A price has ``low`` and ``high`` (major units,
    both inclusive, None where open); "without" has in ``values`` the index terms of what is to be missing (a product
    has it when it holds all of them); the others have the catalogue's ``values`` of ``field``, any of which will do.
    A ``firm`` condition filters, and its text is not matched. Others say what to put first, and their words are matched
    as they were: "apple" may be a fruit.
    """

    kind: Kind
    text: str
    start: int
    end: int
    field: str
    firm: bool
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A normalised ``query``, its ``conditions`` in order, and the ``rest`` to be matched in words: "" when everything
    that passes the firm conditions will do, otherwise the query as typed unless a firm condition was taken out."""

    query: str
    conditions: tuple[Condition, ...]
    rest: str

    @property
    def firm(self) -> tuple[Condition, ...]:
        """The conditions that filter."""
        return tuple(condition for condition in self.conditions if condition.firm)


class Conditions:
    """Reads conditions against one catalogue; where in doubt there is none and the text stays words.

    ``currency`` is the shop's; without a single price there are no price conditions. ``lacking`` are the terms that
    products say they are free of (retrieve.without.WithoutIndex), ``titled`` says whether a product has all of some
    words in its title: a bare number is no price where the whole query is a name ("air max 90"). ``names`` are those of
    an older catalogue, which are costly to collect.
    """

    def __init__(
        self,
        catalog: Catalog,
        vocabulary: Vocabulary,
        titled: Titled,
        *,
        currency: str = "USD",
        lacking: Container[str] = (),
        names: Names | None = None,
    ) -> None:
        self.names = names or Names(catalog, vocabulary)
        self._titled = titled
        self._prices = Prices(currency) if np.isfinite(catalog.numbers["price"]).any() else None
        self._exclusions = Exclusions(vocabulary, lacking, titled)

    def read(self, query: str) -> Asked:
        """The conditions of ``query``; any text is legal, and only its first 512 characters and 32 words are read."""
        text = normalised(query)
        words = placed(text)
        said = [*self._price(text), *self._unwanted(text)]
        taken = [(condition.start, condition.end) for condition in said if condition.firm]
        free = tuple(word for word in words if not _inside(word, taken))
        lacking = [(condition.start, condition.end) for condition in said if not condition.firm]
        named = (one for one in self._named(text, free) if not _within(one, lacking))
        found = sorted((*said, *named), key=lambda condition: (condition.start, -condition.end))
        rest = _rest(text, taken, query[-1:].isspace()) if taken else query
        return Asked(text, tuple(found), rest)

    def _price(self, text: str) -> Iterator[Condition]:
        """One condition for all bounds together; none when they contradict each other."""
        bounds = self._prices.read(text) if self._prices is not None else []
        if not bounds or (not any(bound.said for bound in bounds) and self._titled(query_tokens(text))):
            return
        low = max((bound.low for bound in bounds if bound.low is not None), default=None)
        high = min((bound.high for bound in bounds if bound.high is not None), default=None)
        if low is not None and high is not None and low > high:
            return
        for start, end in _joined(text, bounds):
            yield Condition("price", text[start:end].strip(), start, end, "price", True, low=low, high=high)

    def _unwanted(self, text: str) -> Iterator[Condition]:
        for found in self._exclusions.read(text):
            said = text[found.start : found.end].strip()
            yield Condition("without", said, found.start, found.end, "", found.firm, found.terms)

    def _named(self, text: str, words: Sequence[Placed]) -> Iterator[Condition]:
        for named in self.names.spot(words):
            said = text[named.start : named.end]
            yield Condition(_kind(named), said, named.start, named.end, named.field, False, named.values)


def _kind(named: Named) -> Kind:
    return "brand" if named.field == "brand" else "category" if named.field == "categories" else "attribute"


def _inside(word: Placed, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < word.end and word.start < end for start, end in spans)


def _within(condition: Condition, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether this is a part of one of ``spans``: "sugar free" names no sugar."""
    own = condition.start, condition.end
    return any(start <= own[0] and own[1] <= end and own != (start, end) for start, end in spans)


def _joined(text: str, bounds: Sequence[Bound]) -> list[tuple[int, int]]:
    """The spans of ``bounds``, those with nothing but "and" between them as one."""
    spans: list[tuple[int, int]] = []
    for bound in bounds:
        if spans and _BETWEEN.fullmatch(text, spans[-1][1], bound.start):
            spans[-1] = spans[-1][0], bound.end
        else:
            spans.append((bound.start, bound.end))
    return spans


def _rest(text: str, taken: Sequence[tuple[int, int]], finished: bool) -> str:
    """What is left of ``text``; nothing where that is a word for anything at all."""
    left = without(text, taken)
    if _ANYTHING.fullmatch(left):
        return ""
    return f"{left} " if finished and left and not left.endswith(" ") else left
