"""Answered searches, search events and click logs in, evidence of what was wanted for a query out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.jobs.clicks import ClickModel, read_sessions
from mercato.jobs.evidence import NOBODY, Evidence, Texts, number
from mercato.jobs.judgments import Finder, Judged
from mercato.jobs.logged import Answer
from mercato.schema import GRADES, Impression

EVENTS = ("type", "shopper_id", "product_id", "at", "session_id", "query", "slate_id")
_BUY = "purchase-complete"
_VISIT = timedelta(minutes=30)
_LONGEST = 80
"""Characters: what is longer is no query that somebody typed."""
_LEAST_WORTH = 0.05
"""Of a query's best: below it a product was looked at and not wanted (``ClickModel`` draws the line there)."""


@dataclass(frozen=True)
class _Row:
    """One product that somebody chose for a query."""

    query: str
    wanted: int
    bought: bool
    weight: float
    at: int
    session: int
    passed: tuple[int, ...] = ()


def list_evidence(
    answered: Iterable[tuple[Impression, Sequence[Answer]]],
    catalog: Catalog,
    texts: Texts,
    chances: NDArray[np.float64],
) -> list[Evidence]:
    """Of every answered search what was taken from it, "click" and "purchase".

    A click at a place that is looked at with chance p (``chances``, see ``logged``) counts 1 / p times its grade. What
    stood above the last click, or right below it, and was left there, was ``passed``: seen and not wanted (Joachims
    2002: click > skip above, click > no-click next).
    """
    rows = [row for shown, did in answered for row in _of_list(shown, did, catalog, texts, chances)]
    return _evidence(rows, texts)


def _of_list(
    shown: Impression, did: Sequence[Answer], catalog: Catalog, texts: Texts, chances: NDArray[np.float64]
) -> list[_Row]:
    if not _readable(shown.query):
        return []
    taken: dict[str, int] = {}
    for product_id, kind, shopper in did:
        if shown.shopper_id in ("", shopper):
            taken[product_id] = max(taken.get(product_id, 0), GRADES.get(kind, 0))
    found = [_text(catalog.row(product_id), texts) for product_id in shown.products]
    clicked = [place for place, product_id in enumerate(shown.products) if taken.get(product_id) and found[place] >= 0]
    wanted = {found[place] for place in clicked}
    looked = found[: max(clicked, default=-2) + 2]
    passed = tuple(dict.fromkeys(text for text in looked if text >= 0 and text not in wanted))
    at, session = int(shown.at.timestamp()), number(shown.session_id or shown.slate_id)
    rows = []
    for place in clicked:
        grade = taken[shown.products[place]]
        seen = float(chances[min(place, len(chances) - 1)]) if len(chances) else 1.0
        rows.append(_Row(shown.query, found[place], grade >= GRADES[_BUY], grade / seen, at, session, passed))
    return rows


def event_evidence(events: pl.DataFrame, catalog: Catalog, texts: Texts) -> list[Evidence]:
    """Of search events what the same shopper (or session) viewed or put into the cart within half an hour, and before
    their next search; where no list was logged nothing is known of places. ``events`` has the columns EVENTS."""
    shopper, session_id = pl.col("shopper_id").fill_null(""), pl.col("session_id").fill_null("")
    who = pl.when(shopper != "").then("u" + shopper).when(session_id != "").then("s" + session_id)
    known = events.with_columns(who=who).drop_nulls("who").sort("at", maintain_order=True)
    asks = known.filter((pl.col("type") == "search") & (pl.col("query").fill_null("") != ""))
    did = known.filter(
        pl.col("type").is_in(list(GRADES)) & (pl.col("type") != _BUY) & (pl.col("slate_id").fill_null("") == "")
    ).drop("query")
    if asks.is_empty() or did.is_empty():
        return []
    joined = did.join_asof(
        asks.select("who", "at", "query"), on="at", by="who", tolerance=_VISIT, check_sortedness=False
    ).drop_nulls("query")
    rows = []
    columns = ("type", "product_id", "at", "query", "who", "session_id")
    for kind, product_id, at, query, known_as, visit in joined.select(columns).iter_rows():
        text, seconds = _text(catalog.row(product_id), texts), int(at.timestamp())
        if text >= 0 and _readable(query):
            session = number(visit or f"{known_as} {seconds // 86_400}")
            rows.append(_Row(query, text, False, float(GRADES[kind]), seconds, session))
    return _evidence(rows, texts)


