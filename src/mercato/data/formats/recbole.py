"""RecBole's atomic files in (.inter, .item, .user: tabs, "name:type" headers); events, products, shoppers out."""

from __future__ import annotations

import polars as pl

from mercato.data.formats.format import Format, Sample

_TYPES = ("token", "token_seq", "float", "float_seq")
_TITLES = ("title", "movie_title", "name", "item_name", "title_id")
_CATEGORIES = ("categories", "category", "class", "genre", "genres")


def _sniff(sample: Sample) -> bool:
    return bool(sample.columns) and all(name.rpartition(":")[2] in _TYPES for name in sample.columns)


def _tables(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    frame = frame.rename({name: name.rpartition(":")[0] or name for name in frame.columns})
    if {"user_id", "item_id"} <= set(frame.columns):
        return _interactions(frame)
    return {"products": _products(frame)} if "item_id" in frame.columns else {"shoppers": frame}


def _interactions(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Interactions are implicit feedback and count as purchases; those with a rating are reviews as well."""
    names = {"user_id": "shopper_id", "item_id": "product_id", "timestamp": "at"}
    shared = frame.select(
        pl.col("_line"), *(pl.col(name).alias(to) for name, to in names.items() if name in frame.columns)
    )
    tables = {"events": shared.with_columns(type=pl.lit("purchase-complete"))}
    if "rating" in frame.columns:
        tables["reviews"] = shared.with_columns(frame["rating"])
    return tables


def _products(frame: pl.DataFrame) -> pl.DataFrame:
    """Items without a title get their id; a token sequence of classes is one category a token."""
    title = next((name for name in _TITLES if name in frame.columns), "item_id")
    category = next((name for name in _CATEGORIES if name in frame.columns), None)
    columns = [pl.coalesce(pl.col(title).replace("", None), "item_id").alias("title")]
    if category is not None:
        columns.append(pl.col(category).str.split(" ").alias("categories"))
    taken = {title, category} - {"item_id", "title", "categories"}
    return frame.with_columns(columns).drop(name for name in taken if name is not None)


RECBOLE = Format("recbole", ("events", "reviews", "products", "shoppers"), sniff=_sniff, tables=_tables, delimiter="\t")
