"""One noun, one JSON form: the wire, the log and the catalogue's records share it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from mercato.errors import DataError
from mercato.schema import Banner, Bundle, Impression, Interaction, Item, Product, Review, Slate

_NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "PYG", "UGX"})
_THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def exponent(currency: str) -> int:
    """Digits after the decimal point in ``currency`` (ISO 4217); 2 where unknown.

    >>> exponent("USD"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    if currency in _NO_MINOR_UNIT:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def to_minor(amount: float | str | Decimal, currency: str) -> int:
    """An amount a person wrote, as integer minor units, halves away from zero.

    >>> to_minor("3.495", "USD"), to_minor(120, "JPY")
    (350, 120)
    """
    scaled = Decimal(str(amount)).scaleb(exponent(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_major(amount: int | None, currency: str) -> float | None:
    """Minor units as the number a person reads: 349 USD → 3.49."""
    return None if amount is None else float(Decimal(amount).scaleb(-exponent(currency)))


def to_time(value: str | float | datetime | None, where: str = "at") -> datetime | None:
    """ISO 8601 text, UNIX seconds (milliseconds above 10¹¹) or a datetime, as UTC; a time without zone is UTC.

    Raises DataError when the value is no time.

    >>> to_time("2026-01-02T03:04:05Z") == to_time(1767323045)
    True
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value)
        else:
            moment = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise DataError(f"{value!r} is not a time", where=where, hint="use ISO 8601, or UNIX seconds") from error


def from_time(value: datetime | None) -> str | None:
    """UTC time as ISO 8601 with Z."""
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def dumps(value: Any) -> bytes:
    """JSON bytes; numpy scalars and arrays allowed; NaN becomes null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


def product_to_dict(product: Product) -> dict[str, Any]:
    """The product as JSON: money in major units, empty fields left out."""
    record: dict[str, Any] = {
        "id": product.id,
        "title": product.title,
        "description": product.description,
        "categories": list(product.categories),
        "brand": product.brand,
        "price": to_major(product.price, product.currency),
        "currency": product.currency,
        "cost": to_major(product.cost, product.currency),
        "availability": product.availability,
        "quantity": product.quantity,
        "images": list(product.images),
        "attributes": {name: list(values) for name, values in product.attributes.items()},
        "rating": product.rating,
        "rating_count": product.rating_count,
        "group_id": product.group_id,
        "created_at": from_time(product.created_at),
        "url": product.url,
        "language": product.language,
        "sellable": product.sellable,
    }
    return {name: value for name, value in record.items() if value not in (None, "", [], {})}


def product_from_dict(record: Mapping[str, Any]) -> Product:
    """The inverse of ``product_to_dict``, for records Mercato wrote itself (outside data goes through ``data``)."""
    currency = record.get("currency", "")
    price, cost = record.get("price"), record.get("cost")
    return Product(
        id=record["id"],
        title=record["title"],
        description=record.get("description", ""),
        categories=tuple(record.get("categories", ())),
        brand=record.get("brand", ""),
        price=None if price is None else to_minor(price, currency),
        currency=currency,
        cost=None if cost is None else to_minor(cost, currency),
        availability=record.get("availability", "in-stock"),
        quantity=record.get("quantity"),
        images=tuple(record.get("images", ())),
        attributes={name: tuple(values) for name, values in record.get("attributes", {}).items()},
        rating=record.get("rating"),
        rating_count=record.get("rating_count"),
        group_id=record.get("group_id", ""),
        created_at=to_time(record.get("created_at")),
        url=record.get("url", ""),
        language=record.get("language", ""),
        sellable=record.get("sellable", True),
    )


def interaction_to_dict(event: Interaction) -> dict[str, Any]:
    """The event as JSON, empty fields left out; ``value`` in major units."""
    record: dict[str, Any] = {
        "type": event.type,
        "shopper_id": event.shopper_id,
        "at": from_time(event.at),
        "product_id": event.product_id,
        "quantity": event.quantity,
        "value": to_major(event.value, event.currency),
        "currency": event.currency,
        "query": event.query,
        "slate_id": event.slate_id,
        "position": event.position,
        "session_id": event.session_id,
        "event_id": event.event_id,
    }
    return {name: value for name, value in record.items() if value not in (None, "")}


def review_to_dict(review: Review) -> dict[str, Any]:
    """The review as JSON, empty fields left out."""
    record = {
        "product_id": review.product_id,
        "shopper_id": review.shopper_id,
        "rating": review.rating,
        "title": review.title,
        "text": review.text,
        "at": from_time(review.at),
        "language": review.language,
    }
    return {name: value for name, value in record.items() if value not in (None, "")}


def impression_to_dict(shown: Impression) -> dict[str, Any]:
    """What was shown, as the log keeps it."""
    return {
        "slate_id": shown.slate_id,
        "placement": shown.placement,
        "at": from_time(shown.at),
        "shopper_id": shown.shopper_id,
        "session_id": shown.session_id,
        "query": shown.query,
        "products": shown.products,
        "scores": shown.scores,
        "notes": dict(shown.notes),
        "total": shown.total,
        "versions": dict(shown.versions),
        "degraded": shown.degraded,
    }


def impression_from_dict(record: Mapping[str, Any]) -> Impression:
    """The inverse of ``impression_to_dict``; a number that JSON could not hold comes back as NaN."""
    notes = {name: _numbers(values) for name, values in record["notes"].items()}
    at = to_time(record["at"])
    if at is None:
        raise DataError("an impression has no time", where="at")
    return Impression(
        slate_id=record["slate_id"],
        placement=record["placement"],
        at=at,
        shopper_id=record["shopper_id"],
        session_id=record["session_id"],
        query=record["query"],
        products=tuple(record["products"]),
        scores=_numbers(record["scores"]),
        notes=notes,
        total=record["total"],
        versions=record["versions"],
        degraded=tuple(record["degraded"]),
    )


def _numbers(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in values)


def card_to_dict(product: Product) -> dict[str, Any]:
    """What a list shows of a product; every field is there, null where the product has none."""
    return {
        "id": product.id,
        "title": product.title,
        "price": to_major(product.price, product.currency),
        "currency": product.currency or None,
        "image": product.images[0] if product.images else None,
        "categories": list(product.categories),
        "brand": product.brand or None,
        "availability": product.availability,
        "attributes": {name: list(values) for name, values in product.attributes.items()},
    }


def _item_to_dict(item: Item, explain: bool) -> dict[str, Any]:
    record = card_to_dict(item.product) | {"score": item.score}
    if explain:
        record |= {"terms": dict(item.terms), "reason": item.reason, "evidence": list(item.evidence)}
    return record


def slate_to_dict(slate: Slate, *, explain: bool = False) -> dict[str, Any]:
    """The answer in CONTRACT.md's shape; ``terms``, ``reason`` and ``evidence`` only when asked to explain."""
    record: dict[str, Any] = {
        "slate_id": slate.id,
        "items": [_item_to_dict(item, explain) for item in slate.items],
        "total": slate.total,
        "degraded": list(slate.degraded),
        "versions": dict(slate.versions),
        "took_ms": slate.took_ms,
    }
    said = {
        "facets": {name: dict(counts) for name, counts in slate.facets.items()},
        "left_out": dict(slate.left_out),
        "ranges": {name: dict(spread) for name, spread in slate.ranges.items()},
        "corrected": slate.corrected,
        "relaxed": slate.relaxed,
        "every": slate.every,
        "total_products": slate.total_products,
        "meant": slate.meant,
        "conditions": [dict(one) for one in slate.conditions],
        "page": slate.page,
        "intent": slate.intent,
        "related": list(slate.related),
        "banners": [banner_to_dict(banner) for banner in slate.banners],
        "redirect": slate.redirect,
        "bundles": [bundle_to_dict(bundle) for bundle in slate.bundles],
    }
    return record | {name: value for name, value in said.items() if value}


def bundle_to_dict(bundle: Bundle) -> dict[str, Any]:
    """The bundle as JSON: ids, how many ``products``, their total, and what a page shows of each."""
    return {
        "ids": list(bundle.ids),
        "products": len(bundle.products),
        "price": to_major(bundle.price, bundle.currency),
        "currency": bundle.currency,
        "baskets": bundle.baskets,
        "reason": bundle.reason,
        "items": [card_to_dict(product) for product in bundle.products],
    }


def banner_to_dict(banner: Banner) -> dict[str, str]:
    """The banner as JSON, empty fields left out."""
    given = {"text": banner.text, "url": banner.url, "image": banner.image}
    return {name: value for name, value in given.items() if value}
