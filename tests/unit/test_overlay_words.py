"""Indexes of words with a few rows put into them match what indexes made anew match."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.overlay import words
from mercato.retrieve.lexical import Lexical, LexicalIndex
from mercato.retrieve.numbers import Numbers
from mercato.retrieve.without import WithoutIndex
from mercato.schema import Word

SAID = ("oat milk", "milks", "ice-cream", "icecream", "sugar free", "without sugar", "HL-5240", "DCP8060", "x", "")
RECIPE = Lexical()


def texts(count: int, dice: Random) -> list[str]:
    return [" ".join(dice.choices(SAID, k=dice.randrange(4))) for _ in range(count)]


def rounds(seed: int, sizes: list[int]) -> list[tuple[list[int], list[str]]]:
    """Rows, some of them new, and what they say now."""
    dice, n, found = Random(seed), 6, []
    for size in sizes:
        old = sorted(dice.sample(range(n), min(size, n)))
        new = list(range(n, n + dice.randrange(3)))
        n += len(new)
        found.append(([*old, *new], texts(len(old) + len(new), dice)))
    return found


SIZES = st.lists(st.integers(0, 4), max_size=4)


def term(text: str) -> list[Word]:
    return [Word(one, ((one, 1.0),)) for one in text.split()]


@given(st.integers(0, 10**6), SIZES)
def test_words_match_as_if_indexed_anew(seed: int, sizes: list[int]) -> None:
    titles = texts(6, Random(seed + 1))
    trained = index = RECIPE.index({"title": titles})
    for rows, said in rounds(seed, sizes):
        titles += [""] * (max([len(titles) - 1, *rows]) + 1 - len(titles))
        for row, text in zip(rows, said, strict=True):
            titles[row] = text
        fresh = RECIPE.index({"title": said}, like=trained)
        index = words.lexical(index, fresh, np.array(rows, np.int32))
    anew = RECIPE.index({"title": titles})
    assert list(index.vocabulary.terms) == list(anew.vocabulary.terms)
    assert np.array_equal(index.vocabulary.frequencies, anew.vocabulary.frequencies)
    assert index.vocabulary.n == anew.vocabulary.n
    assert np.array_equal(index.indptr, anew.indptr)
    assert np.array_equal(index.rows, anew.rows)
    assert all(map(len, index.vocabulary.spellings))
    everything = np.ones(len(titles), bool)
    for query in ("milk", "oat milk", "sugar free", "ice cream"):
        assert np.array_equal(index.match(term(query), everything)[0], anew.match(term(query), everything)[0])


def test_what_did_not_change_gains_the_same_to_the_bit() -> None:
    titles = texts(200, Random(3))
    trained = RECIPE.index({"title": titles})
    at = np.array([3, 50, 199], np.int32)
    again = words.lexical(trained, RECIPE.index({"title": [titles[row] for row in at]}, like=trained), at)
    for name in ("indptr", "rows", "impacts"):
        assert np.array_equal(getattr(again, name), getattr(trained, name)), name


def test_the_statistics_outlive_a_restart(tmp_path: object) -> None:
    trained = RECIPE.index({"title": ["oat milk", "oat", "milk and more milk"], "brand": ["", "Acme", ""]})
    trained.save(tmp_path)  # type: ignore[arg-type]
    loaded = LexicalIndex.load(tmp_path)  # type: ignore[arg-type]
    assert loaded.lengths == trained.lengths
    given = {"title": ["milk oat oat"], "brand": ["Acme"]}
    assert np.array_equal(RECIPE.index(given, like=loaded).impacts, RECIPE.index(given, like=trained).impacts)


@given(st.integers(0, 10**6), SIZES)
def test_absences_of_known_terms_are_those_of_an_index_made_anew(seed: int, sizes: list[int]) -> None:
    titles = ["sugar free milk", "sugar free oat", *texts(4, Random(seed + 1))]
    index = WithoutIndex.index({"title": titles})
    for rows, said in rounds(seed, sizes):
        titles += [""] * (max([len(titles) - 1, *rows]) + 1 - len(titles))
        for row, text in zip(rows, said, strict=True):
            titles[row] = text
        fresh = WithoutIndex.index({"title": said}, known=index)
        index = words.without(index, fresh, np.array(rows, np.int32), len(titles))
    anew = WithoutIndex.index({"title": titles}, known=index)
    for one in index.terms:
        assert np.array_equal(index.saying([one]), anew.saying([one])), one


@given(st.integers(0, 10**6), SIZES)
def test_numbers_are_those_of_an_index_made_anew(seed: int, sizes: list[int]) -> None:
    titles = texts(6, Random(seed + 1))
    ids = [f"A-{row}-7x" for row in range(40)]
    recipe = Numbers()
    trained = RECIPE.index({"title": titles})
    index = recipe.index(ids[:6], {"title": titles})
    for rows, said in rounds(seed, sizes):
        titles += [""] * (max([len(titles) - 1, *rows]) + 1 - len(titles))
        for row, text in zip(rows, said, strict=True):
            titles[row] = text
        at = np.array(rows, np.int32)
        trained = words.lexical(trained, RECIPE.index({"title": said}, like=trained), at)
        fresh = recipe.index([ids[row] for row in rows], {"title": said})
        index = words.numbers(index, fresh, at, trained.vocabulary, recipe.most)
    anew = recipe.index(ids[: len(titles)], {"title": titles})
    assert index.forms.tolist() == anew.forms.tolist()
    assert index.rows.tolist() == anew.rows.tolist()


@pytest.mark.parametrize(("shared", "found"), [(20, 1), (21, 0)])
def test_a_kind_that_many_products_name_is_no_number_of_the_next_one(shared: int, found: int) -> None:
    titles = ["toner for HL-5240"] * shared
    ids = [f"p{row:03d}" for row in range(shared + 1)]
    recipe, at = Numbers(most=20), np.array([shared], np.int32)
    index, lexical = recipe.index(ids[:shared], {"title": titles}), RECIPE.index({"title": titles})
    fresh = recipe.index(ids[shared:], {"title": ["drum for HL-5240"]})
    grown = words.numbers(index, fresh, at, lexical.vocabulary, recipe.most)
    assert (shared in grown.exactly("hl5240").tolist()) == bool(found)
    assert grown.exactly(f"p{shared:03d}").tolist() == [shared]
