"""What the shop's rules say of one request in, the matched set, its scores and its order as they want them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mercato.rules import Run
from mercato.schema import Banner, Mask, Ranking, Rows

BOOST = "rule:boost:"
"""Prefix of the note that holds what one rule adds to a score; the rule's id follows."""
PIN = "rule:pin"
"""The note that holds the place (1 = first) a rule gave to a row, 0 where none did."""
TERM = "term:rule"
"""The note that holds what all rules together add to a score."""

Synonyms = Mapping[Run, tuple[tuple[Run, float], ...]]
"""Words of a query, as the index reads them → what else may stand for them, and what that counts, below 1."""
Evidence = list[tuple[str, float]]
"""(note, what it adds to a row's score), largest first."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """``row`` stands at ``position`` (1 = first) because rule ``rule`` says so."""

    row: int
    position: int
    rule: str


@dataclass(frozen=True, slots=True)
class Boosted:
    """``rows`` gain ``by`` times the spread of the list's scores because rule ``rule`` says so."""

    rows: Rows
    by: float
    rule: str


@dataclass(frozen=True)
class Applied:
    """The rules that hold for one request, in their order; safe to ask any number of times.

    To be called in this order on the complete matched set: ``narrowed`` on what may be shown, ``joined`` on what
    matched, ``lifted`` on the scores, ``placed`` for the order (not when the shopper asked for an order by a field),
    ``plain`` and ``explained`` on one page. A list that a policy orders has ``arranged`` for ``placed``. Hiding goes
    over pinning, whichever rule comes first.
    """

    rules: tuple[str, ...] = ()
    pins: tuple[Pinned, ...] = ()
    hidden: Rows = field(default_factory=lambda: np.empty(0, np.int32))
    boosts: tuple[Boosted, ...] = ()
    synonyms: Synonyms = field(default_factory=lambda: MappingProxyType({}))
    banners: tuple[Banner, ...] = ()
    redirect: str = ""

    def within(self, n: int) -> Applied:
        """The same over the first ``n`` rows of the catalogue only."""
        pins = tuple(pin for pin in self.pins if pin.row < n)
        if len(pins) == len(self.pins) and (self.hidden < n).all():
            return self
        return replace(self, pins=pins, hidden=self.hidden[self.hidden < n])

    def pinned(self, allowed: Mask) -> Rows:
        """The pinned rows that are ``allowed`` (n,), ascending."""
        rows = np.unique(np.array([pin.row for pin in self.pins], np.int32))
        return rows[allowed[rows]]

    def narrowed(self, allowed: Mask) -> Mask:
        """``allowed`` (n,) without what the rules hide."""
        if not len(self.hidden):
            return allowed
        narrowed = allowed.copy()
        narrowed[self.hidden] = False
        return narrowed

    def joined(self, matched: Ranking, allowed: Mask) -> Ranking:
        """``matched`` (rows ascending) with the pinned rows it lacks, as far as they are ``allowed`` (n,), all their
        scores and notes 0; rows ascending."""
        pinned = self.pinned(allowed)
        new = pinned[~np.isin(pinned, matched.rows)]
        if not len(new):
            return matched
        rows = np.concatenate([matched.rows, new])
        nothing = np.zeros(len(new))
        notes = {name: np.concatenate([values, nothing]) for name, values in matched.notes.items()}
        return Ranking(rows, np.concatenate([matched.scores, nothing]), notes).take(np.argsort(rows, kind="stable"))

    def kept(self, worth: Ranking, pool: Ranking) -> Ranking:
        """``worth``, a part of ``pool`` in its order, with the pinned rows of it too."""
        if not self.pins:
            return worth
        pinned = np.array([pin.row for pin in self.pins], np.int32)
        return pool.take(np.isin(pool.rows, worth.rows) | np.isin(pool.rows, pinned))

    def lifted(self, scored: Ranking) -> Ranking:
        """``scored``, the complete set, with what the rules add to its scores, and a note of it for every rule.

        The spread is that of the best score over the worst; where all are equal it counts as 1.
        """
        if not self.boosts or not len(scored):
            return scored
        spread = float(scored.scores.max() - scored.scores.min()) or 1.0
        added: dict[str, NDArray[np.float64]] = {}
        for boost in self.boosts:
            told = added.setdefault(f"{BOOST}{boost.rule}", np.zeros(len(scored)))
            told[np.isin(scored.rows, boost.rows)] += boost.by * spread
        total = np.sum(list(added.values()), axis=0)
        return Ranking(scored.rows, scored.scores + total, {**scored.notes, **added})

    def plain(self, lifted: Ranking) -> Ranking:
        """``lifted``, or part of it, with its scores before the rules added to them."""
        added = _boosts(lifted)
        if not added:
            return lifted
        return Ranking(lifted.rows, lifted.scores - np.sum(list(added.values()), axis=0), lifted.notes)

    def faced(self, scored: Ranking, groups: NDArray[np.int32]) -> Ranking:
        """``scored`` without the other variants of a pinned row (equal numbers of ``groups``, one a catalogue row), so
        that where one product stands for its variants, the pinned one does."""
        pinned = np.array(list(self._positions(scored.rows)), np.int32)
        if not len(pinned):
            return scored
        _, first = np.unique(groups[pinned], return_index=True)
        faces = pinned[first]
        return scored.take(~np.isin(groups[scored.rows], groups[faces]) | np.isin(scored.rows, faces))

    def placed(self, scored: Ranking, upto: int | None = None) -> Ranking:
        """The first ``upto`` places of ``scored``, the complete set: best first, and every pinned row at its position.

        A pin whose row is not in the set takes no place; of two at one position the later goes to the next free one;
        past the end of the list they stand last. A page is a slice of this, so pages never share a row.
        """
        positions = self._positions(scored.rows)
        if not positions:
            return Ranking.best_first(scored.rows, scored.scores, upto, scored.notes)
        enough = None if upto is None else upto + len(positions)
        best = Ranking.best_first(scored.rows, scored.scores, enough, scored.notes)
        return _inserted(best.take(~np.isin(best.rows, list(positions))), scored, positions, len(scored), upto)

    def arranged(self, ordered: Ranking, scored: Ranking, groups: NDArray[np.int32]) -> Ranking:
        """``ordered``, what a policy made of ``scored``, with every pinned row at its position and all others in their
        order. A pinned row that the policy left out stands for the variant (equal numbers of ``groups``, one a
        catalogue row) that it kept in its place."""
        positions = self._positions(scored.rows)
        if not positions:
            return ordered
        pinned = np.array(list(positions), np.int32)
        replaced = groups[pinned[~np.isin(pinned, ordered.rows)]]
        rest = ordered.take(~np.isin(ordered.rows, pinned) & ~np.isin(groups[ordered.rows], replaced))
        return _inserted(rest, scored, positions, len(rest) + len(positions))

    def _positions(self, rows: Rows) -> dict[int, int]:
        """Row → the position it gets, for the pins whose row is among ``rows``; the first rule to name a row or a
        position has it."""
        pinned = np.array([pin.row for pin in self.pins], np.int32)
        present = set(pinned[np.isin(pinned, rows)].tolist())
        found: dict[int, int] = {}
        taken: set[int] = set()
        for pin in self.pins:
            row, position = pin.row, pin.position
            if row not in present or row in found:
                continue
            while position in taken:
                position += 1
            found[row] = position
            taken.add(position)
        return found

    def explained(self, page: Ranking, evidence: Sequence[Evidence]) -> tuple[Ranking, list[Evidence]]:
        """``page``, whose scores and ``evidence`` know nothing of the rules, with what ``lifted`` noted added to the
        scores as the term *rule*; and evidence that names first the rules that pinned or lifted a row."""
        boosts = _boosts(page)
        pinned_by = {pin.row: pin.rule for pin in reversed(self.pins)}
        places = page.notes.get(PIN, np.zeros(len(page)))
        told: list[Evidence] = []
        for at, known in enumerate(evidence):
            first = [(f"{PIN}:{pinned_by[int(page.rows[at])]}", 0.0)] if places[at] else []
            lifted = sorted(((name, float(values[at])) for name, values in boosts.items()), key=lambda one: -one[1])
            told.append([*first, *((name, worth) for name, worth in lifted if worth > 0), *known])
        if not boosts:
            return page, told
        total = np.sum(list(boosts.values()), axis=0)
        return Ranking(page.rows, page.scores + total, {**page.notes, TERM: total}), told


