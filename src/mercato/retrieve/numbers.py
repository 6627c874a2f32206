"""Product ids and part numbers in, the rows they name out, however written: "WD 40", "ln-46c630", "b07 xj842"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.errors import ArtifactError, DataError
from mercato.schema import Rows
from mercato.words import QUERY_CHARACTERS, QUERY_WORDS, UNITS, normalise

_WIDTH = 48
"""Bytes of the longest form kept; a longer id is found letter for letter by the catalogue alone."""
_SHORTEST = 4
_SHORTEST_DIGITS = 8
"""Digits of the shortest number whose beginning is looked up: GTIN-8."""
_MOST_PIECES = 4
_NOT_NUMBERS = re.compile(
    r"[0-9.,]+(?:[a-z]+|st|nd|rd|th)"  # 1080p, 500mm, 10pack
    r"|[0-9]+(?:x[0-9]+)+[a-z]*"  # 1920x1080
    r"|[0-9]+in[0-9]+"  # 3in1
    r"|(?:mp|h|usb|hdmi|ps|pc|dvd|cd|bluetooth|windows|win|ver|version|vol|volume|season|part|disc|dolby|top)[0-9]+"
    rf"|(?:{'|'.join(UNITS)})[0-9]+"  # ct12, of "6 ct-12"
    r"|.*[^\W\d_]{7}.*"  # words and numbers run together
)
_PARTS = re.compile(r"(?<![^\W_])(?=[^\s,;/]*[0-9])(?=[^\s,;/]*[^\W\d_])[^\W_]+(?:[-._]+[^\W_]+)*")


def folded(text: str) -> str:
    """The letters and digits of ``text`` alone; a number loses its leading zeros, for a GTIN-12 is the GTIN-13 and -14
    with zeros before it (GS1 General Specifications, 7.2).

    >>> folded("WD-40"), folded("LN 46 C630"), folded("0 96009-01083 6")
    ('wd40', 'ln46c630', '96009010836')
    """
    return _folded(normalise(text))


def _folded(normalised: str) -> str:
    form = "".join(filter(str.isalnum, normalised))
    return form.lstrip("0") or form if form.isdigit() else form


@dataclass(frozen=True, slots=True)
class Numbered:
    """``rows`` (int32, ascending) that ``text``, a part of the query, names; ``whole``: it is all of the query."""

    rows: Rows
    text: str
    whole: bool


@dataclass(frozen=True)
class Numbers:
    """Indexes ids and part numbers: words of title and attributes with letters and digits, four characters or more,
    that are no measure ("1080p"). One that more than ``most`` products share is a kind, not a number."""

    most: int = 20

    def index(self, ids: Sequence[str], fields: Mapping[str, Sequence[str]]) -> NumberIndex:
        """The finished index over the n rows of ``ids``; each field is n strings by row.

        Raises DataError when a field has another length.
        """
        if unequal := [name for name, texts in fields.items() if len(texts) != len(ids)]:
            raise DataError(f"{len(ids)} ids, but not as many rows of {unequal}", where="numbers")
        pairs = {(form, row) for row, product_id in enumerate(ids) for form in [_stored(folded(product_id))] if form}
        spoken = {form for form, _ in pairs}
        parts: dict[bytes, set[int]] = {}
        read = lru_cache(maxsize=1 << 16)(lambda text: tuple(map(_stored, part_numbers(text))))
        for texts in fields.values():
            for row, text in enumerate(texts):
                for form in read(text):
                    parts.setdefault(form, set()).add(row)
        for form, rows in parts.items():
            if form and (form in spoken or len(rows) <= self.most):
                pairs.update((form, row) for row in rows)
        ordered = sorted(pairs)
        forms = np.array([form for form, _ in ordered], dtype=f"S{_WIDTH}")
        return NumberIndex(forms, np.array([row for _, row in ordered], np.int32))


def part_numbers(text: str) -> Iterator[str]:
    """The folded part numbers of a text.

    >>> list(part_numbers("Toner for HL-5240 / DCP-8060, 10-pack, 1080p, mp3"))
    ['hl5240', 'dcp8060']
    """
    for match in _PARTS.finditer(normalise(text)):
        form = _folded(match[0])
        if len(form) >= _SHORTEST and _is_mixed(form) and not _NOT_NUMBERS.fullmatch(form):
            yield form


def _is_mixed(form: str) -> bool:
    return any(map(str.isdigit, form)) and any(map(str.isalpha, form))


def _stored(form: str) -> bytes:
    """The form as kept; nothing for one that is too long."""
    encoded = form.encode()
    return encoded if len(encoded) <= _WIDTH else b""


@dataclass(frozen=True)
class NumberIndex:
    """m folded ``forms`` (UTF-8 bytes, ascending, repeated for several rows) with their catalogue ``rows`` (int32)."""

    forms: NDArray[np.bytes_]
    rows: NDArray[np.int32]

    def find(self, query: str) -> Numbered | None:
        """What a number in ``query`` names: up to four neighbouring pieces are tried as one, the longest number first;
        as it is, or where it is the beginning of one known number only. Digits alone must be the whole query."""
        pieces = normalise(query[:QUERY_CHARACTERS]).split()[:QUERY_WORDS]
        for form, text, whole in sorted(_candidates(pieces), key=lambda candidate: -len(candidate[0])):
            rows = self.exactly(form)
            if not len(rows) and _may_be_cut(form, text):
                rows = self.starting(form)
            if len(rows):
                return Numbered(rows, text, whole)
        return None

    def exactly(self, form: str) -> Rows:
        """Rows of one folded form, ascending."""
        key = _stored(form)
        low, high = np.searchsorted(self.forms, key, "left"), np.searchsorted(self.forms, key, "right")
        return self.rows[low:high] if key else self.rows[:0]

    def starting(self, form: str) -> Rows:
        """Rows of the only form that starts with ``form``; none where several do."""
        key = _stored(form)
        if not key or len(key) + 1 > _WIDTH:
            return self.rows[:0]
        low, high = np.searchsorted(self.forms, key, "left"), np.searchsorted(self.forms, key + b"\xff", "left")
        same = high > low and self.forms[low] == self.forms[high - 1]
        return self.rows[low:high] if same else self.rows[:0]

    def save(self, folder: Path) -> None:
        """Write both arrays into ``folder`` (made if missing)."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "forms.npy", self.forms, allow_pickle=False)
        np.save(folder / "rows.npy", self.rows, allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> NumberIndex:
        """Map an index written by ``save``; raises ArtifactError when it is incomplete or damaged."""
        try:
            forms, rows = _mapped(folder / "forms.npy"), _mapped(folder / "rows.npy")
        except (OSError, ValueError, EOFError) as error:
            raise ArtifactError("the index of numbers cannot be read", where=str(folder), hint="train again") from error
        if forms.dtype.kind != "S" or len(forms) != len(rows):
            raise ArtifactError("the index of numbers does not fit together", where=str(folder), hint="train again")
        return NumberIndex(forms, rows)


def _candidates(pieces: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Form, text and whether that is the whole query, for every run of up to four pieces that may be a number."""
    for size in range(1, min(len(pieces), _MOST_PIECES) + 1):
        for first in range(len(pieces) - size + 1):
            run = pieces[first : first + size]
            form, whole = folded("".join(run)), size == len(pieces)
            if len(form) >= _SHORTEST and (whole or _is_number_run(run, form)):
                yield form, " ".join(run), whole


def _is_number_run(run: Sequence[str], form: str) -> bool:
    """Whether pieces are one part number: letters and digits, cut where one ends and the other begins."""
    if not _is_mixed(form) or _NOT_NUMBERS.fullmatch(form):
        return False
    return all(one[-1:].isdigit() or other[:1].isdigit() for one, other in pairwise(run))


def _may_be_cut(form: str, text: str) -> bool:
    """Whether the beginning of a number is enough to go by: two digits and letters, or eight digits."""
    digits = sum(map(str.isdigit, form))
    if digits == len(form):
        return digits >= _SHORTEST_DIGITS
    return digits >= 2 and digits < len(form) and (" " not in text or len(form) > _SHORTEST + 1)


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)
