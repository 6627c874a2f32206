"""Gorse JSONL in (users, items and feedback, one file each or mixed); shoppers, products and events out."""

from __future__ import annotations

from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed


def _sniff(sample: Sample) -> bool:
    names = set(sample.columns)
    return bool({"UserId", "ItemId"} & names) and bool(names & {"FeedbackType", "Labels", "Categories", "IsHidden"})


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        if "FeedbackType" in record:
            yield line, "events", _event(record)
        elif "ItemId" in record:
            yield line, "products", _product(record)
        else:
            yield line, "shoppers", {"id": record.get("UserId"), "attributes": _labelled(record.get("Labels"))}


def _event(record: Record) -> dict[str, Any]:
    """Gorse's Value is a weight, not money, so it is left out."""
    names = {"type": "FeedbackType", "shopper_id": "UserId", "product_id": "ItemId", "at": "Timestamp"}
    return {field: record.get(name) for field, name in names.items()}


def _product(record: Record) -> dict[str, Any]:
    item = record.get("ItemId")
    return {
        "id": item,
        "title": record.get("Comment") or item,
        "categories": record.get("Categories"),
        "created_at": record.get("Timestamp"),
        "sellable": not record.get("IsHidden", False),
        "attributes": _labelled(record.get("Labels")),
    }


def _labelled(labels: Any) -> Any:
    """Labels are a map, or (older versions) a list of words; embeddings are no attribute."""
    if isinstance(labels, list):
        return {"labels": labels}
    if not isinstance(labels, dict):
        return labels
    return {name: value for name, value in labels.items() if name != "embedding"}


GORSE = Format("gorse", ("products", "shoppers", "events"), sniff=_sniff, rows=_rows)
