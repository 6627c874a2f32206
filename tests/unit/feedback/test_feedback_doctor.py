"""The doctor finds what is wrong, counts it, and shows where."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from mercato.catalog import Catalog
from mercato.feedback.doctor import examine
from mercato.schema import Product
from shopping import NOW

GOOD = Product(id="good", title="Good", description="d", categories=("a",), brand="b", price=100, currency="USD")
CATALOG = Catalog.build(
    [
        GOOD,
        Product(id="bare", title="Bare"),
        Product(id="twin1", title="Twin", description="d", categories=("a",), price=100),
        Product(id="twin2", title="Twin", description="d", categories=("a",), price=100),
        Product(id="fuel", title="Fuel", sellable=False),
    ]
)
COLUMNS = ("type", "shopper_id", "product_id", "at", "slate_id", "position")


def frame(*events: dict[str, Any]) -> pl.DataFrame:
    default = {
        "type": "purchase-complete",
        "shopper_id": "u",
        "product_id": "good",
        "at": NOW,
        "slate_id": "",
        "position": 0,
    }
    types = [pl.String, pl.String, pl.String, pl.Datetime("us", "UTC"), pl.String, pl.Int64]
    return pl.DataFrame([default | event for event in events], schema=dict(zip(COLUMNS, types, strict=True)))


def findings(part: str, events: pl.DataFrame, catalog: Catalog | None = CATALOG) -> dict[str, dict[str, Any]]:
    return {one["what"]: one for one in examine(catalog, events, NOW)[part]}


@pytest.mark.parametrize(
    ("what", "severity", "count", "examples"),
    [
        ("not for sale (coupons, fuel, services)", "info", 1, ("fuel",)),
        ("no price", "warning", 1, ("bare",)),
        ("no category", "warning", 1, ("bare",)),
        ("no description", "info", 1, ("bare",)),
        ("title shared with another product", "info", 2, ("twin1", "twin2")),
    ],
)
def test_what_is_wrong_with_products(what: str, severity: str, count: int, examples: tuple[str, ...]) -> None:
    found = findings("catalogue", frame())[what]
    assert (found["severity"], found["count"], found["examples"]) == (severity, count, examples)
    assert found["share"] == count / 5
    assert found["cost"]
    assert found["hint"]


def test_a_good_catalogue_has_nothing_but_ok() -> None:
    found = findings("catalogue", frame(), Catalog.build([GOOD]))
    assert {one["severity"] for one in found.values()} == {"ok"}
    assert {one["count"] for one in found.values()} == {0}


def test_what_is_wrong_with_events() -> None:
    events = frame(
        {"product_id": "gone", "shopper_id": "v"},
        {"product_id": ""},
        {"at": NOW + timedelta(hours=2), "shopper_id": "w"},
        {"at": NOW + timedelta(minutes=59)},
        {"type": "detail-page-view", "shopper_id": "x"},
        {"type": "detail-page-view", "slate_id": "s"},
        {"type": "search", "product_id": ""},
    )
    found = findings("events", events)
    counts = {what: (one["severity"], one["count"], one["examples"]) for what, one in found.items()}
    assert counts["product not in the catalogue"][0] == "warning"
    assert "gone" in counts["product not in the catalogue"][2]
    assert counts["event without a product"] == ("error", 1, ("",))
    assert counts["in the future"] == ("error", 1, ("w",))
    assert counts["view or cart without the list it came from"] == ("info", 1, ("x",))


def test_an_event_without_a_product_is_not_also_one_of_an_unknown_product() -> None:
    assert findings("events", frame({"product_id": ""}))["product not in the catalogue"]["count"] == 0


def test_too_few_shoppers_with_two_purchases_are_said() -> None:
    few = frame(*({"shopper_id": str(n % 24)} for n in range(48)))
    enough = frame(*({"shopper_id": str(n % 25)} for n in range(50)))
    assert findings("events", few)["shoppers with at least two purchases"]["count"] == 24
    assert "shoppers with at least two purchases" not in findings("events", enough)


@pytest.mark.parametrize("now", [NOW])
def test_an_untrained_and_empty_shop_is_examined_too(now: datetime) -> None:
    said = examine(None, frame(), now)
    assert said["catalogue"][0]["what"] == "nothing trained yet"
    assert said["counts"] == {"products": 0, "events": 0, "shoppers": 0, "by_type": {}}


def test_counts_by_type() -> None:
    events = frame({}, {"shopper_id": "v"}, {"type": "search"})
    assert examine(CATALOG, events, NOW)["counts"] == {
        "products": 5,
        "events": 3,
        "shoppers": 2,
        "by_type": {"purchase-complete": 2, "search": 1},
    }
