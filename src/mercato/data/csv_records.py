"""Lines in, CSV records out (RFC 4180, any of , ; tab |): one bad record never costs its neighbours."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator

from mercato.data.batch import Rejected
from mercato.data.lines import LONGEST, Line

DELIMITERS = (",", "\t", ";", "|")
_MOST_LINES = 1_000  # of one record: an unclosed quote must not swallow the file
csv.field_size_limit(2 * LONGEST)  # lines are bounded already; the module's own limit is 128 KiB a cell


def sniff_delimiter(header: str) -> str:
    """The delimiter that cuts the header into most cells; "," where none does.

    >>> sniff_delimiter("id;title;price")
    ';'
    """
    return max(DELIMITERS, key=lambda delimiter: len(_cells(header, delimiter) or ()))


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The cells of one record; None when its quotes are wrong.

    What RFC 4180 refuses is read once more with \\" as a quote inside a cell, as MySQL and Hadoop write it.
    """
    if '"' not in text:
        return text.split(delimiter)
    for escape in (None, "\\") if '\\"' in text else (None,):
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, escapechar=escape, strict=True))
        except csv.Error:
            continue
        if len(rows) == 1:
            return rows[0]
    return None


def ends_quoted(text: str, delimiter: str, quoted: bool) -> bool:
    """Whether a quoted cell is still open at the end of ``text``, which began inside one if ``quoted``.

    A quote opens a cell only at its start, so that 5" of pipe is no open quote.
    """
    place = 0
    while True:
        if quoted:
            place = text.find('"', place) + 1
            if place == 0:
                return True
            if text[place : place + 1] == '"':
                place += 1
                continue
            quoted = False
        elif place == 0 and text.startswith('"'):
            quoted, place = True, 1
        else:
            opening = text.find(f'{delimiter}"', place)
            if opening < 0:
                return False
            quoted, place = True, opening + 2


def read_records(lines: Iterable[Line | Rejected], delimiter: str) -> Iterator[tuple[int, list[str]] | Rejected]:
    """(line number, cells) of every record that is not blank, or why it was refused."""
    source = iter(lines)
    waiting: deque[Line | Rejected] = deque()
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        if isinstance(line, Rejected):
            yield line
        elif '"' not in line.text:
            if line.text.strip():
                yield line.number, line.text.split(delimiter)
        else:
            yield _quoted_record(line, source, waiting, delimiter)


def _quoted_record(
    first: Line, source: Iterator[Line | Rejected], waiting: deque[Line | Rejected], delimiter: str
) -> tuple[int, list[str]] | Rejected:
    """The record that starts on ``first``, over as many lines as its quotes ask for.

    Where they never close, only the first line is refused and the others wait to be read as records of their own.
    """
    parts, taken, size = [first.text], list[Line | Rejected](), len(first.text)
    quoted = ends_quoted(first.text, delimiter, False)
    while quoted:
        following = waiting.popleft() if waiting else next(source, None)
        if following is not None:
            taken.append(following)
        if not isinstance(following, Line) or len(taken) > _MOST_LINES or size > LONGEST:
            waiting.extendleft(reversed(taken))
            return Rejected(first.number, "", "a quote is opened and never closed", first.text)
        parts.append(following.text)
        size += len(following.text)
        quoted = ends_quoted(following.text, delimiter, True)
    cells = _cells("\n".join(parts), delimiter)
    if cells is None:
        return Rejected(first.number, "", "text after a closing quote", "\n".join(parts))
    return first.number, cells
