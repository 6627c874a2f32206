"""What is asked for two placements is worked out once; anything else a lane may look at makes it another request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from mercato.retrieve.once import Once
from mercato.schema import History, Request
from shopping import asked


def test_another_placement_of_the_same_request_is_not_worked_out_again() -> None:
    done: list[Request] = []
    once = Once(done.append)
    first = asked()
    for one in (first, first, replace(first, placement="discover", k=20, page=1)):
        once(one)
    assert done == [first]


@pytest.mark.parametrize("field", ["history", "anchors", "shopper", "at", "query"])
def test_what_a_lane_reads_makes_it_another_request(field: str) -> None:
    done: list[Request] = []
    once = Once(done.append)
    first = asked()
    other = {
        "history": History.empty(),
        "anchors": np.empty(0, np.int32),
        "shopper": "somebody else",
        "at": first.at + timedelta(seconds=1),
        "query": "tea",
    }
    once(first)
    once(replace(first, **{field: other[field]}))
    assert len(done) == 2
