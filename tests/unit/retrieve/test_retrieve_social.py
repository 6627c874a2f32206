"""Friends' products by a slow loop; who knows whom; privacy of a circle of one; and the disk."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.retrieve.social import Social, SocialLane, Ties
from mercato.schema import Relation
from shopping import BUY, CART, DAY, NOW, VIEW, asked

N, PEOPLE = 6, "abcde"
RELATIONS = st.lists(
    st.builds(
        Relation,
        st.sampled_from(PEOPLE),
        st.sampled_from(PEOPLE),
        st.sampled_from(["friends", "follows"]),
        st.sampled_from([0.5, 1.0, 3.0]),
    ).filter(lambda one: one.shopper_id != one.friend_id),
    max_size=10,
)
DID = st.lists(
    st.tuples(
        st.sampled_from("abcz"), st.integers(0, N - 1), st.sampled_from([VIEW, CART, BUY, 4]), st.integers(0, 300)
    ),
    max_size=12,
)
Did = list[tuple[str, int, int, int]]


def fitted(recipe: Social, relations: list[Relation], did: Did) -> SocialLane:
    shoppers = sorted({one for one, *_ in did})
    ordered = sorted(did, key=lambda one: one[0])
    owner = np.array([shoppers.index(one) for one, *_ in ordered], np.int64)
    rows = np.array([row for _, row, _, _ in ordered], np.int32)
    grades = np.array([grade for _, _, grade, _ in ordered], np.int8)
    at = int(NOW.timestamp()) - np.array([days for *_, days in ordered], np.int64) * DAY
    return recipe.fit(Ties.of(relations), shoppers, owner, rows, grades, at, n=N, now=int(NOW.timestamp()))


def taken(did: Did, who: str, half_life: float) -> np.ndarray:
    weights = np.zeros(N)
    for shopper, row, grade, days in did:
        weights[row] += (shopper == who) * grade / 3 * 0.5 ** (days / half_life)
    weights = np.log1p(weights)
    return weights / (np.linalg.norm(weights) or 1)


def tie(relations: list[Relation], one: str, other: str) -> float:
    there = [r.weight for r in relations if (r.shopper_id, r.friend_id) == (one, other)]
    back = [r.weight for r in relations if (r.friend_id, r.shopper_id, r.type) == (one, other, "friends")]
    return max(there + back, default=0.0)


@settings(deadline=None)
@given(relations=RELATIONS)
def test_ties_run_both_ways_unless_one_follows(relations: list[Relation]) -> None:
    ties = Ties.of(relations)
    assert set(ties.people) == {end for one in relations for end in (one.shopper_id, one.friend_id)}
    found = ties.graph.toarray()
    for (i, one), (j, other) in product(enumerate(ties.people), repeat=2):
        assert found[i, j] == pytest.approx(tie(relations, one, other))


@settings(deadline=None)
@given(relations=RELATIONS, did=DID, circle=st.integers(1, 3), own=st.booleans())
def test_the_average_friend_by_a_slow_loop(relations: list[Relation], did: Did, circle: int, own: bool) -> None:
    recipe = Social(half_life_days=50.0, likeness=2.0, circle=circle)
    lane = fitted(recipe, relations, did)
    past = [(1, BUY, 0), (2, VIEW, 20)] if own else []
    mine = taken([("me", *one) for one in past], "me", 50.0)
    for who in PEOPLE:
        friends = [other for other in PEOPLE if tie(relations, who, other) and taken(did, other, 50.0).any()]
        expected, total = np.zeros(N), 0.0
        for friend in friends if len(friends) >= circle else ():
            theirs = taken(did, friend, 50.0)
            weight = tie(relations, who, friend) * (1 + 2.0 * float(mine @ theirs))
            expected, total = expected + weight * theirs, total + weight
        found = lane.score(asked(*past, shopper=who), np.arange(N, dtype=np.int32))
        np.testing.assert_allclose(found, expected / (total or 1), atol=1e-6)


def test_only_the_strongest_ties_are_asked() -> None:
    relations = [Relation("a", "b", weight=3.0), Relation("a", "c", weight=2.0), Relation("a", "d")]
    did = [("b", 0, BUY, 0), ("c", 1, BUY, 0), ("d", 2, BUY, 0)]
    lane = fitted(Social(most=2), relations, did)
    assert lane.retrieve(asked(shopper="a"), np.ones(N, bool), 5).rows.tolist() == [0, 1]


def test_one_friend_alone_and_nobody_at_all_say_nothing() -> None:
    everything = np.ones(N, bool)
    alone = fitted(Social(), [Relation("a", "b")], [("b", 0, BUY, 0), ("a", 1, BUY, 0)])
    assert not len(alone.retrieve(asked(shopper="a"), everything, 5)), "the list would be what b took"
    assert not len(alone.retrieve(asked(shopper="stranger"), everything, 5))
    nobody = fitted(Social(), [], [("b", 0, BUY, 0)])
    assert not len(nobody.retrieve(asked(shopper="b"), everything, 5))
    assert not hasattr(nobody, "source"), "a list must not be traced to a person"
    untouched = fitted(Social(), [Relation("a", "b")], [])
    assert not untouched.score(asked(shopper="a"), np.arange(N, dtype=np.int32)).any()


@pytest.mark.parametrize("relations", [[], [Relation("a", "b"), Relation("a", "c")]])
def test_it_survives_the_disk(tmp_path: Path, relations: list[Relation]) -> None:
    lane = fitted(Social(), relations, [("b", 0, BUY, 3), ("c", 4, VIEW, 9)])
    lane.save(tmp_path / "social")
    loaded = SocialLane.load(tmp_path / "social", Social())
    request, everything = asked(shopper="a"), np.arange(N, dtype=np.int32)
    assert np.array_equal(loaded.score(request, everything), lane.score(request, everything))
    assert loaded.score(request, everything).any() == bool(relations)
