"""Names of groups of shoppers in, the form in which a rule's and a request's are compared out."""

from __future__ import annotations

from collections.abc import Iterable

from mercato.errors import RequestError

MOST_SEGMENTS = 20
"""How many one request may name."""
LONGEST_SEGMENT = 100


def segment_of(name: str) -> str:
    """``name`` as segments are compared: case, spaces and commas (which stand between segments in a form) folded.

    >>> segment_of(" Loyalty:Gold"), segment_of("income:35,000")
    ('loyalty:gold', 'income:35 000')
    """
    return " ".join(name.replace(",", " ").casefold().split())


def segments_of(names: Iterable[str], where: str = "segments") -> tuple[str, ...]:
    """The segments a request names, each once, sorted. Raises RequestError for too many, or one that is empty or too
    long."""
    given = [names] if isinstance(names, str) else list(names)
    if len(given) > MOST_SEGMENTS:
        hint = f"at most {MOST_SEGMENTS}"
        raise RequestError(f"{len(given)} segments are too many", where=where, hint=hint)
    for place, name in enumerate(given):
        if not isinstance(name, str) or not segment_of(name) or len(name) > LONGEST_SEGMENT:
            hint = f"1 to {LONGEST_SEGMENT} characters, such as vip or loyalty:gold"
            raise RequestError(f"{str(name)[:40]!a} is no segment", where=f"{where}[{place}]", hint=hint)
    return tuple(sorted({segment_of(name) for name in given}))
