"""The words and the filter of a request in, the rules whose condition they meet out, without trying every rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mercato.rules import Run, When, run_of
from mercato.schema import Where


@dataclass(frozen=True, slots=True)
class Condition:
    """One rule's ``when`` with its query as the index reads it: ``run`` in order, ``terms`` in none."""

    when: When
    run: Run
    terms: frozenset[str]

    @staticmethod
    def of(when: When) -> Condition:
        """The condition that ``when`` writes down."""
        run = run_of(when.query)
        return Condition(when, run, frozenset(run))

    def holds(self, run: Run, where: Where) -> bool:
        """Whether a request for ``run`` narrowed by ``where`` meets it; an empty condition holds for every request."""
        if self.run and not (self.run == run if self.when.match == "exact" else self.terms.issubset(run)):
            return False
        return all(_keeps_to(name, values, where.get(name)) for name, values in self.when.where.items())


@dataclass(frozen=True)
class Conditions:
    """Conditions by number, each filed under the rarest thing it asks for: the whole query, the one of its words that
    fewest others are filed under, or the values of its filter. So ten thousand rules cost a request about as much as
    the few that hold."""

    known: dict[int, Condition] = field(default_factory=dict)
    exact: defaultdict[Run, list[int]] = field(default_factory=lambda: defaultdict(list))
    containing: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    valued: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    everywhere: list[int] = field(default_factory=list)

    def add(self, number: int, condition: Condition) -> None:
        """File ``condition`` under ``number``."""
        self.known[number] = condition
        when = condition.when
        if condition.run and when.match == "exact":
            self.exact[condition.run].append(number)
        elif condition.run:
            rarest = min(sorted(condition.terms), key=lambda term: len(self.containing.get(term, ())))
            self.containing[rarest].append(number)
        elif when.where:
            name, values = next(iter(when.where.items()))
            for value in values:
                self.valued[name, str(value)].append(number)
        else:
            self.everywhere.append(number)

    def holding(self, run: Run, where: Where) -> list[int]:
        """The numbers of the conditions that a request for ``run`` narrowed by ``where`` meets, ascending."""
        found = {*self.everywhere, *self.exact.get(run, ())}
        for term in set(run):
            found.update(self.containing.get(term, ()))
        for name, condition in where.items():
            for value in _chosen(condition):
                for prefix in _prefixes(name, value):
                    found.update(self.valued.get((name, prefix), ()))
        return sorted(number for number in found if self.known[number].holds(run, where))


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
