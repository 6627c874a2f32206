"""What a text says is left out, in the wordings of products and of shoppers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.words import normalise
from mercato.words.absence import absences


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sugar-Free Gum", [("free", ("sugar",))]),
        ("gluten free bread", [("free", ("gluten",))]),
        ("free of nuts", [("without", ("nut",))]),
        ("cereal without added sugar", [("without", ("sugar",))]),
        ("No sugar added", [("no", ("sugar",))]),
        ("zero sugar cola w/o caffeine", [("no", ("sugar",)), ("without", ("caffeine",))]),
        ("0g sugar", [("no", ("sugar",))]),
        ("non-dairy creamer", [("no", ("dairi",))]),
        ("无糖茶 0脂肪", [("free", ("糖",)), ("free", ("脂肪",))]),
        ("不含酒精的", [("without", ("酒精",))]),
        ("不添加防腐剂", [("without", ("防腐", "腐剂"))]),
    ],
)
def test_an_absence_is_read(text: str, found: list[tuple[str, tuple[str, ...]]]) -> None:
    assert [(absence.wording, absence.terms) for absence in absences(normalise(text))] == found


@pytest.mark.parametrize(
    "text",
    ["无线耳机", "五十零油泵", "free weights", "hands", "buy one get one free", "no. 5", "north", "2.0糖", "with", ""],
)
def test_nothing_is_left_out(text: str) -> None:
    assert list(absences(normalise(text))) == []


def test_an_absence_says_where_it_stands() -> None:
    text = "cookies without any added sugar for kids"
    assert [text[found.start : found.end] for found in absences(text)] == ["without any added sugar"]


@given(st.text(alphabet="no free-withut 0g无糖含不", max_size=60))
def test_any_text_is_legal(text: str) -> None:
    text = normalise(text)
    assert all(0 <= found.start < found.end <= len(text) and found.terms for found in absences(text))
