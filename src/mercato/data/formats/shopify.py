"""Shopify's product export (CSV) in; one product for each variant out, variants of a handle in one group."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed

_TAG = re.compile(r"<[^>]*>")
_FIRST_ROW_ONLY = ("Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Published", "Status")


def _sniff(sample: Sample) -> bool:
    return {"Handle", "Title"} <= set(sample.columns) and any(name.startswith("Variant ") for name in sample.columns)


def _rows(rows: Rows) -> Typed:
    """Rows of one handle stand together: the first has the texts, each may have a variant, an image, or both."""
    block: list[tuple[int, Record]] = []
    for line, record in rows:
        if block and record.get("Handle") != block[0][1].get("Handle"):
            yield from _block(block)
            block = []
        block.append((line, record))
    if block:
        yield from _block(block)


def _block(block: list[tuple[int, Record]]) -> Iterator[tuple[int, str, Record]]:
    first = block[0][1]
    shared = {name: first.get(name) for name in _FIRST_ROW_ONLY}
    names = {number: first.get(f"Option{number} Name") for number in (1, 2, 3)}
    images = [found for _, row in block if (found := row.get("Image Src"))]
    for place, (line, row) in enumerate(block):
        if place == 0 or row.get("Variant Price") or row.get("Variant SKU"):
            yield line, "products", _product({**row, **shared}, names, images, place)


def _product(row: Record, names: dict[int, Any], images: list[Any], place: int) -> dict[str, Any]:
    handle = row.get("Handle") or ""
    options = {
        names[number]: value
        for number in names
        if names[number] and (value := row.get(f"Option{number} Value")) and value != "Default Title"
    }
    title = " ".join([str(row.get("Title") or ""), *([f"({', '.join(options.values())})"] if options else [])])
    tags = [tag.strip() for tag in (row.get("Tags") or "").split(",") if tag.strip()]
    shown = (row.get("Status") or "active").lower() == "active" and (row.get("Published") or "true").lower() == "true"
    return {
        "id": row.get("Variant SKU") or (f"{handle}-{place + 1}" if place else handle),
        "title": title if row.get("Title") else "",
        "description": " ".join(html.unescape(_TAG.sub(" ", row.get("Body (HTML)") or "")).split()),
        "categories": row.get("Product Category") or row.get("Type"),
        "brand": row.get("Vendor"),
        "price": row.get("Variant Price"),
        "cost": row.get("Cost per item"),
        "quantity": row.get("Variant Inventory Qty"),
        "images": [row["Variant Image"], *images] if row.get("Variant Image") else images,
        "attributes": {**options, **({"tags": tags} if tags else {})},
        "group_id": handle,
        "sellable": shown,
    }


SHOPIFY = Format("shopify", ("products",), sniff=_sniff, rows=_rows)
