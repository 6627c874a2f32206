"""One value of a rule's JSON and its path in, the value checked out; every refusal says what, where and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mercato.codec import to_time
from mercato.errors import DataError, RequestError
from mercato.schema import NOTHING, Where

LONGEST_TEXT = 500
LONGEST_URL = 2000

_UNSAFE = re.compile(r"[\s\\\x00-\x1f\x7f]")
T = TypeVar("T")


def filter_of(value: Any, where: str) -> Where:
    """A filter of the right shape; whether the catalogue has its fields, only the catalogue knows."""
    if value is None:
        return NOTHING
    hint = 'such as {"brand": ["Acme"], "price": {"max": 5}}'
    if not isinstance(value, Mapping):
        raise RequestError("a filter is a JSON object", where=where, hint=hint)
    for name, condition in value.items():
        values = list(condition.values()) if isinstance(condition, Mapping) else condition
        if not isinstance(name, str) or not isinstance(values, list) or not values:
            raise RequestError("a filter is a list of values, or a range", where=f"{where}.{name}", hint=hint)
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
            raise RequestError("a value is a text or a number", where=f"{where}.{name}", hint=hint)
    return dict(value)


def address(value: Any, where: str) -> str:
    """An address that a page may be sent to: http(s), or a path of this site ("//host" is another site)."""
    url = text(value, where, LONGEST_URL)
    if not url:
        return ""
    local = url.startswith("/") and not url.startswith("//")
    if _UNSAFE.search(url) or not (local or _is_web(url)):
        hint = "begin with /, http:// or https://, and write a space as %20"
        raise RequestError(f"{url!r} is no address to send shoppers to", where=where, hint=hint)
    return url


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an unfinished [ of an IPv6 host
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def fields(value: Any, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    """A JSON object without any field but ``known``."""
    if not isinstance(value, Mapping):
        raise RequestError("give a JSON object", where=where or "rule", hint=f"fields: {', '.join(known)}")
    for name in value:
        if name not in known:
            path = f"{where}.{name}" if where else str(name)
            raise RequestError(f"there is no field {name!r}", where=path, hint=f"fields: {', '.join(known)}")
    return value


def entries(value: Any, where: str, most: int, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    """A list of at most ``most`` values, each read with its own path; nothing for null."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise RequestError("give a list", where=where, hint="[...]")
    if len(value) > most:
        raise RequestError(f"{len(value)} entries are too many", where=where, hint=f"at most {most}")
    return tuple(read(one, f"{where}[{place}]") for place, one in enumerate(value))


def text(value: Any, where: str, most: int = LONGEST_TEXT) -> str:
    """A text of at most ``most`` characters, without the spaces around it; "" for null."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most or not _is_unicode(value):
        raise RequestError(f"{str(value)[:40]!a} is no text", where=where, hint=f"at most {most} characters")
    return value.strip()


def needed_text(value: Any, where: str) -> str:
    """A text with something in it."""
    found = text(value, where)
    if not found:
        raise RequestError("there is nothing in it", where=where, hint=f"1 to {LONGEST_TEXT} characters")
    return found


def _is_unicode(value: str) -> bool:
    """Whether UTF-8 can hold it: half a surrogate pair could never be kept."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def whole(value: Any, where: str, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        name = where.rsplit(".", 1)[-1]
        raise RequestError(f"{name} is {value!r}", where=where, hint=f"a whole number from {least} to {most}")
    return value


def flag(value: Any, where: str) -> bool:
    """True or false, nothing that only looks like it."""
    if not isinstance(value, bool):
        raise RequestError(f"{value!r} is neither true nor false", where=where, hint="true or false")
    return value


def moment(value: Any, where: str) -> datetime | None:
    """A time as UTC; None for null."""
    try:
        return to_time(value, where)
    except DataError as error:
        raise RequestError(error.what, where=where, hint="ISO 8601, such as 2026-12-01T00:00:00Z") from error
