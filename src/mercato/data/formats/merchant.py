"""Google Merchant Center's feed (tab- or comma-separated) in; products out. Prices read "15.00 USD"."""

from __future__ import annotations

from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed

_TAKEN = {
    "id": "id", "title": "title", "description": "description", "brand": "brand", "availability": "availability",
    "item_group_id": "group_id", "link": "url", "quantity": "quantity", "sell_on_google_quantity": "quantity",
}  # fmt: skip
_SPECIAL = {"price", "sale_price", "cost_of_goods_sold", "image_link", "additional_image_link", "product_type"}


def _sniff(sample: Sample) -> bool:
    return sample.has("id", "title", "link", "price") and (sample.has("image_link") or sample.has("availability"))


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        yield (
            line,
            "products",
            _product({name.strip().lower().replace(" ", "_"): cell for name, cell in record.items()}),
        )


def _product(row: Record) -> dict[str, Any]:
    paths = [path for name in ("product_type", "google_product_category") if (path := row.get(name))]
    more = [image.strip() for image in (row.get("additional_image_link") or "").split(",")]
    rest = {
        name: value
        for name, value in row.items()
        if name not in _TAKEN and name not in _SPECIAL and name != "google_product_category" and value
    }
    return {
        **{field: row[name] for name, field in _TAKEN.items() if row.get(name)},
        "price": row.get("sale_price") or row.get("price"),
        "cost": row.get("cost_of_goods_sold"),
        "categories": [path for path in paths if not path.isdigit()],
        "images": [image for image in (row.get("image_link"), *more) if image],
        "attributes": rest,
    }


MERCHANT = Format("merchant", ("products",), sniff=_sniff, rows=_rows)
