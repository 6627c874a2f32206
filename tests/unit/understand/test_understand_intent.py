"""What kind of query it is, decided by what the shop has, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from general_store import store
from mercato.understand.intent import INTENTS, Intent
from mercato.words import query_tokens


def classify(query: str) -> Intent:
    return store().intents.classify(store().conditions.read(query))


@pytest.mark.parametrize(
    ("kind", "queries"),
    [
        ("non-product", "return policy|track my order|customer service|退货"),
        ("exact", "mdr-zx110|MDR ZX 110|frailty|return to oz|batman returns|air max 90"),
        ("product-type", "cookies|headphones|sony|phone cases"),
        ("feature", "red shoes|sony milk|shoes size 10|farm milk|milk under 5"),
        (
            "compatibility",
            "charger for apple phone|case for iphone 4|iphone 4 charger|iphone 4 手机壳|cable for belkin charger",
        ),
        ("use-case", "shoes for women|birthday present|camping soup|生日礼物"),
        ("abbreviation", '46" television|100% milk|dvd|6 ft cable|milk & cookies'),
        ("symptom", "headache|dry skin|sore throat|can't sleep|咳嗽"),
        ("subjective", "best headphones|cute dress|便宜的绿茶"),
        ("implicit", "zzgxx|something unheard qqq"),
    ],
)
def test_the_kind_is_told(kind: str, queries: str) -> None:
    assert not {query: found for query in queries.split("|") if (found := classify(query)).kind != kind}


def test_a_topic_comes_with_a_page_and_with_nothing_else() -> None:
    assert classify("return policy").topic == "returns"
    assert classify("return to oz").topic == ""
    assert store().intents.page("怎么退货") is not None
    assert store().intents.page("Batman Returns") is None


def test_what_may_be_a_title_is_a_title() -> None:
    """ "returns" alone may be the film; with "policy" no product has both words."""
    assert classify("returns").kind != "non-product"
    assert classify("returns policy").kind == "non-product"


def test_a_reason_quotes_the_query() -> None:
    assert classify("return policy").reason == "“return policy” is about returns, no product is called so"
    assert "zx110" in classify("sony mdr-zx110").reason
    assert all(classify(query).reason for query in ("", "red shoes", "dry skin", "qqq"))


def test_titles_hold_words_together_and_in_any_order() -> None:
    titles = store().titles
    assert titles.hold(query_tokens("oz return"))
    assert not titles.hold(query_tokens("oz batman"))
    assert titles.hold(query_tokens("return from oz"))
    assert not titles.hold(query_tokens("return from oz"), every=True)
    assert not titles.hold([])
    assert titles.hold(query_tokens("绿茶"))
    assert not titles.hold(query_tokens("茶绿"))
    assert titles.named(query_tokens("the return to oz")) == 1
    assert titles.named(query_tokens("return")) == 0


@given(st.text(max_size=40))
def test_any_text_has_a_kind(query: str) -> None:
    assert classify(query).kind in INTENTS
