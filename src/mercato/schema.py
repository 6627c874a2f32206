"""The nouns: what every stage speaks of. Frozen; times are UTC, money is integer minor units, ids are strings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int32]
"""Row numbers of one catalogue snapshot."""
Scores = NDArray[np.float64]
Mask = NDArray[np.bool_]
"""One flag per catalogue row: may it be shown?"""

EventType = Literal[
    "search",
    "home-page-view",
    "category-page-view",
    "detail-page-view",
    "impression",
    "add-to-cart",
    "remove-from-cart",
    "purchase-complete",
    "review",
    "subscribe",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)

Placement = Literal["home", "similar", "together", "cart", "session", "discover", "buy-again", "tail", "email"]
PLACEMENTS: tuple[str, ...] = get_args(Placement)

GRADES: Mapping[str, int] = MappingProxyType({"detail-page-view": 1, "add-to-cart": 2, "purchase-complete": 3})
"""How much an event says that the shopper wants the product: view 1 < cart 2 < purchase 3; every other type says 0."""
REPEAT_GRADE = 4
"""A purchase of a product this shopper had bought before."""

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Product:
    """One thing the shop sells. Field names are Google Retail's.

    ``categories`` are paths ("a > b > c"); ``price`` and ``cost`` are minor units of ``currency`` (349 = 3.49 USD);
    ``attributes`` map a name to its values; ``sellable`` is False for lines that are no product (coupons, fuel).
    """

    id: str
    title: str
    description: str = ""
    categories: tuple[str, ...] = ()
    brand: str = ""
    price: int | None = None
    currency: str = ""
    cost: int | None = None
    availability: str = "in-stock"
    quantity: int | None = None
    images: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)
    rating: float | None = None
    rating_count: int | None = None
    group_id: str = ""
    created_at: datetime | None = None
    url: str = ""
    language: str = ""
    sellable: bool = True


@dataclass(frozen=True, slots=True)
class Interaction:
    """What a shopper did. ``slate_id`` and ``position`` (0 = first) point back to the list it came from.

    ``at`` and ``event_id`` may be left out when recording live: the shop stamps them. ``value`` is minor units.
    """

    type: str
    shopper_id: str
    at: datetime | None = None
    product_id: str = ""
    quantity: int = 1
    value: int | None = None
    currency: str = ""
    query: str = ""
    slate_id: str = ""
    position: int | None = None
    session_id: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """What a shopper wrote about a product; ``rating`` 1-5."""

    product_id: str
    shopper_id: str = ""
    rating: float | None = None
    title: str = ""
    text: str = ""
    at: datetime | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """One shopper knows another: "friends" runs both ways, "follows" only from ``shopper_id`` to ``friend_id``.

    ``weight`` above 0 says how much it counts beside others.
    """

    shopper_id: str
    friend_id: str
    type: str = "friends"
    weight: float = 1.0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What one shopper did, oldest first, as parallel arrays of length n against one catalogue snapshot.

    ``rows`` int32 catalogue rows, ``grades`` int8 (see GRADES), ``at`` int64 UTC seconds, ``baskets`` int64: equal
    numbers were one basket or session.
    """

    rows: Rows
    grades: NDArray[np.int8]
    at: NDArray[np.int64]
    baskets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def empty() -> History:
        """The history of a shopper never seen before."""
        return History(np.empty(0, np.int32), np.empty(0, np.int8), np.empty(0, np.int64), np.empty(0, np.int64))

    def take(self, index: NDArray[Any]) -> History:
        """The events at ``index`` (positions or a mask), in that order."""
        return History(self.rows[index], self.grades[index], self.at[index], self.baskets[index])

    def bought(self) -> Rows:
        """Distinct rows this shopper purchased, ascending."""
        return np.unique(self.rows[self.grades >= GRADES["purchase-complete"]])


Where = Mapping[str, Any]
"""A filter: field → list of values (any of them) or {"min": x, "max": y}, with "below" for an end that is not in it;
fields are joined by AND."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query and the index terms that may stand for it, each with a weight in (0, 1]; how much the word
    tells (``information``, in nats) decides what of a query that nothing matches wholly is worth keeping. ``sure`` is 1
    for a word that the shop has, and less for one that only others stand for."""

    text: str
    terms: tuple[tuple[str, float], ...]
    information: float = 1.0
    sure: float = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """Anything one can ask for; search, similar, home, cart and session differ in what is left empty.

    ``at`` and ``seed`` are the only clock and chance a stage may use. ``anchors`` are the rows of ``product`` or
    ``cart``; ``history`` is what the shopper (and session) did before ``at``; ``segments`` are those
    the request itself names; ``picture`` is the vector of the photo
    that was asked with, empty where there was none.
    """

    placement: str
    at: datetime
    seed: int = 0
    k: int = 10
    page: int = 0
    query: str = ""
    words: tuple[Word, ...] = ()
    shopper: str = ""
    session: str = ""
    segments: tuple[str, ...] = ()
    product: str = ""
    cart: tuple[str, ...] = ()
    where: Where = field(default_factory=lambda: NOTHING)
    sort: str = ""
    facets: tuple[str, ...] = ()
    facet_values: int = 100_000
    disjunctive: bool = False
    grouped: bool = False
    explain: bool = False
    anchors: Rows = field(default_factory=lambda: np.empty(0, np.int32))
    history: History = field(default_factory=History.empty)
    picture: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @property
    def now(self) -> int:
        """``at`` as UTC seconds."""
        return int(self.at.timestamp())


