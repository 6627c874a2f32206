"""User Behavior Insights 1.3 (NDJSON of ubi_events and ubi_queries) in; events out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed, given


def _sniff(sample: Sample) -> bool:
    event = sample.has("action_name", "timestamp")
    return event or (sample.has("query_id", "user_query") and sample.has("client_id"))


def _child(record: Record, name: str) -> Record:
    found = record.get(name)
    return found if isinstance(found, Mapping) else {}


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        yield line, "events", _event(record) if "action_name" in record else _query(record)


def _shared(record: Record) -> dict[str, Any]:
    return {
        "shopper_id": given(record, "user_id", "client_id"),
        "at": record.get("timestamp"),
        "session_id": record.get("session_id"),
        "slate_id": record.get("query_id"),
        "query": record.get("user_query"),
    }


def _event(record: Record) -> dict[str, Any]:
    about = _child(record, "event_attributes")
    thing, place = _child(about, "object"), _child(about, "position").get("ordinal")
    ordinal = place - 1 if isinstance(place, int) and place > 0 else place  # UBI counts the nth item from 1
    event = _shared(record) | {
        "type": record.get("action_name"),
        "product_id": given(thing, "object_id", "internal_id"),
        "position": ordinal,
        "event_id": given(record, "event_id"),
    }
    detail = _child(thing, "object_detail")
    return event | {"value": given(detail, "price"), "quantity": given(detail, "quantity")}


def _query(record: Record) -> dict[str, Any]:
    return _shared(record) | {"type": "search"}


UBI = Format("ubi", ("events",), sniff=_sniff, rows=_rows)
