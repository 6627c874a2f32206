"""A search request in, everything it matches in the order of its score out, with the counts beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.facets import Counted, Narrowed, Sidebar
from mercato.policy.applied import UNTOUCHED, Applied, Synonyms
from mercato.policy.variants import best_of_groups, one_a_group
from mercato.ports import Retriever
from mercato.schema import Mask, Ranking, Request, Rows, Scores, Word

log = logging.getLogger(__name__)
T = TypeVar("T")
Rules = Callable[[str], Applied]
"""The query as it was corrected ("" when it was not) → what the shop's rules make of it."""
READER = "cross-encoder"
"""What an answer says is degraded when the reader failed, or had no time."""


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

    def match(self, query: str, synonyms: Synonyms) -> Found:
        """Everything sellable that matches, rows ascending, with notes, and how the query was read."""
        ...


class Wished(Protocol):
    """What a query asks for besides words (wishes.Wished)."""

    @property
    def rest(self) -> str: ...
    @property
    def passing(self) -> Mask | None: ...
    @property
    def liked(self) -> NDArray[np.float64] | None: ...
    @property
    def page(self) -> str: ...
    @property
    def intent(self) -> str: ...
    def told(self) -> tuple[Mapping[str, Any], ...]: ...


class Explained(Protocol):
    """What can take the scores of a page apart."""

    def explained(self, ranking: Ranking) -> tuple[Ranking, list[list[tuple[str, float]]]]:
        """Rows of a scored ranking with ``term:NAME`` notes that add up to their scores, and per row (note, what it
        adds to the score), largest first."""
        ...


class Scored(Explained, Protocol):
    """A score of a set of rows (rank.linear.Linear)."""

    def scored(self, ranking: Ranking) -> Ranking:
        """The same rows in the same order with new scores."""
        ...


class Noted(Protocol):
    """Adds what the shopper's profile says of each row (rank.features.Profile)."""

    def note(self, request: Request, ranking: Ranking) -> Ranking:
        """The same rows with more notes."""
        ...


class Looking(Protocol):
    """What looks like the picture a request asks with (retrieve.pictures.Looks)."""

    def near(self, request: Request) -> Rows:
        """The rows of the whole shop that look near enough, ascending."""
        ...

    def score(self, request: Request, rows: Rows) -> Scores:
        """How much each of ``rows`` does, up to 1."""
        ...


class PairReader(Protocol):
    """Reads a query together with what was found (rank.cross.Reader)."""

    @property
    def most(self) -> int:
        """How many rows of a search are read."""
        ...

    def read(self, query: str, rows: Rows) -> Scores | None:
        """The chance that each row is wanted; None where there is no time for it."""
        ...


