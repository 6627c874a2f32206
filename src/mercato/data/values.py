"""One raw value in, one typed value out, or a DataError that says which field is wrong and why."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson

from mercato.codec import exponent, to_minor, to_time
from mercato.errors import DataError

LONGEST_ID = 512
LARGEST_AMOUNT = 1e12
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MONEY_SIGN = re.compile(r"^[$€£¥₹]\s*|\s*[$€£¥₹]$")
_THOUSANDS = re.compile(r"^-?\d{1,3}(,\d{3})+(\.\d+)?$")
_DECIMAL_COMMA = re.compile(r"^-?\d+,\d{1,2}$")
_PLAIN_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_MONEY_WITH_CURRENCY = re.compile(r"^(?P<before>[A-Za-z]{3})?\s*(?P<amount>[\d.,$€£¥₹-]+)\s*(?P<after>[A-Za-z]{3})?$")
_TAG = re.compile(r"<(?:!--.*?--|/?[A-Za-z][^<>]*)>", re.DOTALL)
_YES = frozenset({"true", "1", "yes", "y", "t", "active", "published"})
_NO = frozenset({"false", "0", "no", "n", "f", "draft", "archived", "unpublished"})


def text(value: Any, field: str, longest: int, *, cut: bool = False) -> str:
    """Trimmed text, "" for nothing; longer than ``longest`` characters is refused, or cut where ``cut``."""
    if type(value) is str and len(value) <= longest and value.isascii() and "\x00" not in value:
        return str(value.strip())
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple):
        value = ", ".join(str(part) for part in value if part is not None)
    if isinstance(value, Mapping):
        raise DataError("expected text, found an object", where=field)
    trimmed = str(value).strip()
    if len(trimmed) > longest and not cut:
        raise DataError(f"longer than {longest:,} characters", where=field)
    if not trimmed.isascii() and any("\ud800" <= letter <= "\udfff" for letter in trimmed):
        raise DataError("half of a surrogate pair is no text", where=field)
    return trimmed[:longest].replace("\x00", "")


def written(value: Any, field: str, longest: int, *, cut: bool = False, tags: bool = False) -> str:
    """``text`` for people to read: "&amp;" and its like as what they stand for, and where ``tags`` are given, without
    HTML's."""
    found = text(value, field, longest, cut=cut)
    if tags and "<" in found:
        found = _TAG.sub(" ", found).strip()
    return text(html.unescape(found), field, longest, cut=cut) if "&" in found else found


def identifier(value: Any, field: str, *, required: bool = False) -> str:
    """An id as text: whole numbers lose their ".0"; refused when over 512 characters or with control characters."""
    if type(value) is str and value and len(value) <= LONGEST_ID and value.isascii() and value.isprintable():
        trimmed: str = value.strip()
        if trimmed:
            return trimmed
    if isinstance(value, bool | list | tuple | Mapping):
        raise DataError("an id is text or a whole number", where=field)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    found = text(value, field, LONGEST_ID)
    if _CONTROL.search(found):
        raise DataError("control characters in an id", where=field)
    if required and not found:
        raise DataError("missing", where=field)
    return found


def number(value: Any, field: str) -> float | None:
    """A finite number; None for nothing. "1,299.00", "12,99" and "$5" are read; NaN and infinity are refused."""
    if type(value) is str:
        value = _numeric(value)
        if value is not None and not _PLAIN_NUMBER.match(value):
            raise DataError("not a number", where=field)
    if value is None:
        return None
    if isinstance(value, bool | list | tuple | Mapping):
        raise DataError("not a number", where=field)
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("not a number", where=field) from error
    if not math.isfinite(found):
        raise DataError("not a finite number", where=field)
    return found


def _numeric(written: str) -> str | None:
    written = _MONEY_SIGN.sub("", written.strip())
    if _THOUSANDS.match(written):
        return written.replace(",", "")
    return (written.replace(",", ".") if _DECIMAL_COMMA.match(written) else written) or None


def within(value: float | None, field: str, low: float, high: float) -> float | None:
    """``value`` when it lies in [low, high]; refused otherwise."""
    if value is not None and value < low:
        raise DataError(f"below {low:g}", where=field)
    if value is not None and value > high:
        raise DataError(f"above {high:g}", where=field)
    return value


def whole(value: Any, field: str, high: float) -> int | None:
    """A whole number from 0 to ``high``; None for nothing."""
    found = within(number(value, field), field, 0, high)
    if found is not None and not found.is_integer():
        raise DataError("not a whole number", where=field)
    return None if found is None else int(found)


