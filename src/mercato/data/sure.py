"""Columns in; typed columns out, and where the typing is beyond doubt.

Each function mirrors one of ``values`` for the spellings that files are full of. ``sure`` is False or null for anything
else, and such rows are left to ``values``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from mercato.data.batch import TIME
from mercato.data.event_types import TYPES
from mercato.data.records import LONGEST_TITLE
from mercato.data.values import LONGEST_ID, scale

_ISO = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?$"
_OFFSET = r"[+-]\d\d:?\d\d$"
_EPOCH = r"^\d{9,16}$"
_WHOLE = r"^\d{1,9}(\.0{1,6})?$"
_DECIMAL = r"^\d{1,9}(\.\d{1,6})?$"
_EXACT = 1e9  # minor units below this keep their halves in float64


@dataclass(frozen=True, slots=True)
class Read:
    """A typed column, and where it is beyond doubt."""

    typed: pl.Expr
    sure: pl.Expr


def _doubted(name: str, dtype: type[pl.DataType] | pl.DataType) -> Read:
    """A column of a type nobody expects: sure only where it is empty."""
    return Read(pl.lit(None, dtype), pl.col(name).is_null())


def _strings(name: str, dtype: pl.DataType) -> pl.Expr | None:
    if dtype in (pl.Categorical, pl.Enum):
        return pl.col(name).cast(pl.String)
    return pl.col(name).str.strip_chars() if dtype == pl.String else None


def _integers(name: str, dtype: pl.DataType) -> Read | None:
    """Integers, and floats that are whole."""
    column = pl.col(name)
    if dtype.is_integer():
        return Read(
            column.cast(pl.Int64, strict=False), column.is_null() | column.cast(pl.Int64, strict=False).is_not_null()
        )
    if dtype.is_float():
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < 1e15)
        return Read(column.cast(pl.Int64, strict=False), column.is_null() | whole)
    return None


def identifier(name: str, dtype: pl.DataType) -> Read:
    """Ids as text; see ``values.identifier``."""
    if (text := _strings(name, dtype)) is not None:
        fine = (text.str.len_chars() <= LONGEST_ID) & ~text.str.contains(r"[\x00-\x1f\x7f]")
        return Read(text.fill_null(""), text.is_null() | fine)
    whole = _integers(name, dtype)
    return Read(whole.typed.cast(pl.String).fill_null(""), whole.sure) if whole else _doubted(name, pl.String)


def event_type(name: str, dtype: pl.DataType) -> Read:
    """Event types by any of their names."""
    text = _strings(name, dtype)
    if text is None:
        return _doubted(name, pl.String)
    known = text.str.to_lowercase().str.replace_all("[^a-z0-9]", "").replace_strict(dict(TYPES), default=None)
    return Read(known, known.is_not_null() & (text.str.len_chars() < 100))


def moment(name: str, dtype: pl.DataType) -> Read:
    """Times as UTC; see ``values.moment``."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        micros = column.dt.cast_time_unit("us")
        utc = micros.dt.convert_time_zone("UTC") if dtype.time_zone else micros.dt.replace_time_zone("UTC")
        return Read(utc, pl.lit(True))
    if dtype == pl.Date:
        return Read(column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"), pl.lit(True))
    if (whole := _integers(name, dtype)) is not None:
        typed = _epoch(whole.typed)
        return Read(typed, whole.sure & ((whole.typed >= 0) | column.is_null()))
    text = _strings(name, dtype)
    if text is None:
        return _doubted(name, TIME)
    text = text.str.strip_suffix("Z")
    plain = text.str.replace("T", " ", literal=True).str.to_datetime(
        "%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False
    )
    zoned = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False, time_zone="UTC")
    numbered = _epoch(text.str.extract(_EPOCH, 0).cast(pl.Int64))
    typed = (
        pl.when(text.str.contains(_ISO)).then(plain.dt.replace_time_zone("UTC"))
        .when(text.str.contains(_OFFSET) & text.str.contains("T", literal=True)).then(zoned)
        .otherwise(numbered)
    )  # fmt: skip
    return Read(typed, typed.is_not_null() | (text == "") | text.is_null())


def _epoch(count: pl.Expr) -> pl.Expr:
    """UNIX seconds, milliseconds above 10¹¹, microseconds above 10¹⁴."""
    micros = pl.when(count > 10**14).then(count).when(count > 10**11).then(count * 1000).otherwise(count * 1_000_000)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def whole(name: str, dtype: pl.DataType, high: int) -> Read:
    """Whole numbers from 0 to ``high``."""
    read = _integers(name, dtype)
    if read is None:
        text = _strings(name, dtype)
        if text is None:
            return _doubted(name, pl.Int64)
        typed = text.str.extract(_WHOLE, 0).cast(pl.Float64).cast(pl.Int64)
        read = Read(typed, typed.is_not_null() | (text == "") | text.is_null())
    return Read(read.typed, read.sure & (read.typed.is_null() | read.typed.is_between(0, high)))


def currency(name: str, dtype: pl.DataType) -> Read:
    """Three-letter codes, capitals."""
    text = _strings(name, dtype)
    if text is None:
        return Read(pl.lit(""), pl.col(name).is_null())
    upper = text.str.to_uppercase().fill_null("")
    return Read(upper, (upper == "") | upper.str.contains("^[A-Z]{3}$"))


def query(name: str, dtype: pl.DataType) -> Read:
    """Search texts up to 2,000 characters."""
    text = _strings(name, dtype)
    if text is None:
        return Read(pl.lit(""), pl.col(name).is_null())
    fine = (text.str.len_chars() <= LONGEST_TITLE) & ~text.str.contains("\x00", literal=True)
    return Read(text.fill_null(""), text.is_null() | fine)


def money(name: str, dtype: pl.DataType, currencies: Iterable[str]) -> Read:
    """Amounts in major units of the column ``currency`` as minor units, halves away from zero."""
    if dtype.is_numeric():
        amount, empty = pl.col(name).cast(pl.Float64), pl.col(name).is_null()
    elif (text := _strings(name, dtype)) is not None:
        amount, empty = text.str.extract(_DECIMAL, 0).cast(pl.Float64), (text == "") | text.is_null()
    else:
        return _doubted(name, pl.Int64)
    scales = {code: float(scale(code)) for code in currencies if code is not None}
    scaled = amount * pl.col("currency").replace_strict(scales, default=None, return_dtype=pl.Float64)
    minor = scaled.round(6).round(0, mode="half_away_from_zero").cast(pl.Int64, strict=False)
    return Read(minor, empty | (amount.is_finite() & (amount >= 0) & (scaled < _EXACT)))
