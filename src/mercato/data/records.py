"""One raw record in, one valid noun out, or a DataError that names the field: the rules every row passes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mercato.data import values
from mercato.data.aliases import fields
from mercato.data.event_types import event_type
from mercato.errors import DataError
from mercato.schema import Interaction, Product, Relation, Review

LONGEST_TITLE = 2_000
LONGEST_TEXT = 100_000
"""Titles and queries longer than the first are refused; descriptions and reviews are cut at the second."""
MOST_UNITS = 1_000_000
HEAVIEST = 1e9
AHEAD = timedelta(days=1)
"""How far in the future an event may lie: clocks differ, time zones are forgotten."""
ABOUT_A_PRODUCT = frozenset({"detail-page-view", "add-to-cart", "remove-from-cart", "purchase-complete", "review"})

_AVAILABILITY = {
    "instock": "in-stock", "available": "in-stock", "true": "in-stock", "1": "in-stock", "yes": "in-stock",
    "limitedavailability": "in-stock", "onlineonly": "in-stock", "outofstock": "out-of-stock", "false": "out-of-stock",
    "0": "out-of-stock", "no": "out-of-stock", "soldout": "out-of-stock", "unavailable": "out-of-stock",
    "discontinued": "out-of-stock", "preorder": "preorder", "presale": "preorder", "backorder": "backorder",
}  # fmt: skip
_RELATIONS = {
    "": "friends", "friends": "friends", "friend": "friends", "friendship": "friends",
    "follows": "follows", "follow": "follows", "following": "follows",
}  # fmt: skip


def renamed(record: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """``record`` under Mercato's field names; columns that are no field are left out."""
    return {field: record[column] for field, column in fields(kind, tuple(record)).items()}


def product(record: Mapping[str, Any]) -> Product:
    """A valid product from one record with Mercato's field names or common aliases; money in major units.

    Raises DataError with ``where`` = the field that is missing, too long, no number, negative or not a time.
    """
    row = renamed(record, "products")
    amount, currency = values.amount_and_currency(row.get("price"))
    currency = values.currency_code(row.get("currency")) or values.currency_code(currency)
    cost, _ = values.amount_and_currency(row.get("cost"))
    title = values.written(row.get("title"), "title", LONGEST_TITLE)
    product_id = values.identifier(row.get("id"), "id", required=True)
    if not title:
        raise DataError("missing", where="title")
    sellable = values.flag(row.get("sellable"), "sellable")
    return Product(
        id=product_id,
        title=title,
        description=values.written(row.get("description"), "description", LONGEST_TEXT, cut=True, tags=True),
        categories=_categories(row.get("categories")),
        brand=values.written(row.get("brand"), "brand", LONGEST_TITLE),
        price=values.money(amount, "price", currency),
        currency=currency,
        cost=values.money(cost, "cost", currency),
        availability=_availability(row.get("availability")),
        quantity=values.whole(row.get("quantity"), "quantity", 1e12),
        images=values.labels(row.get("images"), "images"),
        attributes=_rest(record) | values.attributes(row.get("attributes"), "attributes"),
        rating=values.within(values.number(row.get("rating"), "rating"), "rating", 0, 5),
        rating_count=values.whole(row.get("rating_count"), "rating_count", 1e12),
        group_id=values.identifier(row.get("group_id"), "group_id"),
        created_at=values.moment(row.get("created_at"), "created_at"),
        url=values.text(row.get("url"), "url", LONGEST_TITLE),
        language=values.text(row.get("language"), "language", 35),
        sellable=sellable is not False,
    )


