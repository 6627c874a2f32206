"""The JSON of a rule's condition in, the When out, or what is wrong with it, where, and what to do; and back."""

from __future__ import annotations

from typing import Any

from mercato.errors import RequestError
from mercato.rules.fields import entries, fields, filter_of, flag, needed_text, text
from mercato.rules.rule import LISTS, SEARCH, When, run_of
from mercato.rules.segments import LONGEST_SEGMENT, segment_of
from mercato.schema import NOTHING, Where

MOST_SEGMENTS = 50
"""How many one rule may name."""
ANCHORED = ("similar", "together", "cart", "session")
"""Lists that start from products."""

_FIELDS = ("query", "match", "where", "segments", "placements", "anchor", "always")


def when_from_dict(value: Any, where: str) -> When:
    """The condition that ``value`` (see ``when_to_dict``) writes down; ``where`` is its path. Nothing for null.

    Raises RequestError for an unknown field, a value of another kind, or parts that cannot hold together.
    """
    if value is None:
        return When()
    given = fields(value, where, _FIELDS)
    when = When(
        query=text(given.get("query"), f"{where}.query"),
        match=given.get("match", "exact"),
        where=_chosen(given.get("where"), f"{where}.where"),
        segments=_segments(given.get("segments"), f"{where}.segments"),
        placements=tuple(dict.fromkeys(entries(given.get("placements"), f"{where}.placements", len(LISTS), _list))),
        anchor=filter_of(given.get("anchor"), f"{where}.anchor"),
        always=flag(given.get("always", False), f"{where}.always"),
    )
    _check_words(when, where)
    _check_anchor(when, where)
    if when.always and (when.query or when.where or when.anchor):
        hint = "take always out, or the query, the where and the anchor"
        raise RequestError("always leaves nothing to ask for", where=f"{where}.always", hint=hint)
    return when


def when_to_dict(when: When) -> dict[str, Any]:
    """The condition as JSON; what is empty is left out."""
    record: dict[str, Any] = {"always": True} if when.always else {}
    if when.query:
        record |= {"query": when.query, "match": when.match}
    filters = {"where": dict(when.where), "anchor": dict(when.anchor)}
    lists = {"segments": list(when.segments), "placements": list(when.placements)}
    return record | {name: value for name, value in (filters | lists).items() if value}


def _check_words(when: When, where: str) -> None:
    if when.query and not run_of(when.query):
        raise RequestError(f"{when.query!r} has no word in it", where=f"{where}.query", hint="give words or numbers")
    if when.match not in ("exact", "contains"):
        hint = "exact: the query is these words; contains: they all occur in it"
        raise RequestError(f"{when.match!r} is no way to match", where=f"{where}.match", hint=hint)
    if when.query and when.places != (SEARCH,):
        hint = f'only "{SEARCH}" has words: write a rule of its own for the other lists'
        raise RequestError("a list that nobody typed words for has no query", where=f"{where}.query", hint=hint)


def _check_anchor(when: When, where: str) -> None:
    if when.anchor and not set(when.places) <= set(ANCHORED):
        hint = f"name only placements that start from products: {', '.join(ANCHORED)}"
        raise RequestError("an anchor is what a list starts from", where=f"{where}.anchor", hint=hint)


def _chosen(value: Any, where: str) -> Where:
    """A condition on the request's filter: values, for a range is not chosen from a list."""
    narrowed = filter_of(value, where)
    for name, condition in narrowed.items():
        if not isinstance(condition, list):
            hint = "a condition asks which values the shopper chose, such as categories"
            raise RequestError("give a list of values", where=f"{where}.{name}", hint=hint)
    return narrowed or NOTHING


def _segments(value: Any, where: str) -> tuple[str, ...]:
    """Each once, as first written."""
    found: dict[str, str] = {}
    for name in entries(value, where, MOST_SEGMENTS, _segment):
        found.setdefault(segment_of(name), name)
    return tuple(found.values())


def _segment(value: Any, where: str) -> str:
    name = needed_text(value, where)
    if "," in name or not segment_of(name) or len(name) > LONGEST_SEGMENT:
        hint = f"at most {LONGEST_SEGMENT} characters without a comma, such as vip or loyalty:gold"
        raise RequestError(f"{name[:40]!r} is no segment", where=where, hint=hint)
    return name


def _list(value: Any, where: str) -> str:
    if value not in LISTS:
        raise RequestError(f"no placement {value!r}", where=where, hint=f"placements: {', '.join(LISTS)}")
    return str(value)
