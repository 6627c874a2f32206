"""A query in, the page of a shop that it asks for out: returns, shipping, contact and what else is no product."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from mercato.words import query_tokens, stem

_SHORTEST_MISSPELT = 5


@dataclass(frozen=True, slots=True)
class _Topic:
    """What is said of one page. ``sure``: phrases that are enough; ``unsure``: words that need one of ``with_``, which
    may also stand beside the sure ones; ``han``: Chinese phrases that are enough."""

    sure: tuple[tuple[str, ...], ...]
    unsure: frozenset[str]
    with_: frozenset[str]
    han: tuple[str, ...]


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


def _topic(sure: str, unsure: str, with_: str, han: str) -> _Topic:
    phrases = tuple(tuple(map(stem, phrase.split())) for phrase in sure.split(", "))
    return _Topic(phrases, _stems(unsure), _stems(with_), tuple(sorted(han.split(), key=len, reverse=True)))


_TOPICS: Mapping[str, _Topic] = {
    "returns": _topic(
        "return, refund, money back, send back, bring back, exchange policy",
        "exchange replace",
        "policy item order product label form day process online store purchase gift receipt period window damaged"
        " broken wrong defective center without cost free time late unwanted status",
        "七天无理由退货 七天无理由 退换货 退货 退款 换货 退换 退钱",
    ),
    "orders": _topic(
        "my order, my package, my parcel, order status, order history, order number, order tracking, track order,"
        " tracking number, track package, track parcel, cancel order, change order, order not arrived",
        "order package parcel track tracking cancel",
        "status history number not arrived late missing lost track tracking cancel change online edit arrive",
        "我的订单 查订单 订单查询 查询订单 取消订单 修改订单 订单号 订单 查快递 查物流 物流信息 物流查询 催单",
    ),
    "shipping": _topic(
        "shipping, delivery, ship to, deliver to, click and collect, curbside pickup, in store pickup, pick up in"
        " store",
        "ship deliver postage pickup dispatch",
        "cost free time international fee rate express standard option policy charge info information same next day"
        " overnight fast country overseas worldwide abroad address method estimate minimum price zone home store slot"
        " schedule order canada usa europe uk hawaii alaska code weekend",
        "运费 邮费 包邮吗 包邮 配送范围 配送时间 配送费 配送 送货 发货时间 发货 快递费 多久到 什么时候到 自提",
    ),
    "contact": _topic(
        "contact, customer service, customer support, customer care, customer relation, phone number, telephone number,"
        " live chat, helpline, hotline, complaint, call center, help desk, email address, technical support,"
        " tech support, talk to, speak to, feedback form",
        "support chat call email complain",
        "support team number address hour service customer agent representative person human form email phone chat"
        " someone info center store file make live line",
        "人工客服 联系客服 在线客服 客服电话 联系方式 联系我们 联系电话 客服 投诉",
    ),
    "account": _topic(
        "login, log in, log out, logout, sign in, sign up, signin, signup, password, my account, create account,"
        " delete account, unsubscribe, newsletter, reward point, loyalty program, loyalty card, account",
        "register profile membership reward point loyalty subscription",
        "forgot forgotten reset change create delete close update email address new balance card program online"
        " username detail setting verify verification lost number member become join cancel manage recover",
        "忘记密码 修改密码 密码 登录 登陆 注册 我的账号 我的账户 账号 账户 注销 会员积分 积分查询 积分",
    ),
    "gift-card": _topic(
        "gift card balance, giftcard balance, balance gift card, balance giftcard, redeem gift card, activate gift"
        " card, gift card expire, lost gift card, use gift card",
        "giftcard voucher certificate gift",
        "balance redeem activate activation expire expiration expiry lost remaining left check status",
        "礼品卡余额 礼品卡查询 查询礼品卡 购物卡余额 卡余额 余额查询 余额",
    ),
    "stores": _topic(
        "opening hour, opening time, closing time, closing hour, business hour, store hour, shop hour, hour, hour of"
        " operation, store locator, store location, store finder, store near, nearest store, find store, near me,"
        " location",
        "store shop branch open close",
        "hour location locator near nearest finder find opening closing address direction sunday monday tuesday"
        " wednesday thursday friday saturday today tonight tomorrow holiday christmas easter weekend late time map list"
        " local closest",
        "营业时间 门店地址 门店查询 附近门店 门店 店铺地址 地址在哪 几点开门 几点关门 开门时间 关门时间 实体店",
    ),
    "payment": _topic(
        "payment, payment method, payment option, payment plan, pay later, financing, invoice, klarna, afterpay,"
        " paypal, apple pay, google pay, credit card, debit card, how to pay, pay with, pay by",
        "pay card instalment installment check",
        "method option plan accept credit debit visa mastercard amex paypal klarna apple google monthly declined failed"
        " cash later form type wrong twice ebt snap wic online bill installment visa order",
        "支付方式 付款方式 怎么付款 怎么支付 支付 付款 分期付款 分期 花呗 货到付款 开发票 发票",
    ),
    "careers": _topic(
        "career, job, hiring, vacancy, employment, recruitment, internship, work for us, work here, work for you",
        "work apply",
        "application apply opening part time full near job position team store",
        "招聘 求职 加入我们 应聘",
    ),
    "warranty": _topic(
        "warranty, warranty claim, warranty policy, warranty registration, product registration, register product,"
        " repair service, repair status, product recall",
        "warranty repair guarantee recall",
        "claim policy registration information check status period service center product void info center list",
        "保修政策 保修期 保修 维修 售后服务 售后",
    ),
    "offers": _topic(
        "promo code, coupon code, discount code, promotion code, voucher code, student discount, senior discount,"
        " price match, price adjustment, price guarantee, military discount, coupon, rain check, weekly ad",
        "coupon discount promo",
        "code student senior military teacher employee first order policy digital load redeem expired work",
        "优惠码 优惠券码 折扣码 价格保护 保价 学生优惠",
    ),
    "legal": _topic(
        "privacy policy, privacy, term of service, term of use, term and condition, cookie policy, data protection,"
        " imprint, gdpr",
        "term",
        "policy condition service use statement notice my data",
        "隐私政策 隐私 用户协议 服务条款",
    ),
    "help": _topic(
        "help, faq, help center, help page, frequently asked question", "", "center page me", "帮助中心 帮助 常见问题"
    ),
}
TOPICS = tuple(_TOPICS)
"""Every page that a query may ask for; a shop says in its settings where each is."""

_SMALL = _stems(
    "how do does i can could may should my your our you me we us the a an what whats is are was where wheres when"
    " which who to of for on in at about please want need get make have has there any long much many will be it its"
    " this from with if would like and or by up out am im ive use it's that all ask check see view back after take"
    " took something anything does"
)
_SMALL_HAN = re.compile(
    r"(?:请问|怎么样?|如何|可以|可不可以|能不能|什么|时候|多久|多少|哪里|哪儿|在哪|是否|支持|申请|流程|政策|方式|时间"
    r"|查询|一下|查看|规则|条件|问题|电话|地址|需要|想要|钱|我们|你们|我|你|的|吗|呢|要|想|能|会|办|了|是|有|几|天|查"
    r"|问|找|去|在|给|吧|啊|怎|到|快递|商品|东西|线上|费用|费|\s|[?？!！,，。.])*"
)


@dataclass(frozen=True, slots=True)
class Page:
    """The ``topic`` (one of TOPICS) that the words ``said`` ask for."""

    topic: str
    said: str


def page(query: str, known: Container[str] = ()) -> Page | None:
    """The page that a normalised ``query`` asks for, if it asks for nothing else: every word is part of it or says
    nothing. A word that is not among the ``known`` terms of the shop may have one letter wrong.

    >>> page("how do i return an item"), page("return air duct"), page("怎么退货")
    (Page(topic='returns', said='return item'), None, Page(topic='returns', said='退货'))
    """
    if not query.isascii() and (found := _han_page(query)):
        return found
    tokens = query_tokens(query)
    words = [_spelled(token.term, known) for token in tokens]
    asked = [word for word in words if word not in _SMALL]
    said = " ".join(token.text for token, word in zip(tokens, words, strict=True) if word not in _SMALL)
    for name, topic in _TOPICS.items() if asked else ():
        sure = [phrase for phrase in topic.sure if _holds(words, phrase)]
        covered = topic.unsure | topic.with_ | {word for phrase in sure for word in phrase}
        if covered.issuperset(asked) and (sure or _is_said(topic, asked)):
            return Page(name, said)
    return None


def _is_said(topic: _Topic, asked: Sequence[str]) -> bool:
    """Whether an unsure word and another that goes with it are both there."""
    return any(word in topic.unsure and topic.with_.intersection(asked) - {word} for word in asked)


def _holds(words: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether the words of ``phrase`` come in this order, with nothing but small words between."""
    place = -1
    for wanted in phrase:
        following = range(place + 1, len(words))
        at = next((at for at in following if words[at] == wanted), -1)
        if at < 0 or (place >= 0 and not _SMALL.issuperset(words[place + 1 : at])):
            return False
        place = at
    return True


def _spelled(word: str, known: Container[str]) -> str:
    """``word``, or the word of a topic that is one letter from it."""
    if word in _WORDS or word in _SMALL or word in known or len(word) < _SHORTEST_MISSPELT:
        return word
    near = (other for other in sorted(_WORDS) if other[0] == word[0] and OSA.distance(other, word, score_cutoff=1) <= 1)
    return next(near, word)


def _han_page(query: str) -> Page | None:
    for name, topic in _TOPICS.items():
        said = next((phrase for phrase in topic.han if phrase in query), "")
        if said and _SMALL_HAN.fullmatch(query.replace(said, " ")):
            return Page(name, said)
    return None


_WORDS = frozenset(
    word
    for topic in _TOPICS.values()
    for words in (*topic.sure, topic.unsure, topic.with_)
    for word in words
    if len(word) >= _SHORTEST_MISSPELT
)
