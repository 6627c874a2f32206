"""Texts as people mistype, shorten and reorder them: deterministic, small changes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from mercato.errors import RequestError
from mercato.jobs.augment import (
    PERTURBATIONS,
    Augment,
    abbreviation,
    dropout,
    order,
    perturbed,
    shuffle,
    synonym,
    typo,
)
from mercato.models.taught import Exam, Lessons, Pair

TEXT = st.text(alphabet="abcdefgh ü中.", max_size=40)


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(TEXT, st.integers(0, 1000))
def test_each_change_is_a_small_one(text: str, seed: int) -> None:
    assert OSA.distance(text, typo(text, chance(seed))) <= 1
    assert Counter(order(text, chance(seed)).split()) == Counter(text.split())
    fewer = dropout(text, chance(seed))
    assert len(fewer.split(" ")) == max(len(text.split(" ")) - 1, 1)
    assert len(abbreviation(text, chance(seed))) <= len(text)
    assert set(shuffle(text, chance(seed)).split(". ")) <= set(text.split(". "))


def test_a_typo_leaves_short_words_and_first_letters() -> None:
    for seed in range(50):
        found = typo("red velvet sofa 2 l", chance(seed))
        assert found != "red velvet sofa 2 l"
        assert found.startswith("red v")
        assert found.endswith(" 2 l")
    assert typo("tea 2 l", chance()) == "tea 2 l"


def test_the_lexicon_says_it_in_other_words() -> None:
    assert synonym("cheap sofa", chance()) != "cheap sofa" or synonym("cheap couch", chance()) != "cheap couch"
    assert synonym("qqqq zzzz", chance()) == "qqqq zzzz"
    assert abbreviation("ac adapter chicken", chance(1)) != "ac adapter chicken"


def test_fields_change_places() -> None:
    text = "red sofa. Furniture, Sofas. Soft and red"
    found = {shuffle(text, chance(seed)) for seed in range(30)}
    assert len(found) > 3
    assert all(set(one.split(". ")) <= set(text.split(". ")) for one in found)


def test_a_perturbed_exam_asks_the_same_in_other_words() -> None:
    exam = Exam(("red velvet sofa", "green lamp"), ("a", "b"), ({0: 1.0}, {1: 1.0}), ((), ()))
    for kind in PERTURBATIONS:
        found = perturbed(exam, kind, 3)
        assert found == perturbed(exam, kind, 3)
        assert (found.corpus, found.wanted) == (exam.corpus, exam.wanted)
    assert perturbed(exam, "order").queries[1] == "lamp green"
    assert perturbed(exam, "typo", 1) != perturbed(exam, "typo", 2)
    with pytest.raises(RequestError, match="typo, order, synonym"):
        perturbed(exam, "shouting")


def test_augmenting_adds_changed_copies_and_keeps_the_rest() -> None:
    pairs = tuple(
        Pair(f"velvet sofa number{n}", f"text {n}. of the catalogue", ("no",), 2.0, "click") for n in range(200)
    )
    given_ = Lessons(pairs, ("text",))
    found = Augment(share=0.5).over(given_, 0)
    assert found == Augment(share=0.5).over(given_, 0) != Augment(share=0.5).over(given_, 1)
    assert found.pairs[:200] == pairs
    assert 60 < len(found.pairs) - 200 < 140
    assert all(copy not in pairs and copy.weight == 2.0 and copy.negatives == ("no",) for copy in found.pairs[200:])
    assert Augment(share=0.0).over(given_, 0) == given_
