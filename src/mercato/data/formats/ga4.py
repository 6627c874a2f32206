"""Google Analytics 4 in (the BigQuery export, nested or flattened); events out, one for each item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mercato.data.formats.format import Format, Record, Rows, Sample, Typed, given

_VALUES = ("string_value", "int_value", "double_value", "float_value")


def _sniff(sample: Sample) -> bool:
    return sample.has("event_name") and (sample.has("event_timestamp") or sample.has("user_pseudo_id"))


def _params(listed: Any) -> dict[str, Any]:
    """[{"key": k, "value": {"int_value": 1}}] → {k: 1}."""
    params: dict[str, Any] = {}
    for pair in listed if isinstance(listed, list) else ():
        if isinstance(pair, Mapping) and "key" in pair:
            value = pair.get("value")
            params[str(pair["key"])] = given(value, *_VALUES) if isinstance(value, Mapping) else value
    return params


def _rows(rows: Rows) -> Typed:
    """Events that are no shopping (scroll, session_start …) are passed on too and refused by name, not dropped."""
    for line, record in rows:
        params = {**record, **_params(record.get("event_params"))}
        ecommerce = record.get("ecommerce")
        order = ecommerce if isinstance(ecommerce, Mapping) else {}
        event: dict[str, Any] = {
            "type": record.get("event_name"),
            "shopper_id": given(record, "user_id", "user_pseudo_id"),
            "at": given(record, "event_timestamp", "timestamp", "event_date"),
            "session_id": given(params, "ga_session_id", "session_id"),
            "query": given(params, "search_term"),
            "currency": given(params, "currency"),
        }
        items = [item for item in record.get("items") or () if isinstance(item, Mapping)]
        for item in items:
            yield line, "events", event | _item(item, params)
        if not items:
            whole = given(order, "purchase_revenue") or given(params, "value")
            yield line, "events", event | {"product_id": given(params, "item_id", "product_id"), "value": whole}


def _item(item: Record, params: Record) -> dict[str, Any]:
    return {
        "product_id": given(item, "item_id", "item_name"),
        "value": given(item, "price", "item_revenue"),
        "quantity": given(item, "quantity"),
        "position": given(item, "index", "item_list_index"),
        "slate_id": given(item, "item_list_id") or given(params, "item_list_id"),
    }


GA4 = Format("ga4", ("events",), sniff=_sniff, rows=_rows)
