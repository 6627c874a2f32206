"""Catalogue and events in, what is wrong with them and what each problem costs out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.schema import GRADES


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: ``severity`` is ok, info, warning or error; ``share`` of all products or events."""

    severity: str
    what: str
    count: int
    share: float
    cost: str
    hint: str
    examples: tuple[str, ...] = ()


def examine(catalog: Catalog | None, events: pl.DataFrame, now: datetime) -> dict[str, Any]:
    """Findings about the catalogue and about ``events`` (type, shopper_id, product_id, at, slate_id, position)."""
    products = _catalogue(catalog) if catalog is not None else [_untrained()]
    log = _events(events, catalog, now)
    types = events["type"].value_counts(sort=True) if len(events) else pl.DataFrame({"type": [], "count": []})
    return {
        "catalogue": [asdict(finding) for finding in products],
        "events": [asdict(finding) for finding in log],
        "counts": {
            "products": len(catalog) if catalog is not None else 0,
            "events": len(events),
            "shoppers": events["shopper_id"].n_unique() if len(events) else 0,
            "by_type": dict(types.iter_rows()),
        },
    }


def _untrained() -> Finding:
    return Finding("error", "nothing trained yet", 0, 0.0, "no list can be made", "run: mercato train SHOP")


def _catalogue(catalog: Catalog) -> list[Finding]:
    n = max(len(catalog), 1)

    def finding(severity: str, what: str, bad: NDArray[np.bool_], cost: str, hint: str) -> Finding:
        count = int(bad.sum())
        examples = tuple(catalog.ids[row] for row in np.flatnonzero(bad)[:5])
        return Finding(severity if count else "ok", what, count, round(count / n, 4), cost, hint, examples)

    sellable = catalog.sellable
    described = np.array([b'"description"' in catalog.record(row) for row in range(len(catalog))], bool)
    titled: dict[str, int] = {}
    titles = [catalog.product(row).title for row in range(len(catalog))]
    for title in titles:
        titled[title] = titled.get(title, 0) + 1
    twins = np.array([titled[title] > 1 for title in titles], bool)
    return [
        finding("info", "not for sale (coupons, fuel, services)", ~sellable, "never shown", "set sellable if wrong"),
        finding(
            "warning", "no price", sellable & np.isnan(catalog.numbers["price"]),
            "left out by price filters and price sorting", "send price and currency",
        ),
        finding(
            "warning", "no category", sellable & (catalog.leaf < 0),
            "left out of browsing, of category affinity and of category caps", "send categories as 'a > b'",
        ),
        finding(
            "info", "no description", sellable & ~described,
            "search by meaning sees the title only", "send description",
        ),
        finding(
            "info", "title shared with another product", sellable & twins,
            "shoppers cannot tell them apart", "put size, maker or colour into the title, or set group_id",
        ),
    ]  # fmt: skip


def _events(events: pl.DataFrame, catalog: Catalog | None, now: datetime) -> list[Finding]:
    n = max(len(events), 1)

    def finding(severity: str, what: str, bad: pl.Expr, cost: str, hint: str) -> Finding:
        wrong = events.filter(bad)
        column = "product_id" if "product" in what else "shopper_id"
        examples = tuple(wrong[column].unique(maintain_order=True).head(5).to_list())
        count = len(wrong)
        return Finding(severity if count else "ok", what, count, round(count / n, 4), cost, hint, examples)

    graded = pl.col("type").is_in(list(GRADES))
    nameless = pl.col("product_id") == ""
    known = pl.Series(catalog.ids if catalog is not None else [], dtype=pl.String)
    found = [
        finding(
            "warning", "product not in the catalogue",
            graded & ~nameless & ~pl.col("product_id").is_in(known.implode()),
            "teaches nothing until the product is imported", "import the product; the event is kept and then counts",
        ),
        finding(
            "error", "event without a product", graded & nameless,
            "teaches nothing", "send product_id with views, carts and purchases",
        ),
        finding(
            "error", "in the future", pl.col("at") > now + timedelta(hours=1), "counts as newest", "check the clock"
        ),
        finding(
            "info", "view or cart without the list it came from",
            pl.col("type").is_in(["detail-page-view", "add-to-cart"]) & (pl.col("slate_id") == ""),
            "cannot be joined to what was shown: no learning from position", "send slate_id and position",
        ),
    ]  # fmt: skip
    return [*found, *_enough(events)]


def _enough(events: pl.DataFrame) -> list[Finding]:
    shoppers = events.filter(pl.col("type") == "purchase-complete").group_by("shopper_id").len()
    ready = int((shoppers["len"] >= 2).sum()) if len(shoppers) else 0
    if ready >= 25:
        return []
    cost = "weights of the score stay built-in; lists lean on content and what sells"
    hint = "about 25 such shoppers make behaviour useful, 1,000 events make it good"
    return [Finding("warning", "shoppers with at least two purchases", ready, 0.0, cost, hint)]
