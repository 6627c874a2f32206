"""Ids and part numbers, however they are written, against a slow look at every one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.errors import ArtifactError, DataError
from mercato.retrieve.numbers import NumberIndex, Numbers, folded, part_numbers

IDS = ["096009010836", "p-17", "B07-XJ842", "4006381333931", "12", "绿茶-500", "x" * 60]
TITLES = [
    "Fists DVD", "WD40 Spray 500ml", "Samsung LN46C630K1F 46-inch 1080p TV", "HL-5240 printer, 10-pack",
    "Toner for HL-5240 and HL-5250DN", "Tea 3in1", "Camera D7000",
]  # fmt: skip


@pytest.fixture(scope="module")
def index() -> NumberIndex:
    return Numbers().index(IDS, {"title": TITLES})


def rows(index: NumberIndex, query: str) -> list[int]:
    found = index.find(query)
    return [] if found is None else found.rows.tolist()


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("096009010836", [0]), ("96009010836", [0]), ("0 96009-01083 6", [0]), ("0096009010836", [0]),
        ("960090108", [0]), ("b07xj842", [2]), ("B07 XJ842", [2]), ("b07-xj8 42", [2]), ("b07xj8", [2]),
        ("wd40", [1]), ("WD-40", [1]), ("wd 40", [1]), ("wd-40 spray", [1]), ("LN46C630", [2]), ("ln 46 c630", [2]),
        ("samsung ln46c630 tv", [2]), ("LN46C630K1F", [2]), ("hl5240", [3, 4]), ("HL 5240", [3, 4]), ("hl-5250", [4]),
        ("nikon d 7000", [6]), ("绿茶500", [5]), ("p17", []), ("400638133393", [3]),
    ],
)  # fmt: skip
def test_a_number_is_found(index: NumberIndex, query: str, wanted: list[int]) -> None:
    assert rows(index, query) == wanted


@pytest.mark.parametrize(
    "query",
    ["", " ", "1080p", "500ml", "10-pack", "46 inch", "3in1", "hl52", "12", "pack 24", "tv", "hl", "0960", "x" * 700],
)
def test_what_is_no_number_or_no_single_one_is_not_found(index: NumberIndex, query: str) -> None:
    assert rows(index, query) == []


def test_what_was_written_is_told(index: NumberIndex) -> None:
    part, whole = index.find("samsung LN 46C630 tv"), index.find("ln 46c630")
    assert part is not None
    assert whole is not None
    assert (part.text, part.whole) == ("ln 46c630", False)
    assert (whole.text, whole.whole) == ("ln 46c630", True)


def test_a_number_that_many_share_is_a_kind() -> None:
    index = Numbers(most=2).index(["a", "b", "c"], {"title": ["cable cat5e", "plug cat5e", "box cat5e"]})
    assert rows(index, "cat5e") == []


def test_measures_and_words_run_together_are_no_part_numbers() -> None:
    text = "1080p 500mm 10-pack 1920x1080 3-in-1 MP3 USB2.0 HDMI1 displaysize50 5.1-Ch. 6 ct-12 v1 2-Disc 3rd"
    assert list(part_numbers(text)) == []


@given(
    st.lists(st.text(alphabet="ab12-", min_size=1, max_size=7), min_size=1, max_size=12, unique=True),
    st.text(alphabet="ab12- ", min_size=1, max_size=9),
)
def test_forms_are_those_of_a_slow_look(ids: list[str], query: str) -> None:
    index = Numbers().index(ids, {})
    form = folded(query)
    same = [row for row, product_id in enumerate(ids) if form and folded(product_id) == form]
    begun = {folded(product_id) for product_id in ids if folded(product_id).startswith(form)}
    only = [row for row, product_id in enumerate(ids) if len(begun) == 1 and folded(product_id) in begun]
    assert index.exactly(form).tolist() == same
    assert index.starting(form).tolist() == (only if form else [])


def test_it_comes_back_from_disk(index: NumberIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    assert rows(NumberIndex.load(tmp_path), "ln 46 c630") == [2]


def test_an_empty_shop_has_an_empty_index(tmp_path: Path) -> None:
    Numbers().index([], {}).save(tmp_path)
    assert rows(NumberIndex.load(tmp_path), "wd40") == []


def test_what_does_not_fit_is_refused(index: NumberIndex, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="title"):
        Numbers().index(["a"], {"title": []})
    with pytest.raises(ArtifactError, match="read"):
        NumberIndex.load(tmp_path)
    index.save(tmp_path)
    np.save(tmp_path / "rows.npy", index.rows[:1], allow_pickle=False)
    with pytest.raises(ArtifactError, match="fit"):
        NumberIndex.load(tmp_path)
