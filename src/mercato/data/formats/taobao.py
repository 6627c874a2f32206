"""Taobao's UserBehavior in (CSV without a header: user, item, category, pv|cart|fav|buy, UNIX time); events out."""

from __future__ import annotations

import polars as pl

from mercato.data.formats.format import Format, Sample

_BEHAVIOURS = frozenset({"pv", "cart", "fav", "buy"})
_COLUMNS = ("shopper_id", "product_id", "category_id", "type", "at")


def _sniff(sample: Sample) -> bool:
    cells = sample.columns
    return len(cells) == len(_COLUMNS) and cells[3] in _BEHAVIOURS and cells[4].isdigit()


def _tables(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {"events": frame.drop("category_id")}


TAOBAO = Format("taobao", ("events",), sniff=_sniff, tables=_tables, columns=_COLUMNS)
