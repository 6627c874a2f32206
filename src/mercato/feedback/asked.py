"""Search events and answered searches in, the queries that may be offered to others out: asked by many, answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.schema import GRADES, Rows
from mercato.words import QUERY_CHARACTERS, normalise, tokenise

EVENTS = ("type", "shopper_id", "product_id", "at", "session_id", "query", "slate_id")
"""Columns of the event log that are read."""
SEARCHES = ("slate_id", "query", "total", "at", "shopper_id", "session_id")
"""Columns of the searches answered, one row a list."""

LEAST = 3
"""A query is shown to others once so many different shoppers have asked it."""
_PERSONAL = re.compile(r"\S@\S|(?:\d[\s().,+/:-]*){7}")
"""An e-mail address, or seven digits in a row: a telephone, card or order number."""
_LONGEST = 80
_VISIT = timedelta(minutes=30)
"""What is further apart than this belongs to two visits."""


@dataclass(frozen=True)
class Asked:
    """The q queries that may be offered to others, each in its most usual spelling, most asked first.

    ``shoppers`` (q,): how many asked. Choice j says that ``weights[j]`` shoppers chose catalogue row ``rows[j]`` after
    query ``queries[j]``; step j that ``walkers[j]`` shoppers, as many as had to ask a query or more, asked ``then[j]``
    next after ``first[j]`` in one visit.
    """

    texts: tuple[str, ...]
    shoppers: NDArray[np.int64]
    queries: NDArray[np.int32]
    rows: Rows
    weights: NDArray[np.int64]
    first: NDArray[np.int32]
    then: NDArray[np.int32]
    walkers: NDArray[np.int64]

    def popular(self) -> list[tuple[str, int, int]]:
        """Each query with how many asked it, and the catalogue row that most chose then."""
        best = np.empty(len(self.texts), np.int32)
        order = np.lexsort((-self.rows, self.weights))
        best[self.queries[order]] = self.rows[order]  # of several writes to one place the last stays
        return list(zip(self.texts, self.shoppers.tolist(), best.tolist(), strict=True))


def asked(
    events: pl.DataFrame,
    searches: pl.DataFrame,
    catalog: Catalog,
    *,
    corrected: Callable[[str], str] = lambda query: "",
    least: int = LEAST,
) -> Asked:
    """What was searched for, of ``events`` with the columns EVENTS and ``searches`` with SEARCHES, in any order.

    A query that the shop reads in another spelling (``corrected``; "" where it does not) counts as that one.

    Privacy: a query stays only when at least ``least`` different shoppers asked it (a shopper without a name counts as
    their session), and never with an e-mail address or a long number in it. It also must have found something, whatever
    the filter, and somebody must have looked at something or taken it then. What is done after a search counts for it
    when it names the search's list; looking and taking into the cart also when it names no list and comes within half
    an hour of the shopper's last search.
    """
    asks = _asks(events, searches, corrected)
    known = asks.group_by("key").agg(
        pl.col("who").drop_nulls().n_unique().alias("shoppers"), pl.col("written").mode().min(), pl.col("total").max()
    )
    choices = _choices(events, asks, catalog)
    known = known.filter((pl.col("shoppers") >= least) & (pl.col("total").is_null() | (pl.col("total") > 0)))
    known = known.join(choices, on="key", how="semi").sort(["shoppers", "key"], descending=[True, False])
    number = known.select("key", number=pl.int_range(pl.len(), dtype=pl.Int32))
    chosen = choices.join(number, on="key").group_by("number", "row").agg(pl.col("who").n_unique())
    chosen = chosen.sort("number", "row")
    steps = _steps(asks, number).filter(pl.col("who") >= least)
    return Asked(
        texts=tuple(known["written"].to_list()),
        shoppers=_integers(known["shoppers"]),
        queries=chosen["number"].to_numpy(),
        rows=chosen["row"].to_numpy(),
        weights=_integers(chosen["who"]),
        first=steps["number"].to_numpy(),
        then=steps["next"].to_numpy(),
        walkers=_integers(steps["who"]),
    )


def _integers(column: pl.Series) -> NDArray[Any]:
    return column.cast(pl.Int64).to_numpy()


def _asks(events: pl.DataFrame, searches: pl.DataFrame, corrected: Callable[[str], str]) -> pl.DataFrame:
    """One row a search: key, written, who (null where nobody is known), at, slate_id, total (null where only an event
    tells of it)."""
    told = events.filter(pl.col("type") == "search").select(*_OF_A_SEARCH, total=pl.lit(None, pl.Int64))
    both = pl.concat([told, searches.select(*_OF_A_SEARCH, "total")])
    both = both.with_columns(pl.col("query").fill_null("").str.slice(0, QUERY_CHARACTERS))
    read = _read(both["query"].unique(), corrected)
    return (
        both.join(read, on="query")
        .with_columns(who=_who())
        .select("key", "written", "who", "at", "slate_id", "total")
        .sort("at")
    )


_OF_A_SEARCH = ("query", "shopper_id", "session_id", "at", "slate_id")


def _who() -> pl.Expr:
    """Who asked: the shopper, else the session; null where neither is known."""
    shopper, session = pl.col("shopper_id").fill_null(""), pl.col("session_id").fill_null("")
    return pl.when(shopper != "").then("u" + shopper).when(session != "").then("s" + session)


def _read(queries: pl.Series, corrected: Callable[[str], str]) -> pl.DataFrame:
    """query → key (its terms, so that "Oat Milks" and "oat milk" are one) and a tidy spelling; private and empty ones
    are left out."""
    rows = []
    for query in queries.to_list():
        plain = normalise(query)
        if len(plain) > _LONGEST or _PERSONAL.search(plain):
            continue
        spelt = corrected(query) or query
        if terms := tokenise(spelt):
            rows.append((query, " ".join(terms), " ".join(spelt.lower().split())))
    return pl.DataFrame(rows, {"query": pl.String, "key": pl.String, "written": pl.String}, orient="row")


def _choices(events: pl.DataFrame, asks: pl.DataFrame, catalog: Catalog) -> pl.DataFrame:
    """One row a product that somebody chose after a search: key, row, who."""
    products = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog), dtype=np.int32)})
    did = (
        events.filter(pl.col("type").is_in(list(GRADES)))
        .with_columns(pl.col("slate_id").fill_null(""), who=_who())
        .join(products, on="product_id")
    )
    lists = asks.filter(pl.col("slate_id") != "").select("slate_id", "key").unique("slate_id", keep="first")
    pointed = did.join(lists, on="slate_id").select("key", "row", "who")
    loose = did.filter((pl.col("slate_id") == "") & (pl.col("type") != "purchase-complete")).sort("at")
    last = asks.drop_nulls("who").select("who", "at", "key")
    followed = loose.join_asof(last, on="at", by="who", tolerance=_VISIT, check_sortedness=False).drop_nulls("key")
    return pl.concat([pointed, followed.select("key", "row", "who")])


def _steps(asks: pl.DataFrame, number: pl.DataFrame) -> pl.DataFrame:
    """number, next, who: how many shoppers asked one query right after another in one visit."""
    walk = asks.drop_nulls("who").select("who", "at", "key").sort("who", "at", maintain_order=True)
    walk = walk.with_columns(next_key=pl.col("key").shift(-1).over("who"), next_at=pl.col("at").shift(-1).over("who"))
    walk = walk.filter((pl.col("next_key") != pl.col("key")) & (pl.col("next_at") - pl.col("at") <= _VISIT))
    pairs = walk.join(number, on="key").join(number.rename({"key": "next_key", "number": "next"}), on="next_key")
    return pairs.group_by("number", "next").agg(pl.col("who").n_unique()).sort("number", "next")
