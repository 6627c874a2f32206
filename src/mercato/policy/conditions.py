"""What a request asks for and who asks in, the rules whose condition that meets out, without trying every rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mercato.rules import SEARCH, Run, When, run_of, segment_of
from mercato.schema import NOTHING, Rows, Where


def _no_rows() -> Rows:
    return np.empty(0, np.int32)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a condition is held against: the words of a query as the index reads them (``run``), the filter, who asks
    (``segments`` as ``rules.segment_of`` folds them), for which list, and the catalogue rows that one starts from."""

    run: Run = ()
    where: Where = field(default_factory=lambda: NOTHING)
    segments: frozenset[str] = frozenset()
    placement: str = SEARCH
    anchors: Rows = field(default_factory=_no_rows)


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule's ``when`` with its query as the index reads it: ``run`` in order, ``terms`` in none; ``segments`` are
    folded, ``anchors`` the catalogue rows that pass its anchor."""

    when: When
    run: Run
    terms: frozenset[str]
    segments: frozenset[str] = frozenset()
    anchors: Rows = field(default_factory=_no_rows)

    @staticmethod
    def of(when: When, anchors: Rows) -> Condition:
        """The condition that ``when`` writes down; ``anchors`` are the rows that pass its anchor."""
        run = run_of(when.query)
        return Condition(when, run, frozenset(run), frozenset(map(segment_of, when.segments)), anchors)

    def holds(self, asked: Asked) -> bool:
        """Whether a request meets it; an empty condition holds for every search."""
        return self._is_about(asked) and self._is_said(asked.run) and self._is_within(asked.where)

    def _is_about(self, asked: Asked) -> bool:
        """Whether the list, who asks for it, and what it starts from are those meant."""
        if asked.placement not in self.when.places or (self.segments and self.segments.isdisjoint(asked.segments)):
            return False
        return not self.when.anchor or bool(np.isin(asked.anchors, self.anchors).any())

    def _is_said(self, run: Run) -> bool:
        return not self.run or (self.run == run if self.when.match == "exact" else self.terms.issubset(run))

    def _is_within(self, where: Where) -> bool:
        return all(_keeps_to(name, values, where.get(name)) for name, values in self.when.where.items())


@dataclass(frozen=True)
class Conditions:
    """Conditions by number, each filed under the rarest thing it asks for: the whole query, the one of its words that
    fewest others are filed under, the values of its filter, or its segments; those of other lists than search under
    their lists too. So ten thousand rules cost a request about as much as the few that hold."""

    known: dict[int, Condition] = field(default_factory=dict)
    exact: defaultdict[Run, list[int]] = field(default_factory=lambda: defaultdict(list))
    containing: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    valued: defaultdict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    segmented: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    everywhere: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, number: int, condition: Condition) -> None:
        """File ``condition`` under ``number``."""
        self.known[number] = condition
        when = condition.when
        if condition.run and when.match == "exact":
            self.exact[condition.run].append(number)
        elif condition.run:
            rarest = min(sorted(condition.terms), key=lambda term: len(self.containing.get(term, ())))
            self.containing[rarest].append(number)
        else:
            for place in when.places:
                self._add(place, number, condition)

    def _add(self, place: str, number: int, condition: Condition) -> None:
        """File what asks for no words under the list ``place``."""
        if condition.when.where:
            name, values = next(iter(condition.when.where.items()))
            for value in values:
                self.valued[place, name, str(value)].append(number)
        elif condition.segments:
            for segment in condition.segments:
                self.segmented[place, segment].append(number)
        else:
            self.everywhere[place].append(number)

    def holding(self, asked: Asked) -> list[int]:
        """The numbers of the conditions that a request meets, ascending."""
        place = asked.placement
        found = {*self.everywhere.get(place, ()), *self.exact.get(asked.run, ())}
        for term in set(asked.run):
            found.update(self.containing.get(term, ()))
        for segment in asked.segments:
            found.update(self.segmented.get((place, segment), ()))
        for name, condition in asked.where.items():
            for value in _chosen(condition):
                for prefix in _prefixes(name, value):
                    found.update(self.valued.get((place, name, prefix), ()))
        return sorted(number for number in found if self.known[number].holds(asked))


def _keeps_to(name: str, values: Sequence[Any], asked: Any) -> bool:
    """Whether a request's condition on one field asks for nothing but ``values``."""
    wanted = set(map(str, values))
    chosen = list(_chosen(asked))
    return bool(chosen) and all(wanted.intersection(_prefixes(name, value)) for value in chosen)


def _chosen(condition: Any) -> Iterator[str]:
    """The values of one field's condition as text; none for a range."""
    if isinstance(condition, str | int | float):
        yield str(condition)
    elif isinstance(condition, Sequence):
        yield from map(str, condition)


def _prefixes(name: str, value: str) -> list[str]:
    """``value``, and for a category everything above it: "a > b" → ["a", "a > b"]."""
    if name != "categories":
        return [value]
    parts = value.split(" > ")
    return [" > ".join(parts[: depth + 1]) for depth in range(len(parts))]
