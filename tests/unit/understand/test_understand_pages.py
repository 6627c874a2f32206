"""Questions to the shop itself, and the products that look like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.understand.pages import TOPICS, page
from mercato.understand.spans import normalised


@pytest.mark.parametrize(
    ("topic", "queries"),
    [
        (
            "returns",
            "return policy|how do I return an item|refund|can i exchange a gift|Return Policy?|怎么退货|我要退款",
        ),
        ("orders", "track my order|where is my order|order status|cancel order|where's my package|我的订单|查快递"),
        (
            "shipping",
            "shipping|free shipping|how long does delivery take|do you ship to canada|delivery cost|运费多少|包邮吗",
        ),
        ("contact", "contact us|customer service|phone number|live chat|speak to a human|complaint|联系客服|客服电话"),
        ("account", "login|my account|forgot password|reset my password|unsubscribe|忘记密码怎么办|登录"),
        ("gift-card", "gift card balance|check balance on gift card|redeem voucher|礼品卡余额"),
        ("stores", "store hours|opening hours|are you open on sunday|nearest store|stores near me|营业时间|门店在哪"),
        ("payment", "payment methods|do you take paypal|can i pay with apple pay|financing|怎么付款|开发票"),
        ("careers", "careers|jobs|job application|work for us|招聘"),
        ("warranty", "warranty|warranty claim|repair status|保修期多久"),
        ("offers", "promo code|price match|student discount|优惠码"),
        ("legal", "privacy policy|terms and conditions|隐私政策"),
        ("help", "help|faq|帮助"),
    ],
)
def test_the_page_is_told(topic: str, queries: str) -> None:
    for query in queries.split("|"):
        found = page(normalised(query))
        assert found is not None, query
        assert found.topic == topic, query


@pytest.mark.parametrize(
    "query",
    [
        "", "the", "how do i", "return air duct", "gift card", "cash register", "password book", "work boots",
        "store brand milk", "phone case", "credit card reader", "delivery box", "contact lenses", "knee support",
        "law and order", "open sign", "cat carrier", "apple pie", "track suit", "chat", "pay", "exchange", "快递袋",
        "电话机", "手机维修工具", "密码锁", "礼品卡",
    ],
)  # fmt: skip
def test_products_are_no_pages(query: str) -> None:
    assert page(normalised(query)) is None


def test_a_misspelt_word_is_read_unless_the_shop_has_it() -> None:
    assert page("retrun policy") is not None
    assert page("shiping cost") is not None
    assert page("shipping coat", known={"coat"}) is None
    assert page("retrun policy", known={"retrun"}) is None


@given(
    st.lists(
        st.sampled_from(["return", "my", "order", "the", "card", "gift", "track", "hours", "退货", "怎么", "x"]),
        max_size=8,
    )
)
def test_any_query_has_one_known_topic_or_none(words: list[str]) -> None:
    found = page(" ".join(words))
    assert found is None or found.topic in TOPICS