@dataclass(frozen=True)
class Listed:
    """One ``page`` of the ``total`` places of a list of so many ``products``, what was ``counted`` over all of it, how
    the query was read (``wished``, ``found``), and what the rules ``applied``; ``every`` products hold every word,
    where some but not all do."""

    page: Ranking
    wished: Wished
    total: int
    products: int
    every: int
    counted: Counted
    found: Found
    applied: Applied
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """The parts of search over one snapshot; safe to share between threads."""

    catalog: Catalog
    wishes: Callable[[str], Wished]
    matcher: Matcher
    signals: Mapping[str, Retriever]
    profile: Noted
    score: Scored
    sidebar: Sidebar
    reader: PairReader | None = None
    looks: Looking | None = None

    def listed(self, request: Request, hidden: Rows, rules: Rules | None = None) -> Listed:
        """Everything that matches, best first; facets and total count exactly that set, whatever the page.

        What matches is decided on the whole shop and filtered afterwards, so a filter only ever narrows. Rows in
        ``hidden`` (deleted since the snapshot) never appear. Raises RequestError for an unknown field or sort.
        """
        wished = self.wishes(request.query)
        found, applied = self._found(wished.rest, rules or _no_rules)
        found = self._alike(request, wished.rest, found)
        shop = self.catalog.sellable.copy()
        shop[hidden] = False
        if wished.passing is not None:
            shop &= wished.passing
        shop = applied.narrowed(shop)
        matched = applied.joined(found.ranking.take(shop[found.ranking.rows]), shop)
        within = np.zeros(len(self.catalog), bool)
        within[matched.rows] = True
        narrowed = Narrowed.of(self.catalog, within, request.where)
        matched = matched.take(narrowed.rows()[matched.rows])
        products, every = len(matched), _every(matched)
        request = replace(request, words=found.words)
        matched, failed = self._signals(request, matched)
        if wished.liked is not None:
            matched = matched.noted(**{"lane:asked": wished.liked[matched.rows]})
        scored = applied.lifted(self.score.scored(self.profile.note(request, matched)))
        scored, unread = self._read(request, found.corrected or wished.rest, scored, len(applied.pins))
        ordered, total = self._ordered(request, scored, applied)
        counted = self.sidebar.count(
            request.facets,
            narrowed,
            disjunctive=request.disjunctive,
            groups=request.grouped,
            most=request.facet_values,
        )
        page = ordered.take(slice(request.page * request.k, None))
        return Listed(page, wished, total, products, every, counted, found, applied, (*found.failed, *failed, *unread))

    def _found(self, query: str, rules: Rules) -> tuple[Found, Applied]:
        """What the query matches in the whole shop, of an empty one everything, and the rules that hold for it; rules
        for the corrected query hold too."""
        applied = rules("")
        if not query.strip():
            rows = np.flatnonzero(self.catalog.sellable).astype(np.int32)
            return _Made(Ranking(rows, np.zeros(len(rows)))), applied
        found = self.matcher.match(query, applied.synonyms)
        if found.corrected:
            before, applied = applied.synonyms, rules(found.corrected)
            if applied.synonyms != before:
                found = self.matcher.match(query, applied.synonyms)
        return found, applied

    def _alike(self, request: Request, query: str, found: Found) -> Found:
        """What of ``found`` looks like the picture asked with, as the words of ``query`` say, with a note of how much;
        where nothing does, what looks like the picture, and that the words were left out. All of ``found`` where there
        is no picture in the request."""
        if self.looks is None or not (len(request.picture) or len(request.anchors)):
            return found
        asked = replace(request, query=found.corrected or query)
        near = _unless_down("looks", partial(self.looks.near, asked))
        if near is None:
            return _Made(found.ranking, found.words, found.corrected, found.relaxed, (*found.failed, "looks"))
        ranking, relaxed = found.ranking.take(np.isin(found.ranking.rows, near)), found.relaxed
        if not len(ranking):
            words, asked = asked.query, replace(asked, query="")
            rows = self.looks.near(asked)
            rows = rows[self.catalog.sellable[rows]]
            ranking, relaxed = Ranking(rows, np.zeros(len(rows))), words if len(rows) else ""
        ranking = ranking.noted(**{"lane:looks": self.looks.score(asked, ranking.rows)})
        return _Made(ranking, found.words, found.corrected, relaxed, found.failed)

    def _signals(self, request: Request, matched: Ranking) -> tuple[Ranking, tuple[str, ...]]:
        """``matched`` with a note per signal, and the signals that failed."""
        lanes = self.signals.items()
        said = {name: _unless_down(name, partial(lane.score, request, matched.rows)) for name, lane in lanes}
        notes = {f"lane:{name}": values for name, values in said.items() if values is not None}
        return matched.noted(**notes), tuple(name for name, values in said.items() if values is None)

    def _read(self, request: Request, query: str, scored: Ranking, pins: int) -> tuple[Ranking, tuple[str, ...]]:
        """``scored``, where the best rows, read together with the query, have what that adds to their scores; and what
        failed. It is never less than nothing, so the rows read change places among themselves and no other row does;
        pages that lie behind them all (pins push them down) need not ask."""
        if self.reader is None or request.sort or not query.strip() or not len(scored):
            return scored, ()
        if request.page * request.k >= self.reader.most + pins:
            return scored, ()
        rows = Ranking.best_first(scored.rows, scored.scores, self.reader.most).rows
        try:
            read = self.reader.read(query, rows)
        except Exception:
            log.exception("the cross-encoder failed and was left out")
            return scored, (READER,)
        if read is None:
            return scored, (f"{READER}: skipped under load",)
        places, note = np.searchsorted(scored.rows, rows), np.zeros(len(scored))
        note[places] = read
        heard = scored.noted(**{"lane:pair": note})
        added = self.score.scored(heard.take(places)).scores - self.score.scored(scored.take(places)).scores
        scores = scored.scores.copy()
        scores[places] += added
        return Ranking(scored.rows, scores, heard.notes), ()

    def _ordered(self, request: Request, scored: Ranking, applied: Applied) -> tuple[Ranking, int]:
        """Everything up to the end of the page asked for, and how many places there are: best first and as the rules
        pin, or by the field asked for; where groups are asked for, one variant of each."""
        upto = (request.page + 1) * request.k
        if request.sort:
            order = self._by_field(request.sort, scored)
            order = one_a_group(order, self.catalog.group) if request.grouped else order
            return order.take(slice(0, upto)), len(order)
        if request.grouped:
            scored = best_of_groups(applied.faced(scored, self.catalog.group), self.catalog.group)
            scored = scored.take(np.argsort(scored.rows, kind="stable"))
        return applied.placed(scored, upto), len(scored)

    def _by_field(self, sort: str, scored: Ranking) -> Ranking:
        """By the field, then best first; products without the field come last."""
        name, descending = sort.removeprefix("-"), sort.startswith("-")
        if name not in self.catalog.numbers:
            known = ", ".join(f"{one}, -{one}" for one in self.catalog.numbers)
            raise RequestError(f"cannot sort by {sort!r}", where="sort", hint=f"sorts: {known}")
        column = self.catalog.numbers[name][scored.rows]
        key = np.where(np.isnan(column), np.inf, -column if descending else column)
        return scored.take(np.lexsort((scored.rows, -scored.scores, key)))


def _no_rules(corrected: str) -> Applied:
    return UNTOUCHED


def _every(matched: Ranking) -> int:
    every = int(np.count_nonzero(matched.notes.get("lane:every", ())))
    return every if every < len(matched) else 0


@dataclass(frozen=True)
class _Made:
    """What an empty query matches, or a picture."""

    ranking: Ranking
    words: tuple[Word, ...] = ()
    corrected: str = ""
    relaxed: str = ""
    failed: tuple[str, ...] = field(default=())


def _unless_down(name: str, ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except Exception:
        log.exception("%s failed and was left out", name)
        return None
