"""A problem or a plan finds what one buys then, by its words or by what it means, and never hides what is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mercato.catalog import Catalog
from mercato.retrieve.dense import DenseIndex, Meaning
from mercato.retrieve.hybrid import NEEDED, Hybrid
from mercato.retrieve.lexical import Lexical
from mercato.retrieve.needs import NeedIndex
from mercato.schema import Product
from mercato.understand.query import Understanding

AXES = {"wet basement": 0, "camping": 1, "damp cellar": 0, "sleeping outside": 1, "tax return": 3}
TITLES = ["Dehumidifier", "Sump pump", "Tent", "Tent poles", "Camping chair", "Rose"]


def vector(text: str) -> np.ndarray:
    """A unit vector along what ``text`` is about, and a little along what all products are."""
    vector, about = np.zeros(8, np.float32), AXES.get(text.strip(), 7)
    vector[[about, 6]] = (0.96, 0.28) if text.strip() in ("wet basement", "camping", "tax return") else (0.8, 0.6)
    return vector


def index() -> NeedIndex:
    said = (("wet", "basement"), ("camping",))
    meant = ((("dehumidifier",), ("sump", "pump")), (("tent",), ("kayak",)))
    return NeedIndex(said, meant, np.stack([vector("wet basement"), vector("camping")]))


def found(query: str, about: str = "") -> dict[str, float]:
    heard = vector(about) if about else np.empty(0, np.float32)
    return {" ".join(word.text for word in words): round(counts, 3) for words, counts in index().find(query, heard)}


def test_what_is_said_counts_as_far_as_it_is_the_query() -> None:
    assert found("wet basement") == {"dehumidifier": 1.0, "sump pump": 0.95}
    assert found("my wet basement floor") == {"dehumidifier": 0.5, "sump pump": 0.475}
    assert found("basement wet") == found("") == {}


def test_what_means_the_same_counts_as_far_as_it_does() -> None:
    assert found("damp cellar", "damp cellar") == {"dehumidifier": 0.872, "sump pump": 0.828}
    assert found("tax return", "tax return") == {}


def test_no_entry_answers_nothing() -> None:
    assert NeedIndex((), (), np.empty((0, 8), np.float32)).find("wet basement", vector("wet basement")) == []


def test_an_index_is_kept_whole(tmp_path: Path) -> None:
    index().save(tmp_path)
    kept = NeedIndex.load(tmp_path)
    assert (kept.said, kept.meant) == (index().said, index().meant)
    assert np.array_equal(kept.vectors, index().vectors)


def shop(**fields: float) -> Hybrid:
    catalog = Catalog.build([Product(f"p{row}", title) for row, title in enumerate(TITLES)])
    lexical = Lexical().index({"title": TITLES})
    alike = np.tile(np.eye(8, dtype=np.float32)[6], (len(TITLES), 1))
    dense = DenseIndex(alike, np.arange(len(TITLES), dtype=np.int32), 0.9)
    reader = Understanding(lexical.vocabulary)
    return Hybrid(catalog, lexical, reader, Meaning(dense, vector), None, index(), **fields)  # type: ignore[arg-type]


def test_needs_join_what_has_the_words() -> None:
    matched = shop().match("camping ")
    needs = dict(zip(matched.ranking.rows.tolist(), matched.ranking.notes["lane:need"].tolist(), strict=True))
    assert sorted(needs) == [2, 3, 4]
    assert needs[2] > needs[3] > needs[4] == 0.0, "of products much alike each next one counts less"
    assert matched.relaxed == ""


def test_a_problem_that_no_product_names_leads_to_what_helps() -> None:
    matched = shop().match("damp cellar ")
    assert matched.ranking.rows.tolist() == [0, 1]
    assert matched.relaxed == NEEDED


def test_where_enough_products_have_the_words_nothing_joins() -> None:
    assert shop(enough=1).match("camping ").ranking.rows.tolist() == [4]
