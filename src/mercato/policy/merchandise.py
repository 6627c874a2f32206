"""The shop's rules and a catalogue in, what they make of one request out (policy.applied)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.policy.applied import UNTOUCHED, Applied, Boosted, Pinned, Synonyms
from mercato.policy.conditions import Asked, Condition, Conditions
from mercato.rules import Pin, Rule, Run, Some, run_of
from mercato.schema import Mask, Request, Rows, Where

SYNONYM_WEIGHT = 0.8
"""What a synonym counts of the word itself."""

Notes = Mapping[str, tuple[tuple[str, str], ...]]
"""Rule id → (what, why) of each."""


@dataclass(frozen=True, slots=True)
class _Ruled:
    """One rule against one catalogue: its products as rows."""

    rule: Rule
    condition: Condition
    pins: tuple[Pinned, ...]
    hidden: Rows
    boosts: tuple[Boosted, ...]


@dataclass(frozen=True)
class Thesaurus:
    """Words → (number of the rule that says so, other words) of each synonym; ``longest`` is how many words at most."""

    others: Mapping[Run, tuple[tuple[int, Run], ...]] = field(default_factory=dict)
    longest: int = 0

    @staticmethod
    def of(ruled: Sequence[_Ruled]) -> Thesaurus:
        """Every synonym of ``ruled``."""
        others: defaultdict[Run, list[tuple[int, Run]]] = defaultdict(list)
        for number, one in enumerate(ruled):
            for synonym in one.rule.synonyms:
                words = [run_of(written) for written in synonym.words]
                for source in [run_of(synonym.source)] if synonym.source else words:
                    others[source].extend((number, other) for other in words if other != source)
        return Thesaurus({run: tuple(found) for run, found in others.items()}, max(map(len, others), default=0))

    def at(self, run: Run, start: int) -> Iterable[Run]:
        """The runs with synonyms that begin at ``start`` of ``run``, the longest first."""
        for length in range(min(self.longest, len(run) - start), 0, -1):
            if run[start : start + length] in self.others:
                yield run[start : start + length]


@dataclass(frozen=True)
class Merchandise:
    """Every rule that is switched on, in the order in which they apply, ready to be asked; immutable, safe to share
    between threads. ``resting`` are the pins that cannot be shown (product, why), ``broken`` the filters on fields that
    the catalogue does not have (path, why); ``segmented``: some rule asks who is asking."""

    ruled: tuple[_Ruled, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    thesaurus: Thesaurus = field(default_factory=Thesaurus)
    resting: Notes = field(default_factory=dict)
    broken: Notes = field(default_factory=dict)
    segmented: bool = False

    @staticmethod
    def build(rules: Sequence[Rule], catalog: Catalog) -> Merchandise:
        """``rules`` against ``catalog``. A product that is not there, or a filter on a field that is not, never fails
        the rest: shops lose products and fields while rules stay."""
        found = _Found(catalog)
        ruled = tuple(found.ruled(rule) for rule in sorted(rules, key=lambda rule: rule.rank) if rule.enabled)
        conditions = Conditions()
        for number, one in enumerate(ruled):
            if one.rule.acts:
                conditions.add(number, one.condition)
        segmented = any(one.condition.segments for one in ruled)
        resting, broken = _frozen(found.resting), _frozen(found.broken)
        return Merchandise(ruled, conditions, Thesaurus.of(ruled), resting, broken, segmented)

    def active(
        self,
        query: str,
        where: Where,
        at: datetime,
        corrected: str = "",
        segments: frozenset[str] = frozenset(),
    ) -> Applied:
        """What the rules in force at ``at`` make of the search for ``query`` narrowed by ``where`` by somebody in
        ``segments`` (folded), as it was typed and, when it was read in another spelling, as ``corrected``; synonyms are
        those of the words as they were read. ``at`` is the clock on the wall, not the shop's last day: a sale ends
        whether or not anybody buys."""
        if not self.ruled:
            return UNTOUCHED
        asked = Asked(run_of(query), where, segments)
        holding = {*self.conditions.holding(asked)}
        if corrected:
            asked = Asked(run_of(corrected), where, segments)
            holding.update(self.conditions.holding(asked))
        synonyms, speaking = self._synonyms(asked, at)
        applied = self._applied([number for number in sorted(holding) if self._in_force(number, at)], speaking)
        return replace(applied, synonyms=synonyms) if speaking else applied

    def recommended(self, request: Request, at: datetime, segments: frozenset[str] = frozenset()) -> Applied:
        """What the rules in force at ``at`` make of the list of ``request.placement`` for somebody in ``segments``
        (folded), starting from ``request.anchors``."""
        asked = Asked((), request.where, segments, request.placement, request.anchors)
        acting = [number for number in self.conditions.holding(asked) if self._in_force(number, at)]
        applied = self._applied(acting)
        return replace(applied, redirect="") if applied.redirect else applied

    def _applied(self, acting: Sequence[int], speaking: Set[int] = frozenset()) -> Applied:
        """What the rules numbered ``acting`` do, in their order; ``speaking`` are those that give words synonyms."""
        if not acting and not speaking:
            return UNTOUCHED
        rules = [self.ruled[number] for number in acting]
        return Applied(
            rules=tuple(self.ruled[number].rule.id for number in sorted({*acting, *speaking})),
            pins=tuple(pin for one in rules for pin in one.pins),
            hidden=np.concatenate([np.empty(0, np.int32), *(one.hidden for one in rules)]),
            boosts=tuple(boost for one in rules for boost in one.boosts),
            banners=tuple(one.rule.banner for one in rules if one.rule.banner is not None),
            redirect=next((one.rule.redirect for one in rules if one.rule.redirect), ""),
        )

    def _in_force(self, number: int, at: datetime) -> bool:
        return self.ruled[number].rule.state(at) == "in force"

    def _synonyms(self, asked: Asked, at: datetime) -> tuple[Synonyms, set[int]]:
        """What else may stand for the words asked for, the longest match from the left (as Lucene's synonym filter),
        and the rules that say so."""
        found: dict[Run, tuple[tuple[Run, float], ...]] = {}
        speaking: set[int] = set()
        run, start = asked.run, 0
        while start < len(run):
            step = 1
            for part in self.thesaurus.at(run, start):
                told = [pair for pair in self.thesaurus.others[part] if self._speaks(pair[0], asked, at)]
                if told:
                    found[part] = tuple((other, SYNONYM_WEIGHT) for other in dict.fromkeys(other for _, other in told))
                    speaking.update(number for number, _ in told)
                    step = len(part)
                    break
            start += step
        return MappingProxyType(found), speaking

    def _speaks(self, number: int, asked: Asked, at: datetime) -> bool:
        return self._in_force(number, at) and self.ruled[number].condition.holds(asked)


class _Found:
    """Rules in, rows out, with a note of everything that could not be found."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._sold_out = _sold_out(catalog)
        self.resting: dict[str, list[tuple[str, str]]] = {}
        self.broken: dict[str, list[tuple[str, str]]] = {}

    def ruled(self, rule: Rule) -> _Ruled:
        pins = [pinned for pin in rule.pins if (pinned := self._pinned(pin, rule.id))]
        boosts = [
            Boosted(self._rows(boost.some, rule.id, f"boosts[{place}]"), boost.by, rule.id)
            for place, boost in enumerate(rule.boosts)
        ]
        hidden = self._rows(rule.hide, rule.id, "hide")
        condition = Condition.of(rule.when, self._anchors(rule))
        return _Ruled(rule, condition, tuple(pins), hidden, tuple(boosts))

    def _pinned(self, pin: Pin, rule_id: str) -> Pinned | None:
        """None, and a note, for what cannot be sold: nobody pins a product to disappoint."""
        row = self._catalog.row(pin.product)
        if row is None:
            why = "not in the trained catalogue"
        elif not self._catalog.sellable[row]:
            why = "not for sale"
        elif self._sold_out[row]:
            why = "out of stock"
        else:
            return Pinned(row, pin.position, rule_id)
        self.resting.setdefault(rule_id, []).append((pin.product, why))
        return None

    def _rows(self, some: Some, rule_id: str, path: str) -> Rows:
        rows = np.unique(self._catalog.rows(some.products))
        if not some.where:
            return rows
        return np.union1d(rows, self._passing(some.where, rule_id, f"{path}.where", self._catalog.sellable))

    def _anchors(self, rule: Rule) -> Rows:
        """What a list may start from: also what is not for sale any more."""
        if not rule.when.anchor:
            return np.empty(0, np.int32)
        return self._passing(rule.when.anchor, rule.id, "when.anchor", np.ones(len(self._catalog), bool))

    def _passing(self, where: Where, rule_id: str, path: str, among: Mask) -> Rows:
        """The rows ``among`` (n,) that pass ``where``, none of them, and a note, when the catalogue lacks a field."""
        mask = among
        try:
            for name, condition in where.items():
                mask = mask & self._catalog.passing(name, condition)
        except RequestError as error:
            place = error.where.removeprefix("where.")
            self.broken.setdefault(rule_id, []).append((f"{path}.{place}", f"{error.what}: {error.hint}"))
            return np.empty(0, np.int32)
        return np.flatnonzero(mask).astype(np.int32)


def _sold_out(catalog: Catalog) -> Mask:
    """Rows that nobody can buy now: said to be out of stock, or said to be there while none is left."""
    n = len(catalog)
    availability = catalog.facets.get("availability")
    if availability is None:
        return np.zeros(n, bool)
    with np.errstate(invalid="ignore"):
        none_left = catalog.numbers["quantity"] <= 0
    return availability.mask(["out-of-stock"], n) | (availability.mask(["in-stock"], n) & none_left)


def _frozen(found: Mapping[str, list[tuple[str, str]]]) -> Notes:
    return MappingProxyType({rule_id: tuple(pairs) for rule_id, pairs in found.items()})
