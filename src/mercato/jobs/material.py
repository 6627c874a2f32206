"""A shop's store in, everything that its models can be taught with out, cut in three by time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.feedback.histories import Events
from mercato.jobs.bought import Taken
from mercato.jobs.clicks import ClickModel
from mercato.jobs.evidence import Evidence, Texts, review_evidence
from mercato.jobs.judgments import Finder, Judged, read_judgments
from mercato.jobs.logged import MOST, Answer, logged
from mercato.jobs.sought import (
    EVENTS,
    event_evidence,
    judged_evidence,
    list_evidence,
    session_evidence,
    sessions_between,
    sessions_read,
)
from mercato.schema import Impression
from mercato.scores import SEARCH
from mercato.stores.sqlite import ShopStore

Tick = Callable[[str], None]
EVER = datetime(1970, 1, 1, tzinfo=UTC)
WINDOWS = ("train", "validation", "test")
STRETCHES: Mapping[str, tuple[float, float]] = {"train": (0.0, 0.375), "validation": (0.375, 0.5), "test": (0.5, 1.0)}
"""Of each query's sessions in a click log: what teaches, what stops, and what is reported (the later half, as
``ClickModel`` judges)."""
_SURE: Mapping[str, ClickModel] = {
    "train": ClickModel(later=1.0, least_sessions=50, least_examined=10),
    "validation": ClickModel(later=1.0, least_sessions=20, least_examined=5),
    "test": ClickModel(later=1.0),
}
_NO_TIME = (2, 3, 4)
"""Cuts of a shop without an event: its click log alone has times, and they are put between these."""


@dataclass(frozen=True)
class Cuts:
    """UTC seconds: what is before ``validation`` teaches, what is before ``test`` stops and chooses, what is before
    ``end`` is reported."""

    validation: int
    test: int
    end: int

    def span(self, window: str) -> tuple[int, int]:
        """First second of a window, and the first after it."""
        ends = {
            "train": (0, self.validation),
            "validation": (self.validation, self.test),
            "test": (self.test, self.end),
        }
        return ends[window]


@dataclass(frozen=True)
class Material:
    """All that was seen. ``asked`` are typed queries (of any time), ``sessions`` those of a click log by window,
    ``judged`` queries that somebody judged; ``account`` is how much was found of what was looked for."""

    catalog: Catalog
    texts: Texts
    cuts: Cuts
    taken: Taken
    asked: tuple[Evidence, ...]
    reviewed: Evidence | None
    sessions: Mapping[str, tuple[Evidence, ...]]
    judged: tuple[Judged, ...]
    account: Mapping[str, int]

    @staticmethod
    def read(
        store: ShopStore,
        tick: Tick,
        *,
        shares: tuple[float, float] = (0.1, 0.1),
        sessions: Sequence[Path] = (),
        judgments: Path | None = None,
    ) -> Material:
        """Everything in ``store``, click logs and judgments from files. The last ``shares`` of all that was seen are
        the windows for validation and for the test. Raises DataError for a shop without products, and for files that
        are no click logs or judgments."""
        tick("catalogue")
        catalog = Catalog.build(store.products(), "lessons")
        if not len(catalog):
            raise DataError("there is no product to learn from", where="catalogue", hint="mercato import SHOP FILE")
        tick("behaviour")
        frame, reviews = store.events_frame(columns=EVENTS), store.reviews_frame()
        cuts = _cuts([frame["at"], reviews["at"]], shares)
        known = reviews.filter(pl.col("at").is_null() | (pl.col("at").dt.epoch("s") < cuts.validation))
        texts = Texts.read(catalog, known)
        answered = [*_before(store, cuts.validation)]
        chances = logged(answered, catalog).chances.get(SEARCH, np.empty(0))
        del answered
        lists = list_evidence(store.answered(EVER, (SEARCH,), MOST), catalog, texts, chances)
        logs = _sessions(sessions_read(sessions), catalog, texts, cuts) if sessions else {}
        return Material(
            catalog,
            texts,
            cuts,
            Taken.of(Events.from_frame(frame, catalog), texts),
            (*lists, *event_evidence(frame, catalog, texts)),
            review_evidence(texts, reviews, catalog.row) if len(reviews) else None,
            logs,
            read_judgments(judgments, catalog).queries if judgments else (),
            {
                "events": len(frame),
                "answered searches with a click": sum(len(one) for one in lists),
                "search events": int((frame["type"] == "search").sum()),
                "reviews": len(reviews),
                "products": len(catalog),
                "texts": len(texts),
                **({"queries of the click log": _queries(logs)} if sessions else {}),
            },
        )

    def halves(self, seed: int) -> tuple[list[Evidence], list[Evidence]]:
        """The judged queries for validation and for the test: no query is in both."""
        order = np.random.default_rng([seed, 6]).permutation(len(self.judged))
        parts = np.array_split(order, 2)
        at = (self.cuts.validation, self.cuts.test)
        one, other = (
            judged_evidence([self.judged[place] for place in part], self.texts, at=time)
            for part, time in zip(parts, at, strict=True)
        )
        return one, other


def _before(store: ShopStore, cut: int) -> list[tuple[Impression, Sequence[Answer]]]:
    return [(shown, did) for shown, did in store.answered(EVER, (SEARCH,), MOST) if shown.at.timestamp() < cut]


def _cuts(times: Sequence[pl.Series], shares: tuple[float, float]) -> Cuts:
    """By how much was seen, not by the calendar: made-up and bunched times are cut as well as any."""
    at: NDArray[np.int64] = np.concatenate([one.drop_nulls().dt.epoch("s").to_numpy() for one in times])
    if not len(at):
        return Cuts(*_NO_TIME)
    validation, test = np.quantile(at, [1 - sum(shares), 1 - shares[1]], method="higher").astype(int).tolist()
    return Cuts(validation, test, int(at.max()) + 1)


def _sessions(shown: pl.DataFrame, catalog: Catalog, texts: Texts, cuts: Cuts) -> dict[str, tuple[Evidence, ...]]:
    """By window what the click model says of its stretch of every query's sessions."""
    find, at = Finder(catalog), {"train": cuts.validation - 1, "validation": cuts.validation, "test": cuts.test}
    found = {}
    for window, (low, high) in STRETCHES.items():
        part = session_evidence(sessions_between(shown, low, high), find, texts, _SURE[window], at[window])
        found[window] = tuple(part)
    if not found["train"] or not found["test"]:
        raise DataError("no query has enough clicked sessions", where="--sessions", hint=str(_SURE["train"]))
    return found


def _queries(logs: Mapping[str, Sequence[Evidence]]) -> int:
    return len({query for part in logs.get("train", ()) for query in part.queries.tolist()})
