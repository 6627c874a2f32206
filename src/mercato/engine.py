"""The request path, whole: a request in, a slate and the impression to log out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Protocol, TypeVar

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.ports import Policy, Retriever
from mercato.schema import Impression, Item, Mask, Ranking, Request, Rows, Slate, Word

log = logging.getLogger(__name__)
T = TypeVar("T")


class Found(Protocol):
    """What a query matches (retrieve.hybrid.Matched)."""

    @property
    def ranking(self) -> Ranking: ...
    @property
    def words(self) -> tuple[Word, ...]: ...
    @property
    def corrected(self) -> str: ...
    @property
    def relaxed(self) -> str: ...
    @property
    def failed(self) -> tuple[str, ...]: ...


class Matcher(Protocol):
    """Words and meaning as one (retrieve.hybrid.Hybrid)."""

    def match(self, query: str) -> Found:
        """Everything sellable that matches, rows ascending, with notes, and how the query was read."""
        ...


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
    """What search is made of."""

    matcher: Matcher
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
        found, allowed = self._found(request.query), self._allowed(request, hidden)
        request = replace(request, words=found.words)
        matched, failed = self._signals(request, found.ranking.take(allowed[found.ranking.rows]))
        scored = parts.score.scored(self.profile.note(request, matched))
        upto = (request.page + 1) * request.k
        page = self._sorted(request, scored, upto).take(slice(upto - request.k, upto))
        within = np.zeros(len(self.catalog), bool)
        within[matched.rows] = True
        return self._answer(
            request,
            page,
            len(matched),
            parts.score,
            slate_id,
            started,
            facets=self.catalog.count(request.facets, within),
            corrected=found.corrected,
            relaxed=found.relaxed,
            every=_every(matched),
            degraded=(*found.failed, *failed),
        )

    def _allowed(self, request: Request, hidden: Rows) -> Mask:
        allowed = self.catalog.allowed(request.where)
        allowed[hidden] = False
        return allowed

    def _found(self, query: str) -> Found:
        """What the query matches in the whole shop: what is filtered away afterwards never changes what matches. Of an
        empty query everything."""
        if query.strip():
            return self.search_parts.matcher.match(query)
        rows = np.flatnonzero(self.catalog.sellable).astype(np.int32)
        return _Everything(Ranking(rows, np.zeros(len(rows))))

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
        every: int = 0,
        degraded: tuple[str, ...] = (),
    ) -> tuple[Slate, Impression]:
        degraded = (*self.degraded, *degraded)
        page, evidence = score.explained(page)
        asked = replace(request, query=corrected) if corrected else request
        items = tuple(self._item(asked, page, place, evidence[place]) for place in range(len(page)))
        slate = Slate(
            id=slate_id,
            items=items,
            total=total,
            facets=facets or {},
            corrected=corrected,
            relaxed=relaxed,
            every=every,
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


def _every(matched: Ranking) -> int:
    """How many hold every word of the query, where some but not all do."""
    every = int(np.count_nonzero(matched.notes.get("lane:every", ())))
    return every if every < len(matched) else 0


@dataclass(frozen=True)
class _Everything:
    """What an empty query matches."""

    ranking: Ranking
    words: tuple[Word, ...] = ()
    corrected: str = ""
    relaxed: str = ""
    failed: tuple[str, ...] = ()
