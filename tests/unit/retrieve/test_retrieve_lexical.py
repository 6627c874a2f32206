"""The lexical index against a slow BM25F, brute-force matching, and damage on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from math import log1p
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.lexical import Lexical, LexicalIndex
from mercato.schema import Request, Word
from mercato.words import tokenise

FIELDS = ("title", "brand")
RECIPE = Lexical(k1=1.1, b=0.4, weights={"title": 2.0, "brand": 0.7})
TERMS = ["ale", "ban", "cod", "dal", "elk"]
TEXT = st.lists(st.sampled_from(TERMS), max_size=5).map(" ".join)
CATALOGUE = st.lists(st.tuples(TEXT, TEXT), max_size=12)
WORD = st.lists(
    st.tuples(st.sampled_from([*TERMS, "fig"]), st.sampled_from([0.5, 0.8, 1.0])), max_size=3, unique_by=lambda t: t[0]
)
WORDS = st.lists(WORD.map(lambda terms: Word("word", tuple(terms))), max_size=3)


def bm25f(products: list[tuple[str, str]], term: str, row: int) -> float:
    """Robertson, Zaragoza & Taylor 2004, straight from the page."""
    n, df = len(products), sum(term in tokenise(" ".join(fields)) for fields in products)
    tf = 0.0
    for field, name in enumerate(FIELDS):
        lengths = [len(tokenise(fields[field])) for fields in products]
        written = [length for length in lengths if length]
        average = sum(written) / len(written) if written else 1.0
        count = tokenise(products[row][field]).count(term)
        tf += RECIPE.weights[name] * count / (1 - RECIPE.b + RECIPE.b * lengths[row] / average)
    return log1p((n - df + 0.5) / (df + 0.5)) * tf / (RECIPE.k1 + tf)


def build(products: list[tuple[str, str]]) -> LexicalIndex:
    return RECIPE.index({name: [product[field] for product in products] for field, name in enumerate(FIELDS)})


@settings(max_examples=80, deadline=None)
@given(products=CATALOGUE, words=WORDS, seed=st.integers(0, 99))
def test_the_complete_matched_set_and_its_scores(products: list[tuple[str, str]], words: list[Word], seed: int) -> None:
    index = build(products)
    allowed = np.random.default_rng(seed).random(len(products)) < 0.8
    expected = {}
    for row in np.flatnonzero(allowed).tolist():
        gains = [max((w * bm25f(products, t, row) for t, w in word.terms), default=0.0) for word in words]
        if gains and all(gain > 0 for gain in gains):
            expected[row] = sum(gains)
    rows, scores = index.match(words, allowed)
    assert rows.tolist() == list(expected)
    np.testing.assert_allclose(scores, list(expected.values()), rtol=1e-5)
    request = Request("search", datetime(2026, 1, 1, tzinfo=UTC), words=tuple(words))
    np.testing.assert_array_equal(index.score(request, rows), scores)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_long_and_short_postings_give_the_same_sets(seed: int) -> None:
    """Wide frequencies drive every branch: binary search, dense pass, merged and dense unions."""
    rng = np.random.default_rng(seed)
    n = 400
    chances = {f"term{place}q": chance for place, chance in enumerate([0.004, 0.02, 0.1, 0.5, 0.9])}
    held = {term: rng.random(n) < chance for term, chance in chances.items()}
    texts = [" ".join(term for term in held if held[term][row]) for row in range(n)]
    index = Lexical().index({"title": texts})
    allowed = rng.random(n) < 0.9
    words = [Word("", tuple((t, 1.0) for t in rng.choice(list(held), rng.integers(1, 4), False))) for _ in range(3)]
    expected = allowed.copy()
    for word in words:
        expected &= np.any([held[term] for term, _ in word.terms], axis=0)
    rows, scores = index.match(words, allowed)
    np.testing.assert_array_equal(rows, np.flatnonzero(expected))
    request = Request("search", datetime(2026, 1, 1, tzinfo=UTC), words=tuple(words))
    everything = index.score(request, np.arange(n, dtype=np.int32)[::-1])[::-1]
    np.testing.assert_array_equal(everything[rows], scores)
    np.testing.assert_array_equal(everything[allowed] > 0, expected[allowed])


def test_postings_ascend_and_the_vocabulary_knows_them() -> None:
    index = build([("ale ban ale", "cod"), ("ban", "ale"), ("", "")])
    vocabulary = index.vocabulary
    assert list(vocabulary.terms) == ["ale", "ban", "cod"]
    assert vocabulary.frequencies.tolist() == [2, 2, 1]
    assert [vocabulary.frequency(term) for term in ("ale", "fig")] == [2, 0]
    assert index.rows.tolist() == [0, 1, 0, 1, 0]
    assert index.rows.dtype == np.int32
    assert index.impacts.dtype == np.float32
    assert index.indptr.dtype == np.int64
    assert [vocabulary.terms[place] for place in vocabulary.starting("b")] == ["ban"]
    assert len(vocabulary.starting("bb")) == 0
    assert len(vocabulary.starting("")) == 3


def test_spellings_and_compounds_come_from_the_texts() -> None:
    index = Lexical().index(
        {"title": ["ice-cream cookies", "cookie", "cookies", "ice cream on-the-go 绿茶 茶茶茶", "wd40 wd40"]}
    )
    vocabulary = index.vocabulary
    assert list(vocabulary.written("cooki")) == ["cookies", "cookie"]
    assert vocabulary.written("never") == ("never",)
    assert vocabulary.compounds["icecream"] == ("ice", "cream")
    assert vocabulary.compounds["onthego"] == ("on", "the", "go")
    assert vocabulary.compounds["wd40"] == ("wd", "40")
    assert not {"绿茶", "茶茶"} & set(vocabulary.compounds)


def test_a_saved_index_answers_the_same(tmp_path: Path) -> None:
    index = build([("ale ban", "cod"), ("ban t-shirts", "ale"), ("dal", "")])
    index.save(tmp_path / "lexical")
    loaded = LexicalIndex.load(tmp_path / "lexical")
    words = [Word("", (("ban", 1.0), ("dal", 0.5)))]
    for one, other in zip(index.match(words, np.ones(3, bool)), loaded.match(words, np.ones(3, bool)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(loaded.vocabulary.terms) == list(index.vocabulary.terms)
    assert loaded.vocabulary.compounds == index.vocabulary.compounds
    assert [list(spelt) for spelt in loaded.vocabulary.spellings] == index.vocabulary.spellings


@pytest.mark.parametrize("damage", ["missing", "cut", "no json", "other terms"])
def test_a_damaged_index_is_refused(tmp_path: Path, damage: str) -> None:
    build([("ale ban", "cod")]).save(tmp_path)
    if damage == "missing":
        (tmp_path / "rows.npy").unlink()
    elif damage == "cut":
        (tmp_path / "impacts.npy").write_bytes((tmp_path / "impacts.npy").read_bytes()[:-4])
    elif damage == "no json":
        (tmp_path / "vocabulary.json").write_bytes(b"{")
    else:
        other = tmp_path / "other"
        build([("ale", "")]).save(other)
        (tmp_path / "vocabulary.json").write_bytes((other / "vocabulary.json").read_bytes())
    with pytest.raises(ArtifactError):
        LexicalIndex.load(tmp_path)


def test_empty_catalogues_and_queries() -> None:
    for index in (Lexical().index({}), Lexical().index({"title": []}), Lexical().index({"title": ["", "-"]})):
        n = index.vocabulary.n
        rows, scores = index.match([Word("ale", (("ale", 1.0),))], np.ones(n, bool))
        assert len(rows) == len(scores) == len(index.match([], np.ones(n, bool))[0]) == 0


def test_fields_must_fit() -> None:
    with pytest.raises(DataError, match="lengths"):
        Lexical().index({"title": ["a"], "brand": []})
    with pytest.raises(DataError, match="colour"):
        Lexical().index({"colour": ["a"]})


def test_threads_may_share_an_index() -> None:
    rng = np.random.default_rng(3)
    index = build([(" ".join(rng.choice(TERMS, 3)), str(rng.choice(TERMS))) for _ in range(500)])
    queries = [[Word("", ((one, 1.0), (other, 0.5)))] for one in TERMS for other in TERMS if one != other]
    everything = np.ones(500, bool)
    alone = [index.match(words, everything)[1] for words in queries * 10]
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(lambda words: index.match(words, everything)[1], queries * 10))
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, other)