def _boosts(ranking: Ranking) -> dict[str, NDArray[np.float64]]:
    return {name: values for name, values in ranking.notes.items() if name.startswith(BOOST)}


def _inserted(rest: Ranking, scored: Ranking, positions: dict[int, int], n: int, upto: int | None = None) -> Ranking:
    """The first ``upto`` of ``n`` places: ``rest`` in its order, and the rows of ``positions``, all of them in
    ``scored``, where those say, or at the end where that is nearer."""
    k, shown = len(positions), n if upto is None else min(upto, n)
    pinned = np.array(sorted(positions, key=positions.__getitem__), np.int32)
    asked = np.sort(np.fromiter(positions.values(), np.int64, k)) - 1
    places = np.minimum(asked, n - k + np.arange(k))
    fixed = scored.take(_where_are(pinned, scored.rows))
    within = places < shown
    order = np.full(shown, -1)
    order[places[within]] = len(rest) + np.flatnonzero(within)
    free = order < 0
    order[free] = np.arange(int(free.sum()))
    rows = np.concatenate([rest.rows, fixed.rows])
    notes = {name: np.concatenate([values, fixed.notes[name]]) for name, values in rest.notes.items()}
    notes[PIN] = np.concatenate([np.zeros(len(rest)), places + 1.0])
    return Ranking(rows, np.concatenate([rest.scores, fixed.scores]), notes).take(order)


def _where_are(wanted: Rows, rows: Rows) -> NDArray[np.intp]:
    """The places of ``wanted`` within ``rows``, in the order of ``wanted``: a table, for sorting costs milliseconds."""
    places = np.zeros(int(rows.max()) + 1, np.intp)
    places[rows] = np.arange(len(rows))
    return places[wanted]


UNTOUCHED = Applied()
"""What rules make of a request that none of them speaks of."""
