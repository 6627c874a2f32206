"""Amazon Personalize's CSV datasets in: interactions, items or users, told by their columns."""

from __future__ import annotations

import polars as pl

from mercato.data.formats.format import Format, Sample


def _sniff(sample: Sample) -> bool:
    names = set(sample.columns)
    interactions, items = {"USER_ID", "ITEM_ID", "TIMESTAMP"}, {"ITEM_ID", "CREATION_TIMESTAMP"}
    return interactions <= names or items <= names or ("ITEM_ID" in names and _leveled(sample)) or _users(sample)


def _leveled(sample: Sample) -> bool:
    return any(name.startswith("CATEGORY_L") for name in sample.columns)


def _users(sample: Sample) -> bool:
    return sample.columns[:1] == ("USER_ID",) and all(name.isupper() for name in sample.columns)


def _tables(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    columns = set(frame.columns)
    if {"USER_ID", "ITEM_ID"} <= columns:
        return {"events": _events(frame)}
    return {"products": _products(frame)} if "ITEM_ID" in columns else {"shoppers": frame}


def _events(frame: pl.DataFrame) -> pl.DataFrame:
    """EVENT_VALUE may be a rating or a watch time, so it counts as money only for purchases."""
    kind = pl.col("EVENT_TYPE") if "EVENT_TYPE" in frame.columns else pl.lit("detail-page-view")
    bought = kind.cast(pl.String).str.to_lowercase().str.contains("purchase|order|buy")
    value = pl.when(bought).then(pl.col("EVENT_VALUE")) if "EVENT_VALUE" in frame.columns else pl.lit(None, pl.Float64)
    slate = pl.col("RECOMMENDATION_ID") if "RECOMMENDATION_ID" in frame.columns else pl.lit("")
    return frame.select(
        "_line",
        type=kind,
        shopper_id="USER_ID",
        product_id="ITEM_ID",
        at="TIMESTAMP",
        value=value,
        slate_id=slate,
    )


def _products(frame: pl.DataFrame) -> pl.DataFrame:
    """Items need no title there; the id stands in. CATEGORY_L1..L3 are one path."""
    levels = sorted(name for name in frame.columns if name.startswith("CATEGORY_L"))
    titled = next(
        (name for name in ("TITLE", "NAME", "PRODUCT_NAME", "PRODUCT_TITLE") if name in frame.columns), "ITEM_ID"
    )
    path = pl.concat_str([pl.col(name).replace("", None) for name in levels], separator=" > ", ignore_nulls=True)
    frame = frame.with_columns(title=pl.coalesce(pl.col(titled).replace("", None), "ITEM_ID").cast(pl.String))
    return frame.with_columns(categories=path).drop(levels) if levels else frame


PERSONALIZE = Format("personalize", ("events", "products", "shoppers"), sniff=_sniff, tables=_tables)
