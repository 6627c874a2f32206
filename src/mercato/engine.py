"""The request path, whole: a request in, a slate and the impression to log out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Protocol

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.policy.applied import UNTOUCHED, Applied
from mercato.policy.bundled import OFFERING, Sets, bundled
from mercato.ports import Policy, Retriever
from mercato.schema import Bundle, Impression, Item, Mask, Ranking, Request, Rows, Slate
from mercato.search import Explained, Noted, Rules, Scored, Search


class Readable(Scored, Protocol):
    """A ranker whose score can be taken apart."""

    def worth(self, ranking: Ranking) -> Ranking:
        """The rows of a pool that are worth ranking, in the same order."""
        ...


class Pool(Protocol):
    """Several lanes as one (retrieve.fuse.Fused)."""

    def gather(self, request: Request, allowed: Mask, more: Rows) -> tuple[Ranking, tuple[str, ...]]:
        """The pool and the rows ``more`` with a note per lane, and the lanes that failed; what a lane finds has a score
        above 0."""
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
    where queries lead that ask for no product, by topic. ``sets``: what goes together, None where nothing was mined.
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
    sets: Sets | None = None

    def recommend(
        self, request: Request, hidden: Rows, slate_id: str, applied: Applied = UNTOUCHED
    ) -> tuple[Slate, Impression]:
        """The placement's list, as the shop's rules want it (``applied``); rows in ``hidden`` (deleted since the
        snapshot) never appear."""
        started = perf_counter()
        placement = self._placement(request)
        applied = applied.within(len(self.catalog) if self.trained is None else self.trained)
        pool, failed = self.pooled(request, hidden, applied)
        worth = applied.kept(placement.score.worth(pool), pool)
        scored = applied.lifted(placement.score.scored(worth))
        ordered = placement.policy.apply(request, Ranking.best_first(scored.rows, scored.scores, notes=scored.notes))
        ranking = applied.arranged(ordered, scored, self.catalog.group)
        page = ranking.take(slice(request.page * request.k, (request.page + 1) * request.k))
        bundles = self._bundles(request, hidden, applied)
        score = _Ruled(placement.score, applied)
        slate, impression = self._answer(request, page, len(ranking), score, slate_id, started, degraded=failed)
        return replace(slate, banners=applied.banners, bundles=bundles), impression

    def _bundles(self, request: Request, hidden: Rows, applied: Applied) -> tuple[Bundle, ...]:
        """The sets the placement offers beside its list; what it starts from may be in them."""
        if self.sets is None or request.placement not in OFFERING:
            return ()
        return bundled(self.sets, self.catalog, request, applied.narrowed(self._allowed(request, hidden)))

    def pooled(self, request: Request, hidden: Rows, applied: Applied = UNTOUCHED) -> tuple[Ranking, tuple[str, ...]]:
        """What the placement's score is given: the pool with every note, and the lanes that failed; without what the
        rules hide, and with what they pin as far as this list may show it.

        When no lane knows anything, what sells; when nothing sold yet, the catalogue in its own order.
        """
        allowed = self.shown(request, hidden, applied)
        pool, failed = self._placement(request).pool.gather(request, allowed, applied.pinned(allowed))
        if not (pool.scores > 0).any() and request.placement != "buy-again":
            pool = applied.joined(self._selling(request, allowed), allowed)
        return self.profile.note(request, pool), failed

    def shown(self, request: Request, hidden: Rows, applied: Applied = UNTOUCHED) -> Mask:
        """What the placement's list may show at all: one flag for every trained row."""
        return applied.narrowed(self.narrow(request, self._allowed(request, hidden)))

    def _selling(self, request: Request, allowed: Mask) -> Ranking:
        k = max(10 * request.k, 100)
        pool = self.fallback.retrieve(request, allowed, k)
        if len(pool):
            return pool.noted(**{"lane:popular": pool.scores})
        rows = np.flatnonzero(allowed)[:k].astype(np.int32)
        return Ranking(rows, np.zeros(len(rows)))

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
        return self.applied.explained(*self.score.explained(self.applied.plain(ranking)))
