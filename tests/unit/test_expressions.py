"""A filter as one types it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.errors import RequestError
from mercato.expressions import parse_where


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("", {}),
        ("  ", {}),
        ("brand=acme", {"brand": ["acme"]}),
        ("brand = acme | apex ", {"brand": ["acme", "apex"]}),
        ("price>=1.5", {"price": {"min": 1.5}}),
        ("price<=5,price>=1", {"price": {"min": 1.0, "max": 5.0}}),
        ("attributes.size=XL, in-stock=yes", {"attributes.size": ["XL"], "in-stock": ["yes"]}),
        ("brand='Smith, Jones | Co', price<=2", {"brand": ["Smith, Jones | Co"], "price": {"max": 2.0}}),
        ('categories="a > b"', {"categories": ["a > b"]}),
        ("categories=a > b", {"categories": ["a > b"]}),
        ("brand=O'Neill", {"brand": ["O'Neill"]}),
        ("brand=a=b", {"brand": ["a=b"]}),
        ("brand=acme,", {"brand": ["acme"]}),
    ],
)
def test_what_is_typed_is_what_is_filtered(typed: str, where: dict[str, Any]) -> None:
    assert parse_where(typed) == where


@pytest.mark.parametrize("typed", ["brand", "=acme", "price<5", "price>5", "price<=cheap", "a b=c", "brand=", ",", "!"])
def test_what_cannot_be_read_is_said(typed: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_where(typed)
    assert refusal.value.where.startswith("--where")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][\w.\-]{0,8}", fullmatch=True),
        st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 >&]{0,8}[A-Za-z0-9]", fullmatch=True), min_size=1, max_size=3),
        max_size=4,
    )
)
def test_lists_of_plain_values_come_back(where: dict[str, list[str]]) -> None:
    typed = ", ".join(f"{name}={'|'.join(values)}" for name, values in where.items())
    assert parse_where(typed) == where


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(typed: str) -> None:
    try:
        where = parse_where(typed)
    except RequestError:
        return
    assert all(isinstance(condition, list | dict) for condition in where.values())
