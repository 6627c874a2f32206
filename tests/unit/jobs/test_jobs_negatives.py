"""Hard negatives: what the filter for false negatives leaves, held against a slow version."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.jobs.evidence import NOBODY, Evidence, Texts
from mercato.jobs.negatives import Mining, few, friends, kept, mined
from small_tuning import products

TEXTS = Texts.read(Catalog.build(iter(products()), "test"))
M = len(TEXTS)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(-1, 1, width=32)), unique_by=lambda one: one[0]),
    st.floats(-1, 1, width=32),
    st.sets(st.integers(0, 20)),
    st.floats(0.1, 1),
)
def test_the_filter_keeps_what_a_slow_one_keeps(
    found: list[tuple[int, float]], positive: float, blocked: set[int], share: float
) -> None:
    texts, similarity = np.array([one for one, _ in found], np.int64), np.array([own for _, own in found], np.float32)
    slow = [text for text, own in found if positive > 0 and own < share * positive and text not in blocked]
    assert kept(texts, similarity, positive, blocked, share).tolist() == slow


@st.composite
def cases(draw: st.DrawFn) -> tuple[Evidence, np.ndarray, np.ndarray, sp.csr_array, set[int]]:
    many, random = draw(st.integers(1, 12)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    wanted, anchors = random.integers(0, M, many), random.integers(-1, M, many)
    queries = [f"q{random.integers(4)}" if anchor == NOBODY else TEXTS.texts[anchor] for anchor in anchors]
    vectors = random.normal(size=(M, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = vectors[wanted] + 0.5 * random.normal(size=(many, 6)).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    passed = [tuple(random.integers(0, M, random.integers(3)).tolist()) for _ in range(many)]
    evidence = Evidence.of(TEXTS, "click", wanted, queries=queries, anchors=anchors, passed=passed)
    groups = random.integers(0, 8, 40), random.integers(0, M, 40)
    known = friends(evidence, [groups], M)
    return evidence, asked.astype(np.float32), vectors, known, set(random.integers(0, M, 3).tolist())


@given(cases())
def test_no_negative_is_wanted_a_friend_or_too_like_the_wanted(
    case: tuple[Evidence, np.ndarray, np.ndarray, sp.csr_array, set[int]],
) -> None:
    evidence, asked, vectors, known, barred = case
    recipe, dense = Mining(each=4, nearest=20), known.toarray()
    found = mined(evidence, TEXTS, asked, vectors, known, recipe, barred)
    for line, own in enumerate(found):
        wanted, anchor, query = int(evidence.wanted[line]), int(evidence.anchors[line]), evidence.queries[line]
        answers = {int(evidence.wanted[at]) for at in range(len(evidence)) if evidence.queries[at] == query}
        positive = float(asked[line] @ vectors[wanted])
        assert len(own) == len(set(own)) <= recipe.each
        for text in own:
            assert text not in answers | {wanted, anchor} | barred
            assert not dense[wanted, text]
            assert anchor == NOBODY or not dense[anchor, text]
            assert text in evidence.passed[line] or float(asked[line] @ vectors[text]) < recipe.share * positive + 1e-6


def test_what_was_seen_and_passed_comes_first_then_the_nearest() -> None:
    vectors = np.eye(M, 60, dtype=np.float32)
    asked = (0.8 * vectors[:1] + 0.5 * vectors[1:2] + 0.3 * vectors[2:3]).astype(np.float32)
    evidence = Evidence.of(TEXTS, "click", np.array([0]), queries=["a"], passed=[(9,)])
    nobody = sp.csr_array((M, M), dtype=bool)
    assert mined(evidence, TEXTS, asked, vectors, nobody, Mining(each=3)) == [(9, 1, 2)]
    assert mined(evidence, TEXTS, asked, vectors, nobody, Mining(each=3), {1, 9}) == [(2, 3, 4)]


def test_friends_are_what_goes_together_more_than_by_chance() -> None:
    nothing = Evidence.of(TEXTS, "click", np.array([5]), queries=["x"])
    baskets = np.repeat(np.arange(40), 2)
    # 0 is in every basket; 1 and 2 always together; 3 and 4 once, beside nothing
    lines = [(basket, text) for basket in range(40) for text in ((0, 1, 2) if basket % 2 else (0, 6))]
    groups = np.array([line[0] for line in lines]), np.array([line[1] for line in lines])
    known = friends(nothing, [groups], M).toarray()
    assert known[1, 2]
    assert known[2, 1]
    assert not known[1, 6]
    assert not known.diagonal().any()
    assert len(few(np.zeros(60, np.int64), np.arange(60) % M)[0]) == 0, "who took all says nothing"
    assert len(few(baskets, baskets % M)[0]) == len(baskets)


def test_what_was_clicked_for_one_query_is_no_negative_of_it() -> None:
    evidence = Evidence.of(TEXTS, "click", np.array([0, 1]), queries=["red sofa", "Red  Sofa"])
    vectors = np.eye(M, 60, dtype=np.float32)
    asked = np.repeat((0.8 * vectors[:1] + 0.5 * vectors[1:2] + 0.1 * vectors[7:8]).astype(np.float32), 2, 0)
    found = mined(evidence, TEXTS, asked, vectors, friends(evidence, [], M), Mining(each=1))
    assert found[0] == (7,)
