"""A shop's searches and its shopkeeper in, query sets, judgments and what other settings would do out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mercato.codec import from_time
from mercato.errors import NotFound, RequestError
from mercato.feedback import searches
from mercato.jobs.judgments import Finder, read_lines
from mercato.schema import Rows
from mercato.shop.comparison import COUNTED, SOURCES, Comparison, SearchKnobs, graded, parts, terms
from mercato.shop.judges import EVER, GRADE, Clicks, Judged, Model
from mercato.shop.live import Live
from mercato.stores.judgments import Judgment, QuerySet
from mercato.stores.sqlite import ShopStore
from mercato.words import normalise

MOST_QUERIES = 1000
MOST_CHARACTERS = 512
MOST_SEARCHES = 50_000
"""The newest lists of searches that reports are made of."""
_NAME = re.compile(r"[\w][\w .-]{0,79}")
_COLUMNS = ("query", "product_id", "grade", "source", "by", "at")
_POOL = 20


class Judging:
    """``shop.judging``: a *query set* is a named list of queries, a *judgment* says how well a product answers one of
    them, 0 to 3, by hand, from clicks, or by a model. Every change is durable when the call returns; safe to use from
    several threads.

    ``live`` is what is being served, None before the first training.
    """

    def __init__(self, store: ShopStore, clock: Callable[[], datetime], live: Callable[[], Live | None]) -> None:
        self._store, self._clock, self._live = store, clock, live

    # --- query sets ---------------------------------------------------------------------------------------------

    def sets(self) -> list[dict[str, Any]]:
        """Every query set by name: how many queries it has, and how many judgments of each source."""
        return [{**_told(one), "queries": len(one.queries)} for one in self._store.query_sets.sets()]

    def get(self, name: str) -> dict[str, Any]:
        """One set with its ``queries`` and every ``judgments`` record; raises NotFound."""
        found = self._set(name)
        records = [_record(one) for one in self._store.query_sets.judgments(name)]
        return {**_told(found), "queries": list(found.queries), "judgments": records}

    def put(self, name: str, queries: Iterable[str]) -> dict[str, Any]:
        """Have exactly ``queries`` in the set, made where there is none; answers as ``get``. Judgments of a query taken
        out rest until it is back. Raises RequestError for a name or query that makes no sense."""
        if not _NAME.fullmatch(name):
            raise RequestError(
                f"{name!r} is no name for a query set", where="name", hint="letters, digits, space . _ -"
            )
        kept: dict[str, str] = {}
        for query in map(_tidy, queries):
            kept.setdefault(normalise(query), query)
        if not 1 <= len(kept) <= MOST_QUERIES:
            raise RequestError(f"{len(kept)} queries", where="queries", hint=f"1 to {MOST_QUERIES:,} different ones")
        self._store.query_sets.put(name, list(kept.values()), self._clock())
        return self.get(name)

    def delete(self, name: str) -> None:
        """Take a set out with all its judgments; raises NotFound."""
        if not self._store.query_sets.delete(name):
            raise _no_set(name)

    def suggestions(self, how: str = "weighted", k: int = 50, seed: int = 0) -> list[str]:
        """At most ``k`` queries shoppers asked (``feedback.searches.sample``): *frequent*, *weighted* or *random*. The
        same until more is asked. Raises RequestError for another ``how``."""
        asked = self._asked()
        return searches.sample(asked["query"].to_list(), asked["times"].to_list(), how, k, seed)

    # --- judgments ----------------------------------------------------------------------------------------------

    def judge(self, name: str, query: str, product: str, grade: float | None, by: str = "") -> None:
        """Judge by hand how well ``product`` answers ``query``, 0 (not at all) to 3; None takes it back. A query that
        the set does not have is added. Raises NotFound for a set or product that is not there, RequestError for
        another grade."""
        query = _spelt(self._set(name).queries, query)
        if grade is None:
            self._store.query_sets.take_back(name, query, product, "hand")
            return
        live = self._live()
        if self._store.product(product) is None and (live is None or live.catalog.row(product) is None):
            raise NotFound(f"no product {product!r}", where="product")
        self._keep(name, [Judgment(query, product, _grade(grade), "hand", by, self._clock())])

    def import_(self, name: str, path: Path | str, *, source: str = "hand", by: str = "") -> dict[str, Any]:
        """Judgments of a file with the columns query, product_id, grade (CSV, TSV, JSONL or Parquet) into the set;
        where it has a column ``source``, that counts. Raises RequestError and changes nothing where a grade is not from
        0 to 3, DataError for a file that cannot be read."""
        if source not in SOURCES:
            raise RequestError(f"no source {source!r}", where="source", hint=", ".join(SOURCES))
        spelt = {normalise(query): query for query in self._set(name).queries}
        catalog, now = self._serving().catalog, self._clock()
        row_of, given, unknown = Finder(catalog), list[Judgment](), 0
        for line in read_lines(path):
            row, query = row_of(line.product), _tidy(line.query)
            unknown += row is None
            if row is not None:
                told = line.source if line.source in SOURCES else source
                query = spelt.setdefault(normalise(query), query)
                given.append(Judgment(query, catalog.ids[row], _grade(line.grade), told, by, now))
        self._keep(name, given)
        return {"judged": len(given), "queries": len({one.query for one in given}), "of_unknown_products": unknown}

    def export(self, name: str) -> str:
        """The set's judgments as CSV that ``import_`` and ``mercato bench search`` read; raises NotFound."""
        out = io.StringIO()
        table = csv.DictWriter(out, _COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(self.get(name)["judgments"])
        return out.getvalue()

    def from_clicks(self, name: str, judge: Clicks | None = None) -> dict[str, Any]:
        """Judge the set by the shop's own lists and clicks, in the place of what clicks said before: how many
        judgments of how many queries, and by which rule (``shop.judges.Clicks``). Raises NotFound."""
        return self._judged(name, (judge or Clicks()).judge(self._store, self._set(name).queries, self._clock()))

    def from_model(self, name: str, judge: Model | None = None) -> dict[str, Any]:
        """Judge by text encoder what search shows first and what is nearest in meaning, 20 products each, in the place
        of what the model said before; answers as ``from_clicks`` (``shop.judges.Model``). Raises NotFound, and
        RequestError in a shop without an encoder."""
        queries, live = self._set(name).queries, self._serving()
        meaning = parts(live)[1].meaning
        pools = {query: self._pool(live, query) for query in queries} if meaning is not None else {}
        return self._judged(name, (judge or Model()).judge(meaning, live.catalog.ids, pools, self._clock()))

    # --- side by side -------------------------------------------------------------------------------------------

    def knobs(self) -> dict[str, Any]:
        """What of search can be turned, and where it stands: ``terms`` of the score with the notes in each, ``meaning``
        (whether there is an encoder), ``rules`` (how many), and ``partial``."""
        live = self._serving()
        matcher = parts(live)[1]
        rules = len(live.merchandise.ruled)
        return {"terms": terms(live), "meaning": matcher.meaning is not None, "rules": rules, "partial": matcher.least}

    def compare(
        self, name: str, knobs: SearchKnobs, *, sources: Sequence[str] = COUNTED, shopper: str = ""
    ) -> dict[str, Any]:
        """Search as it is (A) and with ``knobs`` (B) over one query set: see ``shop.comparison.Comparison.figures``.
        Logs nothing. Raises NotFound, and RequestError for knobs or sources that are not there."""
        queries = self._set(name).queries
        return self._comparison(name, knobs, sources, shopper).figures(queries)

    def side_by_side(
        self,
        query: str,
        knobs: SearchKnobs,
        *,
        name: str = "",
        sources: Sequence[str] = COUNTED,
        shopper: str = "",
        k: int = 10,
    ) -> dict[str, Any]:
        """Both lists of one query, with the judgments of set ``name`` (none when ""): see ``Comparison.side_by_side``.
        Raises as ``compare``."""
        query = _spelt(self._set(name).queries if name else (), query)
        return self._comparison(name, knobs, sources, shopper).side_by_side(query, k)

    # --- what shoppers ask --------------------------------------------------------------------------------------

    def frequent_searches(self, k: int = 50) -> list[dict[str, Any]]:
        """The queries asked most often, with how often they found something and were clicked."""
        found: list[dict[str, Any]] = self.reports(k)["frequent"]
        return found

    def unclicked_searches(self, k: int = 50, least: int = searches.LEAST) -> dict[str, Any]:
        """``queries`` that find something but are clicked less often than the shop's searches are (``rate``), most
        missing clicks first (``feedback.searches.unclicked``); nothing where no click names the list it came from."""
        found: dict[str, Any] = self.reports(k, least)["unclicked"]
        return found

    def reports(self, k: int = 50, least: int = searches.LEAST) -> dict[str, Any]:
        """Both of these, ``frequent`` and ``unclicked``, from one look at the log."""
        asked = self._asked()
        few, rate = searches.unclicked(asked, least)
        frequent, unclicked = ([_searched(row) for row in rows.head(k).iter_rows(named=True)] for rows in (asked, few))
        return {"frequent": frequent, "unclicked": {"rate": round(rate, 4), "least": least, "queries": unclicked}}

    def _asked(self) -> pl.DataFrame:
        shown = self._store.searches_frame(EVER, MOST_SEARCHES)
        since = shown["at"].min()
        return searches.asked(shown, self._store.clicks_frame(since if isinstance(since, datetime) else self._clock()))

    # --- the rest -----------------------------------------------------------------------------------------------

    def _serving(self) -> Live:
        live = self._live()
        if live is None:
            raise RequestError("a shop that has not been trained has no list to judge", hint="mercato train SHOP")
        return live

    def _set(self, name: str) -> QuerySet:
        found = self._store.query_sets.get(name)
        if found is None:
            raise _no_set(name)
        return found

    def _keep(self, name: str, given: Sequence[Judgment], fresh: str = "") -> None:
        if len({*self._set(name).queries, *(one.query for one in given)}) > MOST_QUERIES:
            raise RequestError(f"a query set has {MOST_QUERIES:,} queries at most", where="query", hint="make another")
        if not self._store.query_sets.judge(name, given, fresh=fresh):
            raise _no_set(name)

    def _judged(self, name: str, judged: Judged) -> dict[str, Any]:
        source = str(judged.account["source"])
        self._keep(name, judged.judgments, source)
        return dict(judged.account)

    def _pool(self, live: Live, query: str) -> Rows:
        slate, _ = self._comparison("", SearchKnobs(), SOURCES, "").asked(query, _POOL)
        meaning, catalog = parts(live)[1].meaning, live.catalog
        assert meaning is not None  # the caller looked
        near = meaning.nearest(query, catalog.sellable, _POOL).rows
        return np.union1d(catalog.rows(slate.ids), near).astype(np.int32)

    def _comparison(self, name: str, knobs: SearchKnobs, sources: Sequence[str], shopper: str) -> Comparison:
        for source in sources:
            if source not in SOURCES:
                raise RequestError(f"no source {source!r}", where="sources", hint=", ".join(SOURCES))
        live = self._serving()
        grades = graded(self._store.query_sets.judgments(name)) if name else {}
        return Comparison(live, knobs.over(live), self._clock(), grades, sources, shopper)


def _told(found: QuerySet) -> dict[str, Any]:
    judged = {source: found.judged.get(source, 0) for source in SOURCES}
    return {"name": found.name, "at": from_time(found.at), "judged": judged}


def _record(one: Judgment) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _COLUMNS[:-1]} | {"at": from_time(one.at)}


def _searched(row: Mapping[str, Any]) -> dict[str, Any]:
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
    return {**rounded, "last_at": from_time(row["last_at"])}


def _tidy(query: str) -> str:
    tidy = " ".join(query.split())
    if not 1 <= len(tidy) <= MOST_CHARACTERS or not normalise(tidy):
        raise RequestError(f"{tidy[:80]!r} is no query", where="query", hint=f"1 to {MOST_CHARACTERS} characters")
    return tidy


def _spelt(queries: Sequence[str], query: str) -> str:
    """``query`` as ``queries`` have it, whatever its case and accents."""
    tidy = _tidy(query)
    key = normalise(tidy)
    return next((one for one in queries if normalise(one) == key), tidy)


def _grade(grade: float) -> float:
    if not isfinite(grade) or not 0 <= grade <= GRADE:
        raise RequestError(f"the grade {grade}", where="grade", hint="0 (not at all) to 3 (exactly what is asked for)")
    return float(grade)


def _no_set(name: str) -> NotFound:
    return NotFound(f"there is no query set {name!r}", where="name", hint="GET /v1/query-sets lists them")
