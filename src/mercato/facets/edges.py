"""Sorted numbers in, round numbers that cut them into parts of similar size out."""

from __future__ import annotations

from math import ceil, floor, log10

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_FEWEST = 5
_SLACK = 0.2
"""How far an edge may lie from where parts of equal size would meet, as a share of a part."""


def round_edges(numbers: Numbers, parts: int, *, of_time: bool = False) -> Numbers:
    """At most ``parts`` - 1 ascending edges: part j holds numbers from edge j - 1 on and below edge j, one at least.

    ``numbers`` (n,) ascend and are finite. Each edge is the roundest number near a quantile; where many numbers are
    equal and quantiles fall together, the largest parts are cut again until there are five, as far as there are numbers
    to tell apart. ``of_time``: they are UNIX seconds, and years, months and days are round.

    >>> round_edges(np.sort(np.arange(1, 121) * 0.99), 6).tolist()
    [20.0, 40.0, 60.0, 80.0, 100.0]
    >>> round_edges(np.array([1.0, 3.0, 3.0, 5.0]), 6).tolist()
    [2.0, 5.0]
    """
    n = len(numbers)
    places: dict[int, float] = {}
    for part in range(1, parts):
        low, middle, high = (n * (part + aside) / parts for aside in (-_SLACK, 0, _SLACK))
        place, edge = _cut(numbers, low, middle, high, of_time)
        if place:
            places.setdefault(place, edge)
    whole: set[int] = set()
    while len(places) + 1 < min(parts, _FEWEST):
        ends = np.array([0, *sorted(places), n])
        sizes = np.where(np.isin(ends[:-1], list(whole)), 0, np.diff(ends))
        widest = int(np.argmax(sizes))
        if sizes[widest] < 2:
            break
        begin, end = int(ends[widest]), int(ends[widest + 1])
        place, edge = _halved(numbers[begin:end], n // (4 * parts), of_time)
        if place:
            places[begin + place] = edge
        else:
            whole.add(begin)
    return np.array([places[place] for place in sorted(places)], np.float64)


def _halved(numbers: Numbers, least: int, of_time: bool) -> tuple[int, float]:
    """Where to cut one part so that either side keeps ``least``, and at what edge; 0 where there is no such place."""
    last = len(numbers) - 1
    for low, high in ((last / 3, 2 * last / 3), (0.0, float(last))):
        place, edge = _cut(numbers, low, last / 2, high, of_time)
        if max(least, 1) <= place <= len(numbers) - least:
            return place, edge
    return 0, 0.0


def _cut(numbers: Numbers, low: float, middle: float, high: float, of_time: bool) -> tuple[int, float]:
    """The roundest edge between the numbers at places ``low`` and ``high``, near that at ``middle``, and how many
    numbers are below it: 0 where those are all equal."""
    first, target, last = (float(numbers[min(floor(place), len(numbers) - 1)]) for place in (low, middle, high))
    if first == last:
        return 0, 0.0
    edge = _round_time(first, last) if of_time else _roundest(first, target, last)
    return int(np.searchsorted(numbers, edge, "left")), edge


def _roundest(low: float, target: float, high: float) -> float:
    """Above ``low`` and up to ``high`` the multiple of the largest 1, 2 or 5 times a power of ten, of several the one
    nearest to ``target``; ``high`` itself where the two are too near to write anything between."""
    power = ceil(log10(max(abs(low), abs(high)))) + 1
    while 10.0**power > (high - low) / 100:
        for step in (10.0**power, 5 * 10.0 ** (power - 1), 2 * 10.0 ** (power - 1)):
            first, last = floor(low / step) + 1, floor(high / step)
            near = round(min(max(round(target / step), first), last) * step, max(0, 2 - power))
            if first <= last and low < near <= high:
                return near
        power -= 1
    return high


def _round_time(low: float, high: float) -> float:
    """The first beginning of a year after ``low`` and up to ``high``, else of a month, a day, an hour, …."""
    start = np.datetime64(floor(low), "s")
    for unit in ("Y", "M", "D", "h", "m", "s"):
        begins = (start.astype(f"M8[{unit}]") + 1).astype("M8[s]").astype(np.int64)
        if begins <= high:
            return float(begins)
    return high
