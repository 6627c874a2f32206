"""A filter as one types it in, the filter as requests carry it out."""

from __future__ import annotations

import re
from typing import Any

from mercato.errors import RequestError

_VALUE = r"\"[^\"]*\"|'[^']*'|[^,]+"
_CONDITION = re.compile(rf"\s*(?P<field>[\w.\-]+)\s*(?P<operator><=|>=|=|<|>)\s*(?P<value>{_VALUE})\s*(?:,|$)")


def parse_where(text: str) -> dict[str, Any]:
    """Conditions joined by commas; ``|`` between values means any of them; ranges by <= and >=.

    Raises RequestError that shows where the expression cannot be read.

    >>> parse_where("brand=acme|apex, price>=1, price<=5")
    {'brand': ['acme', 'apex'], 'price': {'min': 1.0, 'max': 5.0}}
    """
    where: dict[str, Any] = {}
    place = 0
    while place < len(text.rstrip()):
        found = _CONDITION.match(text, place)
        if found is None:
            raise RequestError(f"cannot read {text[place:]!r}", where="--where", hint="such as: brand=acme, price<=5")
        _add(where, found["field"], found["operator"], found["value"].strip())
        place = found.end()
    return where


def _add(where: dict[str, Any], field: str, operator: str, value: str) -> None:
    if operator == "=":
        quoted = value[:1] in "\"'" and value[-1:] == value[:1]
        where[field] = [value[1:-1]] if quoted else [one.strip() for one in value.split("|")]
        return
    if operator in "<>":
        raise RequestError(f"{field}{operator}{value}", where="--where", hint="ranges include their ends: use <= or >=")
    bounds = where.setdefault(field, {})
    try:
        bounds["max" if operator == "<=" else "min"] = float(value)
    except ValueError as error:
        raise RequestError(f"{value!r} is not a number", where=f"--where {field}") from error
