"""Which products say what they are free of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.without import WithoutIndex

TITLES = [
    "Sugar-free gum",
    "Gum",
    "Cola, no sugar",
    "Jam without sugar",
    "No Doubt CD",
    "Nut free bar",
    "Wireless mouse",
]
TEXTS = ["", "Contains sugar", "", "", "", "free of nuts", "no doubt the best"]


@pytest.fixture
def index() -> WithoutIndex:
    return WithoutIndex.index({"title": TITLES, "description": TEXTS})


def test_every_wording_counts_once_two_products_say_it_for_sure(index: WithoutIndex) -> None:
    assert index.terms == ("sugar",)
    assert index.saying(["sugar"]).tolist() == [0, 2, 3]


def test_one_product_or_a_name_makes_no_absence(index: WithoutIndex) -> None:
    assert [term in index for term in ("doubt", "nut", "sugar", 5)] == [False, False, True, False]
    assert index.saying(["doubt", "nut"]).tolist() == []


def test_it_comes_back_from_disk(index: WithoutIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    again = WithoutIndex.load(tmp_path)
    assert again.terms == index.terms
    assert np.array_equal(again.saying(["sugar"]), index.saying(["sugar"]))


def test_an_empty_shop_has_an_empty_index(tmp_path: Path) -> None:
    WithoutIndex.index({}).save(tmp_path)
    assert WithoutIndex.load(tmp_path).saying(["sugar"]).tolist() == []


def test_what_does_not_fit_is_refused(index: WithoutIndex, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lengths"):
        WithoutIndex.index({"title": ["a"], "brand": []})
    with pytest.raises(ArtifactError, match="read"):
        WithoutIndex.load(tmp_path)
    index.save(tmp_path)
    np.save(tmp_path / "rows.npy", index.rows[:1], allow_pickle=False)
    with pytest.raises(ArtifactError, match="fit"):
        WithoutIndex.load(tmp_path)
