"""Amazon reviews and item metadata (JSONL of 2014, 2018 and 2023) in; reviews, events and products out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed, given


def _sniff(sample: Sample) -> bool:
    old = sample.has("reviewerID", "asin", "overall")
    new = sample.has("parent_asin", "user_id", "rating", "timestamp")
    return old or new or (sample.has("parent_asin", "title") and sample.has("main_category"))


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        if given(record, "user_id", "reviewerID") is None and "title" in record:
            yield line, "products", _product(record)
        else:
            review = _review(record)
            yield line, "reviews", review
            yield line, "events", _event(record, review)


def _review(record: Record) -> dict[str, Any]:
    return {
        "product_id": given(record, "parent_asin", "asin"),
        "shopper_id": given(record, "user_id", "reviewerID"),
        "rating": given(record, "rating", "overall"),
        "title": given(record, "title", "summary"),
        "text": given(record, "text", "reviewText"),
        "at": given(record, "timestamp", "unixReviewTime"),
    }


def _event(record: Record, review: Record) -> dict[str, Any]:
    """A verified purchase is a purchase; any other review is only that."""
    kind = "purchase-complete" if given(record, "verified_purchase", "verified") is True else "review"
    return {"type": kind, **{name: review[name] for name in ("product_id", "shopper_id", "at")}}


def _product(record: Record) -> dict[str, Any]:
    images = [
        given(image, "large", "hi_res", "thumb") if isinstance(image, Mapping) else image
        for image in record.get("images") or record.get("imageURLHighRes") or ()
    ]
    categories = [part for part in record.get("categories") or record.get("category") or () if isinstance(part, str)]
    price = record.get("price")
    return {
        "id": given(record, "parent_asin", "asin"),
        "title": record.get("title"),
        "description": " ".join(_texts(record.get("description")) + _texts(record.get("features"))),
        "categories": [" > ".join(categories)] if categories else _texts(record.get("main_category")),
        "brand": given(record, "store", "brand"),
        "price": None if isinstance(price, str) and not any(map(str.isdigit, price)) else price,
        "currency": "USD",
        "images": [image for image in images if image],
        "rating": record.get("average_rating"),
        "rating_count": record.get("rating_number"),
        "attributes": {name: value for name, value in _details(record).items() if not isinstance(value, Mapping)},
    }


def _texts(value: Any) -> list[str]:
    return [str(part) for part in value if part] if isinstance(value, list) else [str(value)] if value else []


def _details(record: Record) -> Record:
    details = record.get("details")
    return details if isinstance(details, Mapping) else {}


AMAZON = Format("amazon", ("reviews", "events", "products"), sniff=_sniff, rows=_rows)
