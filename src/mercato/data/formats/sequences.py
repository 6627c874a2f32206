"""Sequence files in ("user item item …" a line, oldest first, as sequence models use them); purchases out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mercato.data.formats.format import Format, Rows, Sample, Typed

START, STEP = datetime(2000, 1, 1, tzinfo=UTC), timedelta(hours=1)
"""The times are made up: a shopper's first item at START, each next one a STEP later."""
_LINE = re.compile(r"\d+( \d+){1,}\s*")


def _sniff(sample: Sample) -> bool:
    return bool(_LINE.fullmatch(sample.first))


def _rows(rows: Rows) -> Typed:
    for line, record in rows:
        shopper, *items = _words(record)
        for place, item in enumerate(items):
            event = {"type": "purchase-complete", "shopper_id": shopper, "product_id": item, "at": START + place * STEP}
            yield line, "events", event


def _target_rows(rows: Rows) -> Typed:
    for line, record in rows:
        named = {name.partition(":")[0]: str(value or "") for name, value in record.items()}
        items = [*named["item_id_list"].split(), named["item_id"].strip()]
        for place, item in enumerate(items):
            event = {
                "type": "purchase-complete", "shopper_id": named["user_id"], "product_id": item,
                "at": START + place * STEP,
            }  # fmt: skip
            yield line, "events", event


def _words(record: Mapping[str, object]) -> list[str]:
    return str(record["sequence"]).split() or [""]


SEQUENCES = Format("sequences", ("events",), sniff=_sniff, rows=_rows, columns=("sequence",), delimiter="\0")
TARGETS = Format(
    "sequences-with-target", ("events",), rows=_target_rows,
    sniff=lambda sample: sample.has("user_id:token", "item_id_list:token_seq", "item_id:token"),
)  # fmt: skip
"""The same as a table with a header: user, items oldest first, and the one after them (RecBole's sequential files)."""