def money(value: Any, field: str, currency: str) -> int | None:
    """An amount in major units as integer minor units of ``currency``; refused below 0 or above 10¹²."""
    found = within(number(value, field), field, 0, LARGEST_AMOUNT)
    return None if found is None else to_minor(found, currency)


def amount_and_currency(value: Any) -> tuple[Any, str]:
    """A price with its currency in one text taken apart; anything else as it came, with "".

    >>> amount_and_currency("15.00 USD"), amount_and_currency("EUR 3"), amount_and_currency(7)
    (('15.00', 'USD'), ('3', 'EUR'), (7, ''))
    """
    found = _MONEY_WITH_CURRENCY.match(value.strip()) if isinstance(value, str) else None
    return (found["amount"], (found["before"] or found["after"] or "").upper()) if found else (value, "")


def currency_code(value: Any, field: str = "currency") -> str:
    """Three letters (ISO 4217), capitals; "" for nothing."""
    found = text(value, field, 100).upper()
    if found and not (len(found) == 3 and found.isascii() and found.isalpha()):
        raise DataError("not a three-letter currency code", where=field)
    return found


def moment(value: Any, field: str) -> datetime | None:
    """A time as UTC: ISO 8601, a date, or UNIX seconds, milliseconds or microseconds, also as text."""
    value = _as_time(value)
    if value is None or value == "":
        return None
    odd = isinstance(value, bool | list | tuple | Mapping) or (isinstance(value, float) and not math.isfinite(value))
    if isinstance(value, int | float) and not odd and abs(value) > 1e14:
        value = value / 1e6
    try:
        found = None if odd else to_time(value, field)
    except DataError:
        found = None
    if found is None:
        raise DataError("not a time: use ISO 8601 or UNIX seconds", where=field)
    if found.year < 1970:
        raise DataError("before 1970", where=field)
    return found


def _as_time(value: Any) -> Any:
    """Dates as their midnight, numbers written as text as numbers; the rest as it came."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        return value
    written = value.strip()
    if len(written) > 8 and _PLAIN_NUMBER.match(written):
        return float(written)
    return written.removesuffix(" UTC")


def flag(value: Any, field: str) -> bool | None:
    """True or False from a Boolean or its common spellings; None for nothing."""
    found = text(value, field, 100).lower()
    if found and found not in _YES and found not in _NO:
        raise DataError("neither true nor false", where=field)
    return None if not found else found in _YES


def labels(value: Any, field: str, separator: str = "|") -> tuple[str, ...]:
    """Texts from a list, a JSON list, or text with ``separator``; empty and repeated ones left out."""
    value = _decoded(value)
    if value is None or value == "":
        return ()
    if isinstance(value, Mapping):
        raise DataError("expected a list of texts", where=field)
    parts = value if isinstance(value, list | tuple) else str(value).split(separator)
    return tuple(dict.fromkeys(found for part in parts if (found := text(part, field, 2000))))


def attributes(value: Any, field: str) -> dict[str, tuple[str, ...]]:
    """Name → values from a map, its JSON, or a list of {name, value}; nothing for empty values."""
    value = _decoded(value)
    if value is None or value == "":
        return {}
    if isinstance(value, list | tuple) and all(isinstance(pair, Mapping) and "name" in pair for pair in value):
        value = {str(pair["name"]): pair.get("value", pair.get("values")) for pair in value}
    if not isinstance(value, Mapping):
        raise DataError("expected a map of names to values", where=field)
    named = ((text(name, field, 200), _attribute(given, f"{field}.{name}")) for name, given in value.items())
    return {name: found for name, found in named if name and found}


def _attribute(given: Any, field: str) -> tuple[str, ...]:
    """Values of one attribute; Google Retail's {"text": [...]} and {"numbers": [...]} are understood."""
    if isinstance(given, Mapping):
        given = given.get("text") or given.get("numbers") or []
    parts: Iterable[Any] = given if isinstance(given, list | tuple) else (given,)
    return tuple(dict.fromkeys(found for part in parts if (found := text(part, field, 2000))))


def _decoded(value: Any) -> Any:
    """Lists and maps that a table cell holds as JSON; other values as they came."""
    if not isinstance(value, str) or value.strip()[:1] not in ("[", "{"):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def scale(currency: str) -> int:
    """Minor units in one major unit of ``currency``."""
    return int(10 ** exponent(currency))
