"""What each placement may show at all."""

from __future__ import annotations

import numpy as np
import pytest

from mercato.policy.rules import Narrow
from mercato.schema import PLACEMENTS
from shopping import BUY, VIEW, asked

HEAD = np.array([True, False, False, False, False])
NARROW = Narrow(HEAD)


@pytest.mark.parametrize(
    ("placement", "shown"),
    [("home", [0, 1, 2]), ("discover", [0, 2]), ("tail", [2]), ("buy-again", [1]), ("similar", [0, 1, 2])],
)
def test_bought_before_only_never_or_either_way(placement: str, shown: list[int]) -> None:
    allowed = np.array([True, True, True, False, True])
    request = asked((1, BUY, 3), (3, BUY, 2), (2, VIEW, 1), placement=placement, anchors=(4,))
    assert np.flatnonzero(NARROW(request, allowed)).tolist() == shown
    assert allowed.sum() == 4, "the mask is the caller's"


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_stranger_is_shown_everything_but_what_was_bought(placement: str) -> None:
    shown = NARROW(asked(placement=placement), np.ones(5, bool)).sum()
    assert shown == {"buy-again": 0, "tail": 4}.get(placement, 5)
