"""What a query asks for besides words: which part is a filter, which part only an order, and what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from general_store import store
from mercato.understand.conditions import Asked, Condition

WEIRD = [
    "", " ", "a" * 10_000, "\x00" * 10_000, "🛒" * 3_000, "\u202e\u200b" * 5_000, ".*+?(a|b)*[" * 900, "\ud800" * 600,
    "under " * 2_000, "$" * 9_000, "no " * 3_000, "1" * 9_000, "without " * 2_000, "无糖" * 3_000,
    "'; DROP TABLE products; --",
]  # fmt: skip
SAID = [
    "sony", "red", "size", "10", "under", "$5", "no", "without", "sugar", "free", "and", "or", "by", "16", "oz",
    "apple", "元以下", "50",
]  # fmt: skip


def read(query: str) -> Asked:
    return store().conditions.read(query)


def named(query: str) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(found.kind, found.text, found.values) for found in read(query).conditions if found.kind != "price"}


def price(query: str) -> Condition | None:
    found = [condition for condition in read(query).conditions if condition.kind == "price"]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("query", "low", "high", "rest"),
    [
        ("headphones under 50", None, 50, "headphones "), ("under $50 headphones", None, 50, "headphones"),
        ("Shoes over 10", 10, None, "shoes "), ("cookies between 2 and 5", 2, 5, "cookies "),
        ("anything under $5", None, 5, ""), ("50元以下的绿茶", None, 50, "绿茶"),
        ("shoes over 10 but under 20", 10, 20, "shoes "),
        ("red shoes under 50, size 10", None, 50, "red shoes , size 10"), ("under 50", None, 50, ""),
    ],
)  # fmt: skip
def test_a_price_filters_and_is_no_word(query: str, low: float | None, high: float | None, rest: str) -> None:
    found = price(query)
    assert found is not None
    assert found.firm
    assert (found.low, found.high, found.field, read(query).rest) == (low, high, "price", rest)


@pytest.mark.parametrize(
    "query", ["air max 90", "Air Max 90 shoes", "soup 16 oz", "shoes over 20 under 10", "cheap shoes"]
)
def test_a_name_or_a_contradiction_is_no_price(query: str) -> None:
    assert price(query) is None
    assert read(query).rest == query


def test_a_shop_without_prices_has_no_price_conditions() -> None:
    asked = store(prices=False).conditions.read("shoes under 50")
    assert (asked.firm, asked.rest) == ((), "shoes under 50")


@pytest.mark.parametrize(
    ("query", "terms", "rest"),
    [
        ("cookies without sugar", [("sugar",)], "cookies "), ("no sugar cookies", [("sugar",)], "cookies"),
        ("cookies w/o added sugar", [("sugar",)], "cookies "),
        ("milk no sugar or peanuts", [("sugar",), ("peanut",)], "milk "),
        ("cookies without peanut butter", [("peanut", "butter")], "cookies "), ("不含糖的绿茶", [("糖",)], "绿茶"),
        ("cookies no sugar added", [("sugar",)], "cookies "),
        ("milk without sugar and shoes", [("sugar",)], "milk and shoes"),
    ],
)  # fmt: skip
def test_what_is_to_be_left_out_filters(query: str, terms: list[tuple[str, ...]], rest: str) -> None:
    asked = read(query)
    assert [found.values for found in asked.firm] == terms
    assert {found.kind for found in asked.firm} == {"without"}
    assert asked.rest == rest


@pytest.mark.parametrize(
    "query", ["no doubt", "no doubt cd", "no frills milk", "without you", "no charger", "free milk", "无线"]
)
def test_no_in_a_name_leaves_nothing_out(query: str) -> None:
    assert read(query).firm == ()
    assert read(query).rest == query


@pytest.mark.parametrize("query", ["sugar free cookies", "Sugar-free cookies", "无糖绿茶"])
def test_how_products_describe_themselves_stays_to_be_matched(query: str) -> None:
    asked = read(query)
    found = [condition for condition in asked.conditions if condition.kind == "without"]
    assert [condition.firm for condition in found] == [False]
    assert asked.rest == query


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("sony headphones", {("brand", "sony", ("Sony",)), ("category", "headphones", ("Audio > Headphones",))}),
        ("red dress", {("attribute", "red", ("Red",)), ("category", "dress", ("Dresses",))}),
        ("shoes size 10", {("category", "shoes", ("Shoes",)), ("attribute", "size 10", ("10",))}),
        ("shoes 10 size", {("category", "shoes", ("Shoes",)), ("attribute", "10 size", ("10",))}),
        ("dress size m", {("category", "dress", ("Dresses",)), ("attribute", "size m", ("M",))}),
        ("16 ounces", {("attribute", "16 ounces", ("16 oz",))}),
        ("dark blue", {("attribute", "dark blue", ("Dark blue",))}),
        ("screen size 46 in", {("attribute", "screen size 46 in", ("46 in",))}),
        ("cd by island", {("brand", "island", ("Island",))}),
        ("红色连衣裙", {("attribute", "红色", ("红色",)), ("category", "连衣裙", ("服装 > 连衣裙",))}), ("10", set()),
        ("m", set()), ("treasure island", set()), ("sugar free gum", {("without", "sugar free", ("sugar",))}),
    ],
)  # fmt: skip
def test_the_shops_own_names_are_recognised(query: str, wanted: set[tuple[str, str, tuple[str, ...]]]) -> None:
    assert named(query) == wanted
    assert read(query).rest == query


def test_names_never_filter() -> None:
    assert all(not found.firm for query in ("sony", "apple", "red", "size 10") for found in read(query).conditions)


def test_whether_the_last_word_is_still_typed_is_kept() -> None:
    assert [read(query).rest for query in ("mil", "mil ", "under $5 mil", "under $5 mil ", "mil under $5")] == [
        "mil", "mil ", "mil", "mil ", "mil ",
    ]  # fmt: skip


@pytest.mark.parametrize("query", WEIRD)
def test_any_text_is_legal(query: str) -> None:
    read(query)


@given(
    st.lists(
        st.sampled_from(SAID),
        max_size=9,
    )
)
def test_every_condition_says_where_it_stands_and_firm_ones_are_taken_out(words: list[str]) -> None:
    asked = read(" ".join(words))
    for found in asked.conditions:
        assert asked.query[found.start : found.end].strip() == found.text
    letters = sum(map(str.isalnum, asked.query)) - sum(sum(map(str.isalnum, found.text)) for found in asked.firm)
    assert sum(map(str.isalnum, asked.rest)) in {letters, 0}
