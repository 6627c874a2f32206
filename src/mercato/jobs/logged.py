"""Answered lists in, what they teach each score out: one list per click, counted by how seldom its place is seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.feedback.propensity import PositionBias
from mercato.rank.train import Example
from mercato.schema import GRADES, Impression, Ranking, Rows
from mercato.scores import MIXED, SCORES, SEARCH
from mercato.words import analyse

TEACHING = (*(name for name, score in SCORES.items() if score in ("again", "new", "basket")), SEARCH)
"""Placements whose answered lists teach a score, and search."""
MOST = 20_000
"""How many answered lists are learned from at most: the newest, about 150 MB of notes."""
Answer = tuple[str, str, str]
"""What somebody did with a product of a list: product_id, type, shopper_id."""
BIAS = PositionBias()

_NOTES = ("lane:", "profile:", "fact:")
_BINS = 40
"""Cells of equal size that the scores of a placement are cut into: fine enough that place says little within one."""


@dataclass(frozen=True)
class Logged:
    """By score, one list per click; by placement, the chance that each place is looked at (the first = 1)."""

    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    chances: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def enough(self, least: int) -> dict[str, Sequence[Example]]:
        """The lists of those scores that have at least ``least``."""
        return {name: found for name, found in self.examples.items() if len(found) >= least}

    def account(self, least: int) -> dict[str, str]:
        """What was learned from clicks and how they were weighed, one line each."""
        said = {}
        for name, found in self.examples.items():
            few = "" if len(found) >= least else f" (fewer than {least}: replay alone)"
            said[f"clicks: {name}"] = f"{len(found)}{few}"
        used = {placement for placement, score in _scores() if score in self.enough(least)}
        for placement in sorted(used & set(self.chances)):
            shown = ", ".join(f"{chance:.2f}" for chance in self.chances[placement][:10])
            said[f"looked at: {placement}"] = f"places 1-10 {shown}"
        return said


@dataclass(frozen=True, slots=True)
class _Shown:
    """A list that was answered, without products that are gone: rows, places as shown, the scores that ordered them,
    what was done with each (0: nothing), which are scored as bought before, the notes, and the words of its query,
    whatever their order."""

    version: str
    rows: Rows
    places: NDArray[np.int64]
    scores: NDArray[np.float64]
    grades: NDArray[np.float64]
    bought: NDArray[np.bool_]
    notes: Mapping[str, NDArray[np.float32]]
    query: str


def logged(
    answered: Iterable[tuple[Impression, Sequence[Answer]]], catalog: Catalog, bias: PositionBias = BIAS
) -> Logged:
    """What the lists that somebody ``answered`` teach. With a ``bias`` whose floor is 1 every click counts alike.

    A click at a place that is looked at with chance p stands for 1 / p shoppers who wanted the product (Joachims,
    Swaminathan & Schnabel 2017), and counts as much as its grade. Every click makes a list of its own, without the
    other clicked rows: so the weight of a click is the weight of a list, for sums and for trees. Weights are scaled to
    a mean of 1 per score.
    """
    shown: dict[str, list[_Shown]] = defaultdict(list)
    for impression, did in answered:
        one = _shown(impression, did, catalog)
        if one is not None:
            shown[impression.placement].append(one)
    chances = {placement: _chances(lists, bias) for placement, lists in shown.items()}
    found: dict[str, list[Example]] = defaultdict(list)
    for placement, lists in shown.items():
        for one in lists:
            for score, example in _examples(one, placement, chances[placement]):
                found[score].append(example)
    return Logged({score: _scaled(examples) for score, examples in found.items()}, chances)


def _shown(impression: Impression, did: Sequence[Answer], catalog: Catalog) -> _Shown | None:
    """None where nothing is left to learn from."""
    if impression.placement not in TEACHING:
        return None
    taken: dict[str, int] = {}
    for product_id, kind, shopper_id in did:
        if impression.shopper_id in ("", shopper_id):
            taken[product_id] = max(taken.get(product_id, 0), GRADES.get(kind, 0))
    rows = [catalog.row(product_id) for product_id in impression.products]
    places = np.array([place for place, row in enumerate(rows) if row is not None], np.int64)
    grades = np.array([float(taken.get(product_id, 0)) for product_id in impression.products])[places]
    if not grades.any():
        return None
    table = np.nan_to_num(np.array([impression.scores, *impression.notes.values()], float))[:, places]
    if impression.placement == SEARCH and np.any(np.diff(table[0]) > 1e-9):
        return None  # sorted by a field, or with products set in place: no score made this order
    columns, none = dict(zip(impression.notes, table[1:], strict=True)), np.zeros(len(places))
    return _Shown(
        version=impression.versions.get("model", ""),
        rows=np.array([row for row in rows if row is not None], np.int32),
        places=places,
        scores=table[0] - columns.get("term:mix", none),
        grades=grades,
        bought=(columns.get("lane:habit", none) > 0) & (impression.placement in MIXED),
        notes={name: n.astype(np.float32) for name, n in columns.items() if name.startswith(_NOTES) and n.any()},
        query=" ".join(sorted({token.term for token in analyse(impression.query)})),
    )


def _chances(lists: Sequence[_Shown], bias: PositionBias) -> NDArray[np.float64]:
    owner = np.repeat(np.arange(len(lists)), [len(one.rows) for one in lists])
    places = np.concatenate([one.places for one in lists])
    clicks = np.concatenate([one.grades > 0 for one in lists]).astype(float)
    return bias.fit(places, owner, _cells(lists), clicks)


def _cells(lists: Sequence[_Shown]) -> NDArray[np.int64]:
    """Which ``_BINS``-th of the scores of its kind and model a row is in: two models are not on one scale."""
    version = np.concatenate([np.full(len(one.rows), one.version) for one in lists])
    bought = np.concatenate([one.bought for one in lists])
    scores = np.concatenate([one.scores for one in lists])
    cells = np.zeros(len(scores), np.int64)
    for name in np.unique(version):
        for kind in (False, True):
            chosen = (version == name) & (bought == kind)
            mine = scores[chosen]
            cells[chosen] = kind * _BINS + np.searchsorted(np.sort(mine), mine) * _BINS // max(len(mine), 1)
    return cells


def _examples(one: _Shown, placement: str, chances: NDArray[np.float64]) -> Iterator[tuple[str, Example]]:
    """A list per click, of the rows that the same score put in order."""
    for clicked in np.flatnonzero(one.grades).tolist():
        beside = (one.grades == 0) & (one.bought == one.bought[clicked])
        if not beside.any():
            continue
        keep = beside.copy()
        keep[clicked] = True
        score = "new" if placement in MIXED and not one.bought[clicked] else SCORES.get(placement, placement)
        notes = {name: values[keep] for name, values in one.notes.items()}
        weight = one.grades[clicked] / chances[min(int(one.places[clicked]), len(chances) - 1)]
        wanted = (~beside[keep]).astype(np.float64)
        yield score, Example(Ranking(one.rows[keep], one.scores[keep], notes), wanted, float(weight), one.query)


def _scaled(examples: Sequence[Example]) -> list[Example]:
    mean = float(np.mean([example.weight for example in examples]))
    return [replace(example, weight=example.weight / mean) for example in examples]


def _scores() -> Iterator[tuple[str, str]]:
    """(placement, score) of whatever teaches; a mixed list teaches two."""
    for placement in TEACHING:
        yield placement, SCORES.get(placement, placement)
        if placement in MIXED:
            yield placement, "new"