def _evidence(rows: Sequence[_Row], texts: Texts) -> list[Evidence]:
    found = []
    for source, bought in (("click", False), ("purchase", True)):
        own = [row for row in rows if row.bought == bought]
        if own:
            found.append(
                Evidence.of(
                    texts,
                    source,
                    np.array([row.wanted for row in own], np.int64),
                    queries=[row.query for row in own],
                    weights=np.array([row.weight for row in own]),
                    at=np.array([row.at for row in own], np.int64),
                    sessions=np.array([row.session for row in own], np.int64),
                    passed=[row.passed for row in own],
                )
            )
    return found


def sessions_read(paths: Sequence[Path]) -> pl.DataFrame:
    """Every table of ``paths`` (files or folders; see ``jobs.clicks.COLUMNS``) as one. Raises DataError where there is
    none."""
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    files = [file for file in files if file.is_file() and not file.name.startswith(".")]
    if not files:
        raise DataError("there are no sessions in it", where=", ".join(map(str, paths)) or "--sessions")
    return pl.concat([read_sessions(file) for file in files])


def sessions_between(shown: pl.DataFrame, low: float, high: float) -> pl.DataFrame:
    """Of every query the sessions from its ``low`` to its ``high`` share by number: numbers grow with time, so this is
    a stretch of time within each query, and no session is in two stretches that share no time."""
    number = pl.col("session")
    begin = number.quantile(low, "higher").over("query")
    end = number.quantile(high, "higher").over("query")
    upto = (number < end) if high < 1 else pl.lit(True)
    return shown.filter((number >= begin) & upto)


def session_evidence(shown: pl.DataFrame, find: Finder, texts: Texts, model: ClickModel, at: int = 1) -> list[Evidence]:
    """What a click ``model`` says of the sessions ``shown``: for each query every product that was worth something,
    weighed by its share of the best; what was examined enough and hardly ever wanted was ``passed``."""
    rows: list[_Row] = []
    for (query,), told in model.worths(shown).group_by("query", maintain_order=True):
        worths: dict[int, float] = {}
        for product_id, worth in told.select("product", "worth").iter_rows():
            text = _text(find(product_id), texts)
            if text >= 0:
                worths[text] = max(worths.get(text, 0.0), worth)
        best = max(worths.values(), default=0.0)
        if best <= 0:
            continue
        passed = tuple(text for text, worth in worths.items() if worth < _LEAST_WORTH * best)
        rows += [
            _Row(str(query), text, False, worth / best, at, NOBODY, passed)
            for text, worth in worths.items()
            if worth >= _LEAST_WORTH * best
        ]
    return _evidence(rows, texts)


def judged_evidence(judged: Sequence[Judged], texts: Texts, at: int = 1) -> list[Evidence]:
    """Judgments as evidence: the grade is the weight, what was judged 0 was ``passed``."""
    rows: list[_Row] = []
    for one in judged:
        grades: dict[int, float] = {}
        for row, grade in one.grades.items():
            text = _text(row, texts)
            if text >= 0:
                grades[text] = max(grades.get(text, 0.0), grade)
        passed = tuple(text for text, grade in grades.items() if grade <= 0)
        rows += [_Row(one.query, text, False, grade, at, NOBODY, passed) for text, grade in grades.items() if grade > 0]
    return _evidence(rows, texts)


def judged_by(evidence: Evidence, texts: Texts) -> list[Judged]:
    """Evidence of typed queries as graded queries over catalogue rows, for a cross-encoder: every row of a text that
    was wanted, its weights added up."""
    grades: dict[str, dict[int, float]] = {}
    typed = evidence.take(evidence.anchors == NOBODY)
    for query, text, weight in zip(typed.queries.tolist(), typed.wanted.tolist(), typed.weights.tolist(), strict=True):
        own = grades.setdefault(query, {})
        own[text] = own.get(text, 0.0) + weight
    order = np.argsort(texts.of, kind="stable")
    begin, end = (np.searchsorted(texts.of[order], np.arange(len(texts)), side) for side in ("left", "right"))

    def rows(own: Mapping[int, float]) -> dict[int, float]:
        return {int(row): worth for text, worth in own.items() for row in order[begin[text] : end[text]]}

    return [Judged(query, rows(own), "clicks") for query, own in grades.items()]


def _text(row: int | None, texts: Texts) -> int:
    return -1 if row is None else int(texts.of[row])


def _readable(query: str) -> bool:
    return 0 < len(query.strip()) <= _LONGEST
