"""A shop's clicks, or its text encoder, in, judgments of a query set out: what judges when nobody sits down to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from mercato.errors import RequestError
from mercato.jobs.clicks import ClickModel
from mercato.retrieve.dense import Meaning
from mercato.schema import Impression, Rows
from mercato.stores.judgments import Judgment
from mercato.stores.sqlite import ShopStore
from mercato.words import normalise

GRADE = 3.0
"""The best grade."""
MOST_LISTS = 50_000
EVER = datetime(1970, 1, 1, tzinfo=UTC)
STEPS = (0.0, 0.25, 0.5)
"""How much of the way from the shop's semantic cut-off to 1 a product's cosine has gone for the grades 1, 2 and 3."""


@dataclass(frozen=True)
class Judged:
    """The ``judgments`` somebody made, and an ``account`` of what they rest on."""

    judgments: list[Judgment]
    account: Mapping[str, Any]


@dataclass(frozen=True)
class Clicks:
    """The shop's own lists and clicks as judge: the click model of ``jobs.clicks`` (SDBN), every list a session.

    A query counts with ``least_lists`` clicked lists, a product with ``least_examined`` looks at it. Grades are the
    worth in the query's best, times 3, to the tenth: a product that ends as many searches as the best one gets 3.
    """

    least_lists: int = 10
    least_examined: int = 5
    prior: float = 10.0

    def judge(self, store: ShopStore, queries: Sequence[str], now: datetime) -> Judged:
        """Judgments of ``queries`` from the newest MOST_LISTS lists of searches that somebody did something with."""
        meant = {normalise(query): query for query in queries}
        rows = []
        for session, (shown, did) in enumerate(store.answered(EVER, ("search",), MOST_LISTS)):
            if query := meant.get(normalise(shown.query)):
                rows += _looked_at(session, query, shown, did)
        kinds = {"session": pl.Float64, "query": pl.String, "product": pl.String, "place": pl.Int64}
        frame = pl.DataFrame(rows, kinds | {"clicked": pl.Boolean}, orient="row")
        worths = self._model().worths(frame).with_columns(best=pl.col("worth").max().over("query"))
        lists = dict(frame.group_by("query").agg(pl.col("session").n_unique()).iter_rows())
        said = {query: f"SDBN, {lists[query]} clicked lists" for query in worths["query"].unique().to_list()}
        judgments = [
            Judgment(query, product, round(GRADE * worth / best, 1), "clicks", said[query], now)
            for query, product, worth, best in worths.select("query", "product", "worth", "best").iter_rows()
            if best > 0
        ]
        judged = {one.query for one in judgments}
        rule = (
            f"SDBN; a query has {self.least_lists} clicked lists or more, a product was looked at "
            f"{self.least_examined} times or more, a prior of {self.prior:.0f}"
        )
        account = {"source": "clicks", "judged": len(judgments), "queries": len(judged), "rule": rule}
        return Judged(judgments, account)

    def _model(self) -> ClickModel:
        return ClickModel(1.0, self.least_lists, self.least_examined, self.prior)


def _looked_at(
    session: int, query: str, shown: Impression, did: Sequence[tuple[str, str, str]]
) -> list[tuple[float, str, str, int, bool]]:
    taken = {product for product, _, shopper in did if shown.shopper_id in ("", shopper)}
    return [(float(session), query, product, place, product in taken) for place, product in enumerate(shown.products)]


@dataclass(frozen=True)
class Model:
    """The shop's text encoder as judge: the cosine of query and product text, against the shop's own cut-off.

    It is the encoder that ranks, so it flatters whatever follows meaning; what it says never counts unless asked for.
    It tells what is about a query from what is not (of random products 1 % get a grade), but hardly which of those that
    are is better: Spearman .16 with 334 click judgments of what searches had shown (retrotech, 2026).
    """

    steps: tuple[float, float, float] = STEPS

    def judge(self, meaning: Meaning | None, ids: Sequence[str], pools: Mapping[str, Rows], now: datetime) -> Judged:
        """Judgments of the rows of ``pools`` (query → catalogue rows of products ``ids``). Raises RequestError in a
        shop without an encoder."""
        if meaning is None:
            raise RequestError("this shop has no text encoder that could judge", hint="see [encoder] in mercato.toml")
        cutoff = meaning.index.cutoff
        least = np.array([cutoff + step * (1 - cutoff) for step in self.steps])
        rule = "cosine from " + ", ".join(f"{bound:.2f}: {grade}" for grade, bound in enumerate(least, 1))
        judgments, unread = [], 0
        for query, rows in pools.items():
            cosines = meaning.cosines(query)
            unread += not len(cosines)
            if len(cosines):
                grades = np.searchsorted(least, cosines[rows], side="right")
                judgments += [
                    Judgment(query, ids[row], float(grade), "model", rule, now)
                    for row, grade in zip(rows.tolist(), grades, strict=True)
                ]
        read = len(pools) - unread
        account = {"source": "model", "judged": len(judgments), "queries": read, "unread": unread, "rule": rule}
        return Judged(judgments, account)
