"""Bounds on the price as people write them, and the many numbers that are none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.understand.prices import Prices
from mercato.understand.spans import normalised

DOLLARS = Prices("USD")


def bounds(query: str, prices: Prices = DOLLARS) -> list[tuple[str, float | None, float | None]]:
    text = normalised(query)
    return [(text[bound.start : bound.end], bound.low, bound.high) for bound in prices.read(text)]


@pytest.mark.parametrize(
    ("query", "low", "high"),
    [
        ("under 50", None, 50), ("below $20", None, 20), ("less than 5 dollars", None, 5),
        ("cheaper than 9.99", None, 9.99), ("max 30", None, 30), ("Maximum $1,299.99", None, 1299.99),
        ("up to 20 bucks", None, 20), ("< $20 milk", None, 20), ("$50 or less", None, 50), ("at most 3", None, 3),
        ("soda under 99 cents", None, 0.99), ("under $.99", None, 0.99), ("headphones under 50 bluetooth", None, 50),
        ("16 oz soup below 2", None, 2), ("under $5 lb", None, 5), ("price below 20", None, 20),
        ("for less than $5", None, 5), ("no more than 20", None, 20), ("within $9", None, 9), ("over 100", 100, None),
        ("more than $5", 5, None), ("at least 20 dollars", 20, None), ("$100+", 100, None),
        ("$100 and up", 100, None), ("from $5", 5, None), ("> 100", 100, None), ("min price 7", 7, None),
        ("between 5 and 10", 5, 10), ("between $10 and $5", 5, 10), ("5-10 dollars", 5, 10), ("$5 to $10", 5, 10),
        ("$5–10", 5, 10), ("from 5 to 10 dollars", 5, 10), ("price 50-100", 50, 100), ("5$ to 10$ coffee", 5, 10),
        ("50元以下", None, 50), ("低于50", None, 50), ("50块钱以内的手机", None, 50), ("不超过５０", None, 50),
        ("百元以内", None, 100), ("两百元以下", None, 200), ("1万元以下", None, 10_000), ("100到200元", 100, 200),
        ("100-200元的耳机", 100, 200), ("价格在100到200之间", 100, 200), ("50元到100元之间", 50, 100),
        ("一千块以上", 1000, None), ("不低于50元", 50, None), ("超过100元", 100, None), ("500以上", 500, None),
    ],
)  # fmt: skip
def test_a_bound_is_read(query: str, low: float | None, high: float | None) -> None:
    assert [found[1:] for found in bounds(query)] == [(low, high)]


@pytest.mark.parametrize(
    "query",
    [
        "便宜", "cheap milk", "under 5 lb", "under 5 pounds", 'tv under 50"', "tv under 50 inch", "up to 128gb",
        "over 2 liters", "under 30% fat", "between 3 and 5 lb", "between 10 and 20 people",
        "games for 2 to 4 players", "under 10 minutes", "women over 50", "toys for boys under 5",
        "vitamins for men over 50", "12 and under", "5 to 10", "5-10", "from 5", "within 50", "air max 90 shoes",
        "over 40 hill", "under 2k", "$50 gift card", "2 for $5", "48 hours", "under 50€", "under 50 euros",
        "cheese under $3 per pound", "apples under 1.50 a lb", "soda under $3/2l", "under", "under armour",
        "less than zero", "3岁以下", "超过100克", "低于50克", "浴室柜宽40以内", "100到200", "under $1.299,99",
        "below 50's", "NET10 - $30 card",
    "i <3 milk",
    ],
)  # fmt: skip
def test_a_number_that_is_no_price_is_left_alone(query: str) -> None:
    assert bounds(query) == []


def test_only_the_words_of_the_bound_are_taken() -> None:
    assert bounds("red shoes under $50, size 10")[0][0] == "under $50"
    assert bounds("50元以下的耳机")[0][0] == "50元以下"
    assert bounds("16 oz under $3")[0][0] == "under $3"


def test_two_bounds_are_two() -> None:
    found = bounds("headphones costing more than $5 but less than $10")
    assert [(low, high) for _, low, high in found] == [(5, None), (None, 10)]


def test_what_says_money_is_told_apart_from_a_bare_number() -> None:
    said = {
        query: DOLLARS.read(query)[0].said for query in ("under 50", "under $50", "price under 50", "under 50 dollars")
    }
    assert said == {"under 50": False, "under $50": True, "price under 50": True, "under 50 dollars": True}


def test_a_shop_reads_its_own_currency() -> None:
    assert bounds("under 50,50 €", Prices("EUR")) == [("under 50,50 €", None, 50.5)]
    assert bounds("under $5", Prices("EUR")) == []
    assert bounds("under 500 yen", Prices("JPY")) == [("under 500 yen", None, 500)]
    assert bounds("under chf 5", Prices("CHF")) == []
    assert bounds("under 5 chf", Prices("CHF")) == [("under 5 chf", None, 5)]


@given(st.text(alphabet="undermaxbtw$€0123456789.,-~ 元块以下到百千k%", max_size=60))
def test_any_text_is_legal_and_bounds_never_overlap(query: str) -> None:
    text = normalised(query)
    found = DOLLARS.read(text)
    assert all(0 <= bound.start < bound.end <= len(text) for bound in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert all(bound.low is None or bound.high is None or bound.low <= bound.high for bound in found)
