"""Settings in, the policy of each placement out: variants, categories, the tail, calibration, the dial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.errors import SettingsError
from mercato.policy.calibrated import Calibrated, branches
from mercato.policy.dial import Dial
from mercato.policy.diverse import Likeness, MaximalMarginal
from mercato.policy.exposure import TailExposure
from mercato.policy.rules import Cap, Chain, OnePerGroup
from mercato.ports import Policy
from mercato.schema import Mask
from mercato.scores import SCORES
from mercato.settings import Lists

KNOBS: Mapping[str, int] = MappingProxyType({"personal": 100, "tail": 1, "calibrated": 1, "diverse": 1})
"""What can be turned by placement and the most each can be; the least is 0."""

OFF: Mapping[str, float] = MappingProxyType({"personal": 100.0, "tail": 0.0, "calibrated": 0.0, "diverse": 0.0})
"""Where a knob stands that leaves lists as they are."""


@dataclass(frozen=True)
class Known:
    """What policies need to know of n products: how alike they are, what sells (``counts``, also what the dial
    turns towards), and which are outside the head (``tail``)."""

    catalog: Catalog
    likeness: Likeness
    counts: NDArray[np.float64]
    tail: Mask


def policies(lists: Lists, known: Known) -> dict[str, Policy]:
    """The policy of every placement. Raises SettingsError for an unknown placement or a knob out of range."""
    for name in (*KNOBS, "arrivals"):
        for placement in getattr(lists, name):
            if placement not in SCORES:
                names = ", ".join(SCORES)
                raise SettingsError(f"no placement {placement!r}", where=f"[lists.{name}]", hint=f"known: {names}")
    departments = branches(known.catalog)
    found: dict[str, Policy] = {}
    for placement in SCORES:
        found[placement] = Chain((*_ordered(lists, placement, known), *_turned(lists, placement, departments, known)))
    return found


def _ordered(lists: Lists, placement: str, known: Known) -> tuple[Policy, ...]:
    """The dial before whatever keeps places: after it, what sells would take them back."""
    catalog = known.catalog
    dial = Dial(known.counts, int(lists.personal.get(placement, 100)))
    # what one buys again is often two sizes of one thing; anywhere else a second size is a wasted place
    if SCORES[placement] == "again":
        return dial, Cap(catalog.leaf, lists.per_category_again)
    return OnePerGroup(catalog.group), dial, Cap(catalog.leaf, lists.per_category)


def _turned(lists: Lists, placement: str, departments: NDArray[np.int32], known: Known) -> tuple[Policy, ...]:
    """Tail before calibration: the other way round the tail takes back what calibration gave (bench/rerank.py)."""
    found: list[Policy] = []
    if share := lists.tail.get(placement, 0.0):
        found.append(TailExposure(known.tail, share, lists.tail_slack))
    if strength := lists.calibrated.get(placement, 0.0):
        found.append(Calibrated(departments, strength))
    if strength := lists.diverse.get(placement, 0.0):
        found.append(MaximalMarginal(known.likeness, strength))
    return tuple(found)
