"""What a query matches: every word, or enough of them where few products hold every one, or near enough in meaning."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.models.hashed import HashEncoder
from mercato.retrieve.dense import DenseIndex, Meaning
from mercato.retrieve.hybrid import CLOSEST, Hybrid
from mercato.retrieve.lexical import Lexical, LexicalIndex
from mercato.schema import Product
from mercato.understand.query import Understanding
from mercato.words import tokenise

WORDS = ("oat", "milk", "soy", "organic", "vanilla", "yogurt", "cup", "glass", "blue", "large")


@dataclass(frozen=True)
class World:
    """A small shop and its search."""

    catalog: Catalog
    index: LexicalIndex
    search: Hybrid


def world(titles: list[str], *, cutoff: float = 9.0, meaning: bool = False, **fields: float) -> World:
    """``titles`` as a shop with ids p0, p1 …; p3 cannot be bought."""
    products = [Product(f"p{row}", title, sellable=row != 3) for row, title in enumerate(titles)]
    catalog = Catalog.build(products)
    index = Lexical().index({"title": titles})
    encoder = HashEncoder()
    dense = DenseIndex(encoder.encode(titles), np.arange(len(titles), dtype=np.int32), cutoff)
    heard = Meaning(dense, lambda text: encoder.encode([text])[0]) if meaning else None
    search = Hybrid(catalog, index, Understanding(index.vocabulary), heard, **fields)  # type: ignore[arg-type]
    return World(catalog, index, search)


@given(
    titles=st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), min_size=5, max_size=14),
    query=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4, unique=True),
    enough=st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_what_matches_is_what_brute_force_finds(titles: list[str], query: list[str], enough: int) -> None:
    shop = world(titles, enough=enough)
    asked = f"{' '.join(query)} "
    found = shop.search.match(asked)
    words = found.words
    if found.corrected or any(not word.terms for word in words):
        return  # read otherwise: other tests
    sold = [bool(shop.catalog.sellable[row]) for row in range(len(titles))]
    holds = [[any(term in tokenise(title) for term, _ in word.terms) for word in words] for title in titles]
    full = {row for row in range(len(titles)) if sold[row] and all(holds[row])}
    told = sum(word.information for word in words)
    share = [sum(w.information for w, has in zip(words, holds[row], strict=True) if has) / told
             for row in range(len(titles))]  # fmt: skip
    best = max((share[row] for row in range(len(titles)) if sold[row]), default=0.0)
    least = min(0.3, best) - 1e-9
    partly = {row for row in range(len(titles)) if sold[row] and any(holds[row]) and share[row] >= least}
    assert set(found.ranking.rows.tolist()) == (full if len(full) >= enough else partly)
    assert bool(found.relaxed) == (not full and bool(partly))
    every = dict(zip(found.ranking.rows.tolist(), found.ranking.notes["lane:every"].tolist(), strict=True))
    assert {row for row, flag in every.items() if flag} == full


TITLES = [
    "organic oat milk",
    "soy milk",
    "oat bar",
    "sold out oat milk",
    "blue glass",
    "vanilla yogurt",
    "iPhone 手机壳",
]


def test_the_best_says_one_and_what_was_left_out_is_said() -> None:
    found = world(TITLES).search.match("vanilla oat milk ")
    assert found.ranking.notes["lane:words"].max() == pytest.approx(1.0)
    assert found.relaxed == "vanilla"
    assert TITLES[int(found.ranking.rows[np.argmax(found.ranking.notes["lane:words"])])] == "organic oat milk"


def test_one_product_is_enough_when_one_is_asked_for() -> None:
    found = world(TITLES, enough=1).search.match("organic oat milk ")
    assert found.ranking.rows.tolist() == [0]
    assert found.relaxed == ""


def test_what_nobody_sells_leads_to_what_comes_closest_in_meaning_or_nowhere() -> None:
    words = world(TITLES).search.match("qzxqzx ")
    assert len(words.ranking) == 0
    assert words.relaxed == ""
    titles = [*TITLES, "qzxqz qzx"]
    shop = world(titles, meaning=True)
    near = replace(shop.search, reader=Understanding(Lexical().index({"title": TITLES}).vocabulary)).match("qzxqzx ")
    assert near.ranking.rows.tolist() == [7]
    assert near.relaxed == CLOSEST
    assert near.corrected == ""


def test_meaning_reads_the_correction() -> None:
    shop = world(TITLES, meaning=True)
    wrong, right = shop.search.match("vanila yogurt "), shop.search.match("vanilla yogurt ")
    assert wrong.corrected.strip() == "vanilla yogurt"
    np.testing.assert_allclose(wrong.ranking.notes["lane:meaning"], right.ranking.notes["lane:meaning"], rtol=1e-6)


def test_the_less_the_words_say_the_more_meaning_counts() -> None:
    shop = world(TITLES, meaning=True, cutoff=0.99)
    plain, unsaid = (shop.search.match(query).ranking for query in ("soy milk ", "soy milk qqqqq "))
    assert plain.notes["lane:meaning"].max() <= 1 < unsaid.notes["lane:meaning"].max() <= 4


def test_a_broken_encoder_leaves_the_words() -> None:
    def broken(text: str) -> NDArray[np.float32]:
        raise RuntimeError("no model")

    shop = world(TITLES, meaning=True)
    assert shop.search.meaning is not None
    found = replace(shop.search, meaning=Meaning(shop.search.meaning.index, broken)).match("soy milk ")
    assert found.failed == ("meaning",)
    assert 1 in found.ranking.rows.tolist()


def test_an_id_is_found_though_no_word_matches() -> None:
    found = world(TITLES).search.match("p4")
    assert dict(zip(found.ranking.rows.tolist(), found.ranking.notes["lane:exact"].tolist(), strict=True))[4] == 1.0
    assert "lane:exact" not in world(TITLES).search.match("p3").ranking.notes, "it cannot be bought"
