"""The request path, whole: a request in, a slate and the impression to log out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Protocol

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.policy.applied import Applied
from mercato.ports import Policy, Retriever
from mercato.schema import Impression, Item, Mask, Ranking, Request, Rows, Slate
from mercato.search import Explained, Noted, Rules, Scored, Search


class Readable(Scored, Protocol):
    """A ranker whose score can be taken apart."""

    def worth(self, ranking: Ranking) -> Ranking:
        """The rows of a pool that are worth ranking, in the same order."""
        ...


class Pool(Protocol):
    """Several lanes as one (retrieve.fuse.Fused)."""

    def gather(self, request: Request, allowed: Mask) -> tuple[Ranking, tuple[str, ...]]:
        """The pool with a note per lane, and the lanes that failed."""
        ...


@dataclass(frozen=True)
class Placement:
    """How one kind of list is made: its pool, its score, its policy."""

    pool: Pool
    score: Readable
    policy: Policy


@dataclass(frozen=True)
class Engine:
    """One immutable set of parts over one catalogue snapshot; safe to share between threads.

    ``trained``: the rows from there on came after training; search has them, what is recommended does not. ``pages``:
    where queries lead that ask for no product, by topic.
    """

    catalog: Catalog
    search_parts: Search
    placements: Mapping[str, Placement]
    profile: Noted
    fallback: Retriever
    narrow: Callable[[Request, Mask], Mask]
    reason: Callable[[Request, int, Sequence[tuple[str, float]]], tuple[str, tuple[str, ...]]]
    versions: Mapping[str, str]
    degraded: tuple[str, ...] = ()
    trained: int | None = None
    pages: Mapping[str, str] = field(default_factory=dict)

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

    def search(
        self, request: Request, hidden: Rows, slate_id: str, rules: Rules | None = None
    ) -> tuple[Slate, Impression]:
        """Everything that matches, best first, under the shop's ``rules`` (see ``Search.listed``)."""
        started = perf_counter()
        listed = self.search_parts.listed(request, hidden, rules)
        found, applied = listed.found, listed.applied
        slate, impression = self._answer(
            replace(request, words=found.words),
            listed.page,
            listed.total,
            _Ruled(self.search_parts.score, applied),
            slate_id,
            started,
            corrected=found.corrected,
            degraded=listed.failed,
        )
        said = replace(
            slate,
            facets=listed.counted.values,
            left_out={name: count for name, count in listed.counted.left_out.items() if count},
            ranges={name: spread.to_dict() for name, spread in listed.counted.ranges.items()},
            relaxed=found.relaxed,
            every=listed.every,
            total_products=listed.products if request.grouped else 0,
            banners=applied.banners,
            redirect=applied.redirect or self.pages.get(listed.wished.page, ""),
            conditions=listed.wished.told(),
            page=listed.wished.page,
            intent=listed.wished.intent,
            words=found.words,
        )
        return said, impression

    def _allowed(self, request: Request, hidden: Rows) -> Mask:
        allowed = self.catalog.allowed(request.where)
        allowed[hidden] = False
        return allowed[: self.trained]

    def _answer(
        self,
        request: Request,
        page: Ranking,
        total: int,
        score: Explained,
        slate_id: str,
        started: float,
        *,
        corrected: str = "",
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
            corrected=corrected,
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


@dataclass(frozen=True)
class _Ruled:
    """A score's explanation with what the rules added to it."""

    score: Explained
    applied: Applied

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[list[tuple[str, float]]]]:
        """Notes, terms and evidence of a page, the rules' among them."""
        return self.applied.explained(*self.score.explained(ranking))
