"""The request path, whole: a request in, a slate and the impression to log out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Protocol, TypeVar

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.ports import Policy, Retriever
from mercato.retrieve.fuse import joined
from mercato.schema import Impression, Item, Mask, Ranking, Request, Rows, Scores, Slate, Word

log = logging.getLogger(__name__)
T = TypeVar("T")


class Words(Protocol):
    """The lexical index as search needs it: everything that matches, not the k best."""

    def match(self, words: Sequence[Word], allowed: Mask) -> tuple[Rows, Scores]:
        """Every allowed row that matches all words, rows ascending."""
        ...


class Understood(Protocol):
    """A query as ``words``, and how it was ``corrected`` ("" when it was not)."""

    @property
    def words(self) -> tuple[Word, ...]: ...
    @property
    def corrected(self) -> str: ...


class Readable(Protocol):
    """A ranker whose score can be taken apart."""

    def worth(self, ranking: Ranking) -> Ranking:
        """The rows of a pool that are worth ranking, in the same order."""
        ...

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with new scores."""
        ...

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[list[tuple[str, float]]]]:
        """Rows of a scored ranking with ``term:NAME`` notes that add up to their scores, and per row (note, what it
        adds to the score), largest first."""
        ...


class Pool(Protocol):
    """Several lanes as one (retrieve.fuse.Fused)."""

    def gather(self, request: Request, allowed: Mask) -> tuple[Ranking, tuple[str, ...]]:
        """The pool with a note per lane, and the lanes that failed."""
        ...


