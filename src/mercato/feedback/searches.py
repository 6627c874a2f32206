"""Answered searches and what was clicked in, how often each query is asked and clicked out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.errors import RequestError
from mercato.words import normalise

LEAST = 5
"""A query asked less often tells nothing about its clicks."""
SAMPLES = ("frequent", "weighted", "random")
_VISIT = timedelta(minutes=30)
_95 = 1.959964


def asked(searches: pl.DataFrame, clicks: pl.DataFrame) -> pl.DataFrame:
    """One row a query, most often asked first: ``query`` in its most usual spelling, ``times`` it was asked, ``found``
    (times with a result), ``clicked`` (of those, with a click), ``first`` (of those, on the first place), ``last_at``.

    ``searches`` are lists (slate_id, query, total, at, shopper_id, session_id), ``clicks`` what was done with them
    (slate_id, position, shopper_id). The lists that one shopper got for one query within half an hour of each other
    are one search: further pages, filters and the way back from a product are no new question.
    """
    keys = {query: normalise(query) for query in searches["query"].unique().to_list()}
    lists = searches.with_columns(key=pl.col("query").replace_strict(keys, return_dtype=pl.String)).with_columns(
        query=pl.col("query").str.replace_all(r"\s+", " ").str.strip_chars(), who=_who()
    )
    lists = lists.filter(pl.col("key") != "").sort("who", "key", "at", maintain_order=True)
    apart = pl.col("at") - pl.col("at").shift(1).over("who", "key") > _VISIT
    lists = lists.with_columns(search=apart.fill_null(True).cum_sum())
    each = lists.join(_clicked(lists, clicks), on="slate_id", how="left").group_by("search").agg(
        pl.col("key", "query").first(),
        pl.col("at").max(),
        found=(pl.col("total") > 0).any(),
        clicked=pl.col("clicked").fill_null(False).any(),
        first=pl.col("first").fill_null(False).any(),
    )  # fmt: skip
    counted = each.group_by("key").agg(
        pl.col("query").mode().min(),
        pl.len().cast(pl.Int64).alias("times"),
        pl.col("found", "clicked", "first").cast(pl.Int64).sum(),
        pl.col("at").max().alias("last_at"),
    )
    return counted.sort(["times", "key"], descending=[True, False]).drop("key")


def _who() -> pl.Expr:
    """The shopper, else the session, else nobody else: the list itself."""
    shopper, session = pl.col("shopper_id"), pl.col("session_id")
    return pl.when(shopper != "").then("u" + shopper).when(session != "").then("s" + session).otherwise("slate_id")


def _clicked(lists: pl.DataFrame, clicks: pl.DataFrame) -> pl.DataFrame:
    """slate_id, clicked, first of lists that the shopper they were made for did something with."""
    known = clicks.join(lists.select("slate_id", owner="shopper_id"), on="slate_id")
    own = known.filter((pl.col("owner") == "") | (pl.col("owner") == pl.col("shopper_id")))
    first = (pl.col("position") == 0).fill_null(False).any()
    return own.group_by("slate_id").agg(pl.lit(True).alias("clicked"), first.alias("first"))


def unclicked(queries: pl.DataFrame, least: int = LEAST) -> tuple[pl.DataFrame, float]:
    """Those of ``queries`` (as ``asked`` tells them) that find something and are surely clicked less often than the
    shop's searches are, by the clicks that are ``missing``, most first; and the rate they are held against.

    Surely: the upper end of Wilson's 95 % interval of a query's own rate (``rate_high``) lies below the shop's. Needs
    ``least`` searches that found something; where nobody clicks anything, nothing is missing.
    """
    some = queries.filter(pl.col("found") > 0)
    found = int(some["found"].sum())
    rate = int(some["clicked"].sum()) / found if found else 0.0
    _, high = wilson(some["clicked"].to_numpy(), some["found"].to_numpy())
    told = some.with_columns(
        rate=pl.col("clicked") / pl.col("found"), rate_high=high, missing=pl.col("found") * rate - pl.col("clicked")
    )
    few = told.filter((pl.col("found") >= least) & (pl.col("rate_high") < rate))
    return few.sort(["missing", "query"], descending=[True, False]), rate


def wilson(hits: NDArray[Any], tries: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % interval of a rate of ``hits`` in ``tries`` (both (n,), tries above 0): Wilson 1927, with its score.

    >>> low, high = wilson(np.array([0, 5]), np.array([10, 10]))
    >>> high.round(4).tolist()
    [0.2775, 0.7634]
    """
    rate, z2 = hits / tries, _95**2
    middle = rate + z2 / (2 * tries)
    half = _95 * np.sqrt(rate * (1 - rate) / tries + z2 / (4 * tries**2))
    return (middle - half) / (1 + z2 / tries), (middle + half) / (1 + z2 / tries)


def sample(queries: Sequence[str], times: Sequence[int], how: str, k: int, seed: int = 0) -> list[str]:
    """At most ``k`` of ``queries``, the most often asked first: the most *frequent*, *random* ones, or a *weighted*
    sample, drawn without replacement with a probability proportional to size, so that the mean over it is close to the
    mean over what shoppers ask while rare queries are in it too. Raises RequestError for another ``how``."""
    if how not in SAMPLES:
        raise RequestError(f"no sample {how!r}", where="how", hint=f"samples: {', '.join(SAMPLES)}")
    weights = np.asarray(times, float)
    order = np.argsort(-weights, kind="stable")
    if how != "frequent" and k < len(queries):
        chance = None if how == "random" else weights / weights.sum()
        drawn = np.random.default_rng(seed).choice(len(queries), k, replace=False, p=chance)
        order = order[np.isin(order, drawn)]
    return [queries[place] for place in order[:k].tolist()]