@dataclass(frozen=True, slots=True)
class Ranking:
    """Catalogue rows in order, one score each, and named ``notes`` (one number per row).

    Position is the decision; scores and notes are the evidence. Stages return new rankings.
    """

    rows: Rows
    scores: Scores
    notes: Mapping[str, NDArray[Any]] = field(default_factory=lambda: NOTHING)

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def empty() -> Ranking:
        """No rows at all."""
        return Ranking(np.empty(0, np.int32), np.empty(0, np.float64))

    @staticmethod
    def best_first(
        rows: NDArray[Any], scores: NDArray[Any], k: int | None = None, notes: Mapping[str, NDArray[Any]] = NOTHING
    ) -> Ranking:
        """Sorted by score, best first; equal scores by ascending row, so ties break the same way every time.

        >>> Ranking.best_first(np.array([7, 3, 5]), np.array([1.0, 2.0, 1.0])).rows.tolist()
        [3, 5, 7]
        """
        if k is not None and 0 < k < len(rows):
            threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
            keep = np.flatnonzero(scores >= threshold)
            rows, scores = rows[keep], scores[keep]
            notes = {name: values[keep] for name, values in notes.items()}
        order = np.lexsort((rows, -scores))[:k]
        return Ranking(
            rows[order].astype(np.int32, copy=False),
            scores[order].astype(np.float64, copy=False),
            {name: values[order] for name, values in notes.items()},
        )

    def take(self, index: NDArray[Any] | slice) -> Ranking:
        """The places at ``index`` (positions, a mask or a slice), in that order."""
        return Ranking(
            self.rows[index], self.scores[index], {name: values[index] for name, values in self.notes.items()}
        )

    def noted(self, **notes: NDArray[Any]) -> Ranking:
        """The same places with more notes."""
        return Ranking(self.rows, self.scores, {**self.notes, **notes})


@dataclass(frozen=True, slots=True)
class Impression:
    """What was shown and all that was known of it: training reads this, so serving and training cannot disagree.

    ``products``, ``scores`` and every column of ``notes`` run in shown order.
    """

    slate_id: str
    placement: str
    at: datetime
    shopper_id: str
    session_id: str
    query: str
    products: tuple[str, ...]
    scores: tuple[float, ...]
    notes: Mapping[str, tuple[float, ...]]
    total: int
    versions: Mapping[str, str]
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One place of a slate: the product, its score, the terms that add up to it, and the sentence made from them."""

    product: Product
    score: float
    terms: Mapping[str, float] = field(default_factory=lambda: NOTHING)
    reason: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """Products to be taken together. ``price`` is their total in minor units of ``currency``, None where one has no
    price; ``baskets`` held all of them, and the sentence says so."""

    products: tuple[Product, ...]
    price: int | None
    currency: str
    baskets: int
    reason: str

    @property
    def ids(self) -> tuple[str, ...]:
        """Product ids, that of the product asked for first."""
        return tuple(product.id for product in self.products)


@dataclass(frozen=True, slots=True)
class Banner:
    """What the shop says above a list; ``url`` and ``image`` may be empty."""

    text: str
    url: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Slate:
    """The answer: items best first. ``id`` is what events point back to.

    Of a search: ``every`` is how many of ``total`` hold every word, where some but not all do; ``conditions`` were
    read in the query's words ("under 5") and filter; ``intent`` is the kind of query (understand.intent.INTENTS),
    ``page`` the topic of one that asks for no product ("returns"); ``related`` are searches of others, ``meant`` the
    one this is likely a misspelling of. ``left_out``: how many values of a facet were not told; ``ranges``: spread and
    buckets of fields of numbers; ``total_products``: where ``total`` counts groups of variants. ``banners`` and
    ``redirect`` are what the shop's rules say; ``words`` is what was matched, for whoever marks it
    (words.Highlighter). ``bundles`` go with the product or the cart that was asked with.
    """

    id: str
    items: tuple[Item, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: NOTHING)
    corrected: str = ""
    relaxed: str = ""
    every: int = 0
    total_products: int = 0
    left_out: Mapping[str, int] = field(default_factory=lambda: NOTHING)
    ranges: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: NOTHING)
    related: tuple[str, ...] = ()
    meant: str = ""
    conditions: tuple[Mapping[str, Any], ...] = ()
    page: str = ""
    intent: str = ""
    banners: tuple[Banner, ...] = ()
    redirect: str = ""
    words: tuple[Word, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    degraded: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    took_ms: float = 0.0

    @property
    def ids(self) -> tuple[str, ...]:
        """Product ids, best first."""
        return tuple(item.product.id for item in self.items)

    @property
    def scores(self) -> tuple[float, ...]:
        """Scores in the same order."""
        return tuple(item.score for item in self.items)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences in the same order; empty strings unless the request asked to explain."""
        return tuple(item.reason for item in self.items)