class Noted(Protocol):
    """Adds what the shopper's profile says of each row (rank.features.Profile)."""

    def note(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with more notes."""
        ...


@dataclass(frozen=True)
class Placement:
    """How one kind of list is made: its pool, its score, its policy."""

    pool: Pool
    score: Readable
    policy: Policy


@dataclass(frozen=True)
class Search:
    """What search is made of; ``meaning`` and ``closest`` (its loose form, for when nothing
    else matched) are None where no encoder could be loaded."""

    understand: Callable[[str], Understood]
    relax: Callable[[tuple[Word, ...]], Iterator[tuple[tuple[Word, ...], str]]]
    words: Words
    meaning: Retriever | None
    closest: Retriever | None
    signals: Mapping[str, Retriever]
    score: Readable


@dataclass(frozen=True)
class Engine:
    """One immutable set of parts over one catalogue snapshot; safe to share between threads."""

    catalog: Catalog
    search_parts: Search
    placements: Mapping[str, Placement]
    profile: Noted
    fallback: Retriever
    narrow: Callable[[Request, Mask], Mask]
    reason: Callable[[Request, int, Sequence[tuple[str, float]]], tuple[str, tuple[str, ...]]]
    versions: Mapping[str, str]
    degraded: tuple[str, ...] = ()

    def recommend(self, request: Request, hidden: Rows, slate_id: str) -> tuple[Slate, Impression]:
        """The placement's list; rows in ``hidden`` (deleted since the snapshot) never appear."""
        started = perf_counter()
        placement = self._placement(request)
        pool, failed = self.pooled(request, hidden)
        scored = placement.score.scored(placement.score.worth(pool))
        ranking = placement.policy.apply(request, Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))
        page = ranking.take(slice(request.page * request.k, (request.page + 1) * request.k))
        return self._answer(request, page, len(ranking), placement.score, slate_id, started, degraded=failed)

    def pooled(self, request: Request, hidden: Rows) -> tuple[Ranking, tuple[str, ...]]:
        """What the placement's score is given: the pool with every note, and the lanes that failed.

        When no lane knows anything, what sells; when nothing sold yet, the catalogue in its own order.
        """
        allowed = self.narrow(request, self._allowed(request, hidden))
        pool, failed = self._placement(request).pool.gather(request, allowed)
        if not len(pool) and request.placement != "buy-again":
            k = max(10 * request.k, 100)
            pool = self.fallback.retrieve(request, allowed, k)
            pool = pool.noted(**{"lane:popular": pool.scores})
            if not len(pool):
                rows = np.flatnonzero(allowed)[:k].astype(np.int32)
                pool = Ranking(rows, np.zeros(len(rows)))
        return self.profile.note(request, pool), failed

    def _placement(self, request: Request) -> Placement:
        placement = self.placements.get(request.placement)
        if placement is None:
            known = ", ".join(self.placements)
            raise RequestError(f"no placement {request.placement!r}", where="placement", hint=f"placements: {known}")
        return placement

    def search(self, request: Request, hidden: Rows, slate_id: str) -> tuple[Slate, Impression]:
        """Everything that matches, best first; facets and total count exactly that set, whatever the page."""
        started = perf_counter()
        parts = self.search_parts
        allowed = self._allowed(request, hidden)
        understood = parts.understand(request.query)
        request = replace(request, words=understood.words)
        matched, relaxed, failed = self._matched(request, allowed)
        scored = parts.score.scored(self.profile.note(request, matched))
        upto = (request.page + 1) * request.k
        page = self._sorted(request, scored, upto).take(slice(upto - request.k, upto))
        within = np.zeros(len(self.catalog), bool)
        within[matched.rows] = True
        facets = self.catalog.count(request.facets, within)
        return self._answer(
            request,
            page,
            len(matched),
            parts.score,
            slate_id,
            started,
            facets=facets,
            corrected="" if "closest" in relaxed else understood.corrected,
            relaxed=relaxed,
            degraded=failed,
        )

    def _allowed(self, request: Request, hidden: Rows) -> Mask:
        allowed = self.catalog.allowed(request.where)
        allowed[hidden] = False
        return allowed

    def _matched(self, request: Request, allowed: Mask) -> tuple[Ranking, str, tuple[str, ...]]:
        """The complete matched set with its notes, what was relaxed, and what failed.

        What matches is decided on the whole shop and filtered afterwards, so a filter only ever narrows. Only when
        nothing matches at all is the query relaxed: to what is closest in meaning, then to fewer words.
        """
        parts = self.search_parts
        if not request.query.strip():
            rows = np.flatnonzero(allowed).astype(np.int32)
            noted, failed = self._signals(request, Ranking(rows, np.zeros(len(rows))))
            return noted, "", failed
        shop = self.catalog.sellable
        rows, scores = parts.words.match(request.words, shop) if request.words else _nothing()
        near, failed = self._near(parts.meaning if len(rows) else parts.closest, request)
        relaxed = ""
        if not len(rows) and len(near):
            relaxed = "all words, and are what comes closest in meaning"
        elif not len(rows):
            rows, scores, relaxed = self._relaxed(request.words, shop)
        matched = self._with_number(joined(rows, scores, near), request.query.strip())
        noted, silent = self._signals(request, matched.take(allowed[matched.rows]))
        return noted, relaxed, (*failed, *silent)

    def _with_number(self, matched: Ranking, query: str) -> Ranking:
        """``matched`` and, when the query is a product's id letter for letter, that product, noted as exact."""
        row = self.catalog.row(query)
        if row is None or not self.catalog.sellable[row]:
            return matched
        rows = np.union1d(matched.rows, [row]).astype(np.int32)
        place = np.searchsorted(rows, matched.rows)
        notes = {name: np.zeros(len(rows)) for name in matched.notes}
        for name, values in matched.notes.items():
            notes[name][place] = values
        return Ranking(rows, notes["lane:words"], {**notes, "lane:exact": (rows == row).astype(np.float64)})

    def _near(self, lane: Retriever | None, request: Request) -> tuple[Ranking, tuple[str, ...]]:
        if lane is None:
            return Ranking.empty(), ()
        found = _unless_down("meaning", lambda: lane.retrieve(request, self.catalog.sellable, len(self.catalog)))
        return (Ranking.empty(), ("meaning",)) if found is None else (found, ())

    def _relaxed(self, words: tuple[Word, ...], shop: Mask) -> tuple[Rows, Scores, str]:
        for fewer, dropped in self.search_parts.relax(words):
            rows, scores = self.search_parts.words.match(fewer, shop)
            if len(rows):
                return rows, scores, dropped
        return (*_nothing(), "")

    def _signals(self, request: Request, matched: Ranking) -> tuple[Ranking, tuple[str, ...]]:
        """``matched`` with a note per signal, and the signals that failed."""
        lanes = self.search_parts.signals.items()
        said = {name: _unless_down(name, partial(lane.score, request, matched.rows)) for name, lane in lanes}
        notes = {f"lane:{name}": values for name, values in said.items() if values is not None}
        return matched.noted(**notes), tuple(name for name, values in said.items() if values is None)

    def _sorted(self, request: Request, scored: Ranking, upto: int) -> Ranking:
        """Best first by score, or by the field asked for; products without the field come last."""
        if not request.sort:
            return Ranking.best_first(scored.rows, scored.scores, upto, scored.notes)
        name, descending = request.sort.removeprefix("-"), request.sort.startswith("-")
        if name not in self.catalog.numbers:
            known = ", ".join(f"{field}, -{field}" for field in self.catalog.numbers)
            raise RequestError(f"cannot sort by {request.sort!r}", where="sort", hint=f"sorts: {known}")
        column = self.catalog.numbers[name][scored.rows]
        key = np.where(np.isnan(column), np.inf, -column if descending else column)
        return scored.take(np.lexsort((scored.rows, -scored.scores, key))[:upto])

    def _answer(
        self,
        request: Request,
        page: Ranking,
        total: int,
        score: Readable,
        slate_id: str,
        started: float,
        *,
        facets: Mapping[str, Mapping[str, int]] | None = None,
        corrected: str = "",
        relaxed: str = "",
        degraded: tuple[str, ...] = (),
    ) -> tuple[Slate, Impression]:
        degraded = (*self.degraded, *degraded)
        page, evidence = score.explained(page)
        items = tuple(self._item(request, page, place, evidence[place]) for place in range(len(page)))
        slate = Slate(
            id=slate_id,
            items=items,
            total=total,
            facets=facets or {},
            corrected=corrected,
            relaxed=relaxed,
            degraded=degraded,
            versions=self.versions,
            took_ms=round((perf_counter() - started) * 1000, 3),
        )
        return slate, Impression(
            slate_id=slate_id,
            placement=request.placement,
            at=request.at,
            shopper_id=request.shopper,
            session_id=request.session,
            query=request.query,
            products=slate.ids,
            scores=slate.scores,
            notes={name: tuple(np.round(values, 6).tolist()) for name, values in page.notes.items()},
            total=total,
            versions=self.versions,
            degraded=degraded,
        )

    def _item(self, request: Request, page: Ranking, place: int, why: Sequence[tuple[str, float]]) -> Item:
        row = int(page.rows[place])
        product = self.catalog.product(row)
        if not request.explain:
            return Item(product, float(page.scores[place]))
        notes = page.notes.items()
        terms = {name.removeprefix("term:"): float(said[place]) for name, said in notes if name.startswith("term:")}
        reason, evidence = self.reason(request, row, why)
        return Item(product, float(page.scores[place]), terms, reason, evidence)


def _unless_down(name: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except Exception:
        log.exception("%s failed and was left out", name)
        return None


def _nothing() -> tuple[Rows, Scores]:
    return np.empty(0, np.int32), np.empty(0)
