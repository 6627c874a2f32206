"""The shop's rules and a catalogue in, what they make of one request out (policy.applied)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import numpy as np

from mercato.catalog import Catalog
from mercato.errors import RequestError
from mercato.policy.applied import UNTOUCHED, Applied, Boosted, Pinned, Synonyms
from mercato.policy.conditions import Condition, Conditions
from mercato.rules import Pin, Rule, Run, Some, run_of
from mercato.schema import Mask, Rows, Where

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
    the catalogue does not have (path, why)."""

    ruled: tuple[_Ruled, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    thesaurus: Thesaurus = field(default_factory=Thesaurus)
    resting: Notes = field(default_factory=dict)
    broken: Notes = field(default_factory=dict)

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
        return Merchandise(ruled, conditions, Thesaurus.of(ruled), _frozen(found.resting), _frozen(found.broken))

    def active(self, query: str, where: Where, at: datetime, corrected: str = "") -> Applied:
        """What the rules in force at ``at`` make of ``query`` narrowed by ``where``, as it was typed and, when it was
        read in another spelling, as ``corrected``; synonyms are those of the words as they were read. ``at`` is the
        clock on the wall, not the shop's last day: a sale ends whether or not anybody buys."""
        if not self.ruled:
            return UNTOUCHED
        run = run_of(query)
        holding = {*self.conditions.holding(run, where)}
        if corrected:
            run = run_of(corrected)
            holding.update(self.conditions.holding(run, where))
        acting = [number for number in sorted(holding) if self._in_force(number, at)]
        synonyms, speaking = self._synonyms(run, where, at)
        if not acting and not speaking:
            return UNTOUCHED
        rules = [self.ruled[number] for number in acting]
        return Applied(
            rules=tuple(self.ruled[number].rule.id for number in sorted({*acting, *speaking})),
            pins=tuple(pin for one in rules for pin in one.pins),
            hidden=np.concatenate([np.empty(0, np.int32), *(one.hidden for one in rules)]),
            boosts=tuple(boost for one in rules for boost in one.boosts),
            synonyms=synonyms,
            banners=tuple(one.rule.banner for one in rules if one.rule.banner is not None),
            redirect=next((one.rule.redirect for one in rules if one.rule.redirect), ""),
        )

    def _in_force(self, number: int, at: datetime) -> bool:
        return self.ruled[number].rule.state(at) == "in force"

    def _synonyms(self, run: Run, where: Where, at: datetime) -> tuple[Synonyms, set[int]]:
        """What else may stand for the words of ``run``, the longest match from the left (as Lucene's synonym filter),
        and the rules that say so."""
        found: dict[Run, tuple[tuple[Run, float], ...]] = {}
        speaking: set[int] = set()
        start = 0
        while start < len(run):
            step = 1
            for part in self.thesaurus.at(run, start):
                told = [pair for pair in self.thesaurus.others[part] if self._speaks(pair[0], run, where, at)]
                if told:
                    found[part] = tuple((other, SYNONYM_WEIGHT) for other in dict.fromkeys(other for _, other in told))
                    speaking.update(number for number, _ in told)
                    step = len(part)
                    break
            start += step
        return MappingProxyType(found), speaking

    def _speaks(self, number: int, run: Run, where: Where, at: datetime) -> bool:
        return self._in_force(number, at) and self.ruled[number].condition.holds(run, where)


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
        return _Ruled(rule, Condition.of(rule.when), tuple(pins), hidden, tuple(boosts))

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
        try:
            return np.union1d(rows, np.flatnonzero(self._catalog.allowed(some.where))).astype(np.int32)
        except RequestError as error:
            self.broken.setdefault(rule_id, []).append((f"{path}.{error.where}", f"{error.what}: {error.hint}"))
            return rows


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
