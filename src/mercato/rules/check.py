"""Rules that are each right in, what is wrong with them together out."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from mercato.errors import RequestError
from mercato.rules.rule import Rule, Run, run_of

MOST_RULES = 10_000


def check_together(rules: Sequence[Rule]) -> None:
    """Raises RequestError for too many rules, an id twice, or one-way synonyms that lead round in a circle."""
    if len(rules) > MOST_RULES:
        hint = "one rule may hold many synonyms"
        raise RequestError(f"{len(rules):,} rules are too many", where="rules", hint=f"at most {MOST_RULES:,}; {hint}")
    places: dict[str, int] = {}
    for place, rule in enumerate(rules):
        if rule.id in places:
            what = f"rules {places[rule.id]} and {place} have the same id {rule.id!r}"
            raise RequestError(what, where=f"rules[{place}].id", hint="give each rule its own id")
        places[rule.id] = place
    _check_circles(rules)


def _check_circles(rules: Sequence[Rule]) -> None:
    """A one-way synonym says "not the other way round", so two of them that lead back say yes and no at once."""
    sources: dict[Run, set[Run]] = {}
    told: dict[tuple[Run, Run], tuple[str, str]] = {}
    for rule in rules:
        for synonym in rule.synonyms if rule.enabled else ():
            for words in synonym.words if synonym.source else ():
                step = run_of(synonym.source), run_of(words)
                sources.setdefault(step[1], set()).add(step[0])
                told[step] = words, rule.id
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        circle: list[Run] = error.args[1]
        steps = [told[step] for step in pairwise(circle)]
        shown = " → ".join([steps[-1][0], *(words for words, _ in steps)])
        raise RequestError(
            f"one-way synonyms lead in a circle: {shown}",
            where=f"synonyms of {', '.join(sorted({rule_id for _, rule_id in steps}))}",
            hint='take one of them out, or say it both ways: {"words": [...]} without "from"',
        ) from error
