"""A query in, what it asks for besides words out: rows that will do, rows it would rather see, a page of the shop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.retrieve.lexical import LexicalIndex
from mercato.retrieve.without import WithoutIndex
from mercato.schema import Mask, Rows, Word
from mercato.understand.conditions import Condition, Conditions
from mercato.understand.intent import Intents
from mercato.understand.names import Names
from mercato.understand.titles import Titles


@dataclass(frozen=True)
class Wished:
    """``rest`` is what is left to match in words ("" when everything that passes will do); ``passing`` (n,) rows fulfil
    every firm condition, None where there is none; ``liked`` (n,) counts the other conditions each row fulfils;
    ``page`` is the topic of a query that asks for no product (understand.pages.TOPICS), ``intent`` its kind
    (understand.intent.INTENTS)."""

    rest: str
    conditions: tuple[Condition, ...] = ()
    passing: Mask | None = None
    liked: NDArray[np.float64] | None = None
    page: str = ""
    intent: str = ""

    def told(self) -> tuple[dict[str, Any], ...]:
        """The firm conditions, as the shopper should be told of them."""
        return tuple(
            {"kind": one.kind, "text": one.text}
            | {name: bound for name, bound in (("min", one.low), ("max", one.high)) if bound is not None}
            for one in self.conditions
            if one.firm
        )


class Wishes:
    """Reads wishes against one snapshot; safe to share between threads. ``names`` of an older snapshot do as well, but
    what is called otherwise since is words."""

    def __init__(
        self,
        catalog: Catalog,
        lexical: LexicalIndex,
        lacking: WithoutIndex | None,
        numbered: Callable[[str], str],
        currency: str,
        names: Names | None = None,
    ) -> None:
        self._catalog, self._lexical, self._lacking = catalog, lexical, lacking
        titles = Titles(catalog, lexical.match)
        free: Any = () if lacking is None else lacking
        self._conditions = Conditions(
            catalog, lexical.vocabulary, titles.hold, currency=currency, lacking=free, names=names
        )
        self.names = self._conditions.names
        self._intents = Intents(lexical.vocabulary, self.names, titles, numbered)

    def __call__(self, query: str) -> Wished:
        """The wishes of ``query``; any text is legal."""
        asked = self._conditions.read(query)
        intent = self._intents.classify(asked)
        passing: Mask | None = None
        liked: NDArray[np.float64] | None = None
        for condition in asked.conditions:
            rows = self._rows(condition)
            if condition.firm:
                passing = rows if passing is None else passing & rows
            else:
                liked = rows.astype(np.float64) if liked is None else liked + rows
        return Wished(asked.rest, asked.conditions, passing, liked, intent.topic, intent.kind)

    def _rows(self, condition: Condition) -> Mask:
        if condition.kind == "price":
            bounds = {name: bound for name, bound in (("min", condition.low), ("max", condition.high))}
            return self._catalog.passing("price", {name: bound for name, bound in bounds.items() if bound is not None})
        if condition.kind == "without":
            return self._without(condition.values, firm=condition.firm)
        return self._catalog.facets[condition.field].mask(condition.values, len(self._catalog))

    def _without(self, terms: Sequence[str], *, firm: bool) -> Mask:
        """Firm: what does not hold all of ``terms``, or says that it is without them; else only what says so."""
        everything = np.ones(len(self._catalog), bool)
        saying: Rows = np.empty(0, np.int32) if self._lacking is None else self._lacking.saying(terms)
        mask = np.zeros(len(self._catalog), bool)
        if firm:
            held, _ = self._lexical.match([Word(term, ((term, 1.0),)) for term in terms], everything)
            mask = everything
            mask[held] = False
        mask[saying] = True
        return mask