def _rest(record: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Plain columns that are no field, as attributes, so that a shop's own columns can be searched and filtered."""
    named = fields("products", tuple(record)).values()
    plain = ((name, given) for name, given in record.items() if name not in named and not isinstance(given, dict))
    texts = ((name, values.text(given, name, LONGEST_TITLE, cut=True)) for name, given in plain)
    return {name: (found,) for name, found in texts if found}


def _categories(value: Any) -> tuple[str, ...]:
    paths = values.labels(value, "categories")
    cleaned = (" > ".join(part.strip() for part in path.split(">") if part.strip()) for path in paths)
    return tuple(dict.fromkeys(path for path in cleaned if path))


def _availability(value: Any) -> str:
    written = values.text(value, "availability", 100).lower().rsplit("/", 1)[-1]
    found = _AVAILABILITY.get("".join(filter(str.isalnum, written)), "" if written else "in-stock")
    if not found:
        raise DataError("unknown availability: use in-stock, out-of-stock, preorder or backorder", where="availability")
    return found


def interaction(record: Mapping[str, Any], now: datetime) -> Interaction:
    """A valid live event from one record with Mercato's field names or common aliases; ``value`` in major units.

    ``at`` and ``event_id`` may be missing (the shop stamps them). Raises DataError with ``where`` = the field: a type
    that is not known, an id or query that the type needs, a time more than a day after ``now``, a number out of range.
    """
    row = renamed(record, "events")
    written = values.text(row.get("type"), "type", LONGEST_TITLE)
    if not written:
        raise DataError("missing", where="type")
    kind = event_type(written)
    if kind is None:
        raise DataError(f"unknown event type {written[:60]!r}", where="type")
    currency = values.currency_code(row.get("currency"))
    quantity = values.whole(row.get("quantity"), "quantity", MOST_UNITS)
    event = Interaction(
        type=kind,
        shopper_id=values.identifier(row.get("shopper_id"), "shopper_id", required=True),
        at=_at(row.get("at"), now),
        product_id=values.identifier(row.get("product_id"), "product_id"),
        quantity=1 if quantity is None else quantity,
        value=values.money(row.get("value"), "value", currency),
        currency=currency,
        query=values.text(row.get("query"), "query", LONGEST_TITLE),
        slate_id=values.identifier(row.get("slate_id"), "slate_id"),
        position=values.whole(row.get("position"), "position", MOST_UNITS),
        session_id=values.identifier(row.get("session_id"), "session_id"),
        event_id=values.identifier(row.get("event_id"), "event_id"),
    )
    _check_needs(event)
    return event


def _at(value: Any, now: datetime) -> datetime | None:
    at = values.moment(value, "at")
    if at is not None and at > now.astimezone(UTC) + AHEAD:
        raise DataError("more than a day in the future", where="at")
    return at


def _check_needs(event: Interaction) -> None:
    """What an event of its type cannot do without."""
    if event.type in ABOUT_A_PRODUCT and not event.product_id:
        raise DataError(f"missing: {event.type} is about a product", where="product_id")
    if event.type == "impression" and not (event.product_id or event.slate_id):
        raise DataError("missing: an impression names a product or a slate", where="product_id")
    if event.type == "search" and not event.query:
        raise DataError("missing: a search has a query", where="query")


def stored_interaction(record: Mapping[str, Any], now: datetime) -> Interaction:
    """``interaction`` for a row of a file, where nobody can stamp a missing time."""
    event = interaction(record, now)
    if event.at is None:
        raise DataError("missing", where="at")
    return event


def review(record: Mapping[str, Any], now: datetime) -> Review:
    """A valid review from one record; needs ``product_id`` and a rating from 1 to 5 or a text."""
    row = renamed(record, "reviews")
    found = Review(
        product_id=values.identifier(row.get("product_id"), "product_id", required=True),
        shopper_id=values.identifier(row.get("shopper_id"), "shopper_id"),
        rating=values.within(values.number(row.get("rating"), "rating"), "rating", 1, 5),
        title=values.text(row.get("title"), "title", LONGEST_TITLE, cut=True),
        text=values.text(row.get("text"), "text", LONGEST_TEXT, cut=True),
        at=_at(row.get("at"), now),
        language=values.text(row.get("language"), "language", 35),
    )
    if found.rating is None and not found.text and not found.title:
        raise DataError("a review has a rating or a text", where="rating")
    return found


def shopper(record: Mapping[str, Any]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """A shopper's id and attributes; columns that are no field become attributes."""
    named = fields("shoppers", tuple(record))
    shopper_id = values.identifier(record.get(named.get("id", "")), "id", required=True)
    rest = {name: given for name, given in record.items() if name not in named.values()}
    return shopper_id, values.attributes(rest, "attributes") | values.attributes(
        record.get(named.get("attributes", "")), "attributes"
    )


def relation(record: Mapping[str, Any], now: datetime) -> Relation:
    """A valid relation between two shoppers from one record; friends both ways unless ``type`` says "follows"."""
    row = renamed(record, "relations")
    kind = _RELATIONS.get(values.text(row.get("type"), "type", LONGEST_TITLE).lower())
    weight = values.within(values.number(row.get("weight"), "weight"), "weight", 0, HEAVIEST)
    found = Relation(
        shopper_id=values.identifier(row.get("shopper_id"), "shopper_id", required=True),
        friend_id=values.identifier(row.get("friend_id"), "friend_id", required=True),
        type=kind or "",
        weight=1.0 if weight is None else weight,
        at=_at(row.get("at"), now),
    )
    if kind is None:
        raise DataError("unknown relation: use friends or follows", where="type")
    if found.friend_id == found.shopper_id:
        raise DataError("a shopper is no friend of their own", where="friend_id")
    if not found.weight:
        raise DataError("not above 0", where="weight")
    return found
