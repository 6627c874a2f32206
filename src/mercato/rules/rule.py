"""The nouns of merchandising: when a rule holds, and what it does to a list of results."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from mercato.schema import NOTHING, PLACEMENTS, Banner, Where
from mercato.words import query_tokens

SEARCH = "search"
LISTS = (SEARCH, *PLACEMENTS)
"""Every list a rule can speak of."""

Run = tuple[str, ...]
"""Words as the index reads them, in order: "Coffee makers" → ("coffee", "maker")."""


def run_of(text: str) -> Run:
    """``text`` as queries are read: case, accents, plurals and units folded.

    >>> run_of("Coffee Makers"), run_of("WD40") == run_of("wd-40")
    (('coffee', 'maker'), True)
    """
    return tuple(token.term for token in query_tokens(text))


@dataclass(frozen=True, slots=True)
class When:
    """A rule's condition; what is given must all hold.

    ``query`` is read as queries are; ``match`` "exact": the query is these words in this order, "contains": they all
    occur in it. ``where`` (field → values): the request is narrowed to these values, or for categories to something
    below them. ``segments``: who asks is in one of them, anybody where there is none. ``placements``: the lists it
    speaks of, search where there is none. ``anchor`` (a filter): one of the products the list starts from passes it.
    ``always`` needs neither words nor filters.
    """

    query: str = ""
    match: Literal["exact", "contains"] = "exact"
    where: Where = field(default_factory=lambda: NOTHING)
    segments: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    anchor: Where = field(default_factory=lambda: NOTHING)
    always: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """The lists it speaks of."""
        return self.placements or (SEARCH,)

    @property
    def asks(self) -> bool:
        """Whether it says anything: an empty condition is a forgotten one."""
        return bool(self.always or self.query or self.where or self.segments or self.placements)


@dataclass(frozen=True, slots=True)
class Pin:
    """``product`` stands at ``position`` (1 = first) of the whole list."""

    product: str
    position: int


@dataclass(frozen=True, slots=True)
class Some:
    """The named ``products`` and, when ``where`` is not empty, every product that passes it."""

    products: tuple[str, ...] = ()
    where: Where = field(default_factory=lambda: NOTHING)

    def __bool__(self) -> bool:
        return bool(self.products or self.where)


@dataclass(frozen=True, slots=True)
class Boost:
    """``some`` products gain ``by``, in [-1, 1], times the spread of the list's scores: 1 lifts the last of the list to
    the height of the first, -1 buries the first under the last."""

    some: Some
    by: float


@dataclass(frozen=True, slots=True)
class Synonym:
    """``words`` (each one word or several) stand for each other; with ``source`` they stand for it, not it for them."""

    words: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Where rules contradict each other the higher ``priority`` goes first, then the smaller ``id``; it holds
    from ``start`` up to, but not at, ``end``."""

    id: str
    when: When = field(default_factory=When)
    pins: tuple[Pin, ...] = ()
    hide: Some = field(default_factory=Some)
    boosts: tuple[Boost, ...] = ()
    banner: Banner | None = None
    redirect: str = ""
    synonyms: tuple[Synonym, ...] = ()
    priority: int = 0
    start: datetime | None = None
    end: datetime | None = None
    enabled: bool = True
    note: str = ""

    @property
    def rank(self) -> tuple[int, str]:
        """Rules sorted by this are in the order in which they apply."""
        return -self.priority, self.id

    @property
    def acts(self) -> bool:
        """Whether it does anything but give words synonyms."""
        return bool(self.pins or self.hide or self.boosts or self.banner or self.redirect)

    @property
    def products(self) -> tuple[str, ...]:
        """Every product id the rule names, each once."""
        named = [pin.product for pin in self.pins]
        return tuple(dict.fromkeys([*named, *self.hide.products, *(i for b in self.boosts for i in b.some.products)]))

    def state(self, at: datetime) -> Literal["off", "waiting", "over", "in force"]:
        """Whether the rule is switched on and ``at`` lies between its dates."""
        if not self.enabled:
            return "off"
        if self.start is not None and at < self.start:
            return "waiting"
        return "over" if self.end is not None and at >= self.end else "in force"
