"""Metarank JSONL in (item, user, ranking, interaction); products, shoppers and events out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed

_EVENTS = {"item", "user", "ranking", "interaction"}
_PRODUCT_FIELDS = frozenset({"title", "name", "description", "category", "categories", "brand", "price", "currency"})


def _sniff(sample: Sample) -> bool:
    return sample.has("event", "id", "timestamp") and any(row.get("event") in _EVENTS for row in sample.records)


def _fields(record: Record) -> dict[str, Any]:
    pairs = record.get("fields")
    return {
        str(pair["name"]): pair.get("value")
        for pair in (pairs if isinstance(pairs, list) else ())
        if isinstance(pair, Mapping) and "name" in pair
    }


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        event, found = record.get("event"), _fields(record)
        if event == "item":
            yield line, "products", _product(record, found)
        elif event == "user":
            yield line, "shoppers", {"id": record.get("user") or record.get("id"), "attributes": found}
        elif event == "ranking":
            yield from ((line, "events", shown) for shown in _shown(record, found))
        else:
            yield line, "events", _shared(record) | _interaction(record, found)


def _product(record: Record, found: Record) -> dict[str, Any]:
    product_id = record.get("item") or record.get("id")
    known = {name: value for name, value in found.items() if name in _PRODUCT_FIELDS}
    rest = {name: value for name, value in found.items() if name not in _PRODUCT_FIELDS}
    title = found.get("title") or found.get("name") or product_id
    return {**known, "id": product_id, "title": title, "attributes": rest}


def _shared(record: Record) -> dict[str, Any]:
    return {"shopper_id": record.get("user"), "session_id": record.get("session"), "at": record.get("timestamp")}


def _shown(record: Record, found: Record) -> list[dict[str, Any]]:
    """One impression for each item of a ranking, in its place, and a search where there was a query."""
    shared = _shared(record) | {"slate_id": record.get("id"), "query": found.get("query") or ""}
    items = [item for item in record.get("items") or () if isinstance(item, Mapping)]
    events = [
        shared | {"type": "impression", "product_id": item.get("id"), "position": place}
        for place, item in enumerate(items)
    ]
    return [shared | {"type": "search"}, *events] if shared["query"] else events


def _interaction(record: Record, found: Record) -> dict[str, Any]:
    return {
        "type": record.get("type") or record.get("event"),
        "product_id": record.get("item"),
        "slate_id": record.get("ranking"),
        "event_id": record.get("id"),
        "value": found.get("value"),
    }


METARANK = Format("metarank", ("products", "shoppers", "events"), sniff=_sniff, rows=_rows)
