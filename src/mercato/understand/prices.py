"""A query in, the price bounds that its words set out: "under $50", "5-10 dollars", "between 5 and 10", "50元以下"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from mercato.words import UNITS, query_tokens

_DOLLAR = ("us$", "$"), ("dollars", "dollar", "bucks", "buck")
_MONEY: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD"), _DOLLAR),
    "EUR": (("€",), ("euros", "euro")),
    "GBP": (("£",), ("quid",)),
    "CNY": (("¥",), ("yuan", "rmb", "人民币")),
    "JPY": (("¥",), ("yen", "円")),
    "INR": (("₹",), ("rupees", "rupee")),
    "KRW": (("₩",), ("won",)),
}
"""Currency → its signs and its words. Pounds are left out: they weigh."""
_ANY_MONEY = ("块钱", "元", "块")
"""Chinese for a unit of whatever the shop counts in."""

_FOREIGN = frozenset(word for _, words in _MONEY.values() for word in words) | {code.lower() for code in _MONEY}


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COUNTED = _listed(
    "people person persons player players year years yr yrs yo month months mo week weeks day days hour hours hr hrs"
    " minute minutes min mins second seconds sec secs calorie calories cal kcal carb carbs degree degrees mph rpm hz"
    " khz mhz ghz megapixel megapixels mp channel channels ch speed speeds bit dpi ppi lumen lumens amp amps mah wh"
    " btu sheet sheets roll rolls load loads serving servings disc discs dvd star stars review reviews page pages"
    " episode episodes item items percent off st nd rd th k kb gbps mbps ply stage season seasons size d x"
)
"""What else a number counts, besides units of measure."""
_COUNTED_HAN = frozenset("岁个只件瓶包斤克公千毫升寸英厘米码号人天小分年月日度瓦伏支片盒箱袋双条台楼层位杯张颗粒倍折")
_SIZES_HAN = tuple("宽高长厚深径重温龄")
_AGED = _listed(
    "age ages aged man men woman women adult adults kid kids boy boys girl girls child children baby babies toddler"
    " toddlers infant infants teen teens senior seniors people person player players dog dogs cat cats puppy puppies"
    " mens womens"
)
"""Beside these, "over 50" tells years."""

_NUMBER = r"(?<![a-z0-9])(?:(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?:[.,][0-9]{1,2})?|\.[0-9]{1,2})(?![0-9])"
_NUMERAL = r"[一二两三四五六七八九十百千万]+"
_NAMED = (
    r"(?:(?:for|with)\s)?(?:a\s)?(?P<named>price[sd]?|costs?|costing|budget|价格|价位|单价|售价|预算)"
    r"(?:\s(?:is|of|at|range))?[\s:]?在?\s?"
)
_FURTHER = re.compile(r"(?:but\s|and\s)?(?:under|below|over|above|less\sthan|more\sthan|cheaper\sthan)\s")
_EACH = re.compile(r"\s?(?:/|per\s|an?\s)\s?(?P<unit>[a-z]+)")
_BEFORE = rf"(?<!\w)(?:(?:{_NAMED})|(?:(?:that|for|at)\s){{0,2}})"


@dataclass(frozen=True, slots=True)
class Bound:
    """``low`` to ``high`` in major units, None where open, read from characters ``start``..``end``.

    ``said``: whether a sign, a currency or the word price makes it sure that money is meant.
    """

    start: int
    end: int
    low: float | None
    high: float | None
    said: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    """A way to write a bound. ``needs``: what must be there for a bare number to be money: "nothing" (any word may
    follow that is not counted), "end" (nothing may follow), "money" (never without it)."""

    pattern: re.Pattern[str]
    low: int
    high: int
    needs: str


class Prices:
    """Reads bounds on the price in the shop's ``currency`` (ISO 4217). A number with a unit is never a price, nor is
    one in another currency, nor one that may be an age ("women over 50")."""

    def __init__(self, currency: str = "USD") -> None:
        signs, words = _MONEY.get(currency, ((), ()))
        self._signs = "|".join(map(re.escape, signs)) or r"(?!)"
        cents = (r"cents?", "¢") if words else ()
        listed = sorted((currency.lower(), *words), key=len, reverse=True)
        latin = "|".join((*(word for word in listed if word.isascii()), *cents))
        own = [word for word in listed if not word.isascii()]
        self._words = "|".join([rf"(?:{latin})(?![a-z])", *own, *_ANY_MONEY, self._signs])
        self._shapes = tuple(self._all())

    def _amount(self, n: int) -> str:
        """One sum of money, its groups numbered ``n``."""
        return (
            rf"(?:(?P<sign{n}>{self._signs})\s?)?"
            rf"(?:(?P<number{n}>{_NUMBER})(?P<scale{n}>[k千万])?|(?P<numeral{n}>{_NUMERAL})(?=元|块))"
            rf"(?:\s?(?P<word{n}>{self._words}))?"
        )

    def _all(self) -> Iterator[_Shape]:
        one, two = self._amount(1), self._amount(2)
        for pattern, low, high, needs in (
            (rf"{_BEFORE}between\s{one}\s?(?:and|to|-|&)\s?{two}", 1, 2, "end"),
            (rf"{_BEFORE}(?:from\s)?{one}\s?(?:-|~|to)\s?{two}", 1, 2, "money"),
            (rf"(?:{_NAMED})?(?:在|介于)?{one}\s?(?:到|至|-|~|和|与)\s?{two}之间", 1, 2, "nothing"),
            (rf"(?:{_NAMED})?(?:在|介于)?{one}\s?(?:到|至|-|~)\s?{two}(?:以内)?", 1, 2, "money"),
            (rf"{_BEFORE}(?:under|below|(?:less|cheaper|lower)\sthan|<=?(?!3(?![0-9.])))\s?{one}", 0, 1, "nothing"),
            (rf"{_BEFORE}(?:up\sto|at\smost|(?:no|not)\smore\sthan|not\sover)\s?{one}", 0, 1, "end"),
            (rf"{_BEFORE}max(?:imum)?\.?\s(?:(?P<said>price)\s)?(?:of\s)?{one}", 0, 1, "end"),
            (rf"{_BEFORE}within\s{one}", 0, 1, "money"),
            (rf"(?<!\w){one}\s(?:or|and)\s(?:less|under|below|cheaper)(?!\w)", 0, 1, "money"),
            (rf"(?<!\w){one}\s?max(?:imum)?(?!\w)", 0, 1, "money"),
            (rf"(?:{_NAMED})?{one}(?:以下|以内|之内|之下)", 0, 1, "nothing"),
            (rf"(?:{_NAMED})?(?:(?<!不)(?:低于|少于)|不超过|小于|不到|最多|不高于|便宜于)\s?{one}", 0, 1, "end"),
            (rf"{_BEFORE}(?:over|above|(?:more|higher)\sthan|at\sleast|>=?)\s?{one}", 1, 0, "end"),
            (rf"{_BEFORE}min(?:imum)?\.?\s(?:(?P<said>price)\s)?(?:of\s)?{one}", 1, 0, "end"),
            (rf"{_BEFORE}(?:from|starting\s(?:at|from))\s{one}", 1, 0, "money"),
            (rf"(?<!\w){one}\s?(?:\+|(?:or|and)\s(?:more|up|above|over)(?!\w))", 1, 0, "money"),
            (rf"(?:{_NAMED})?{one}以上", 1, 0, "nothing"),
            (rf"(?:{_NAMED})?(?:(?<!不)(?:高于|超过|多于)|大于|不低于|至少|不少于|最低)\s?{one}", 1, 0, "end"),
        ):
            yield _Shape(re.compile(pattern), low, high, needs)

    def read(self, text: str) -> list[Bound]:
        """Every bound in a normalised query, in order; where two readings overlap, the first listed above wins."""
        found: list[Bound] = []
        for shape in self._shapes if any(map(str.isdigit, text)) or "元" in text or "块" in text else ():
            for match in shape.pattern.finditer(text):
                taken = any(match.start() < other.end and other.start < match.end() for other in found)
                if not taken and (bound := self._bound(shape, match)):
                    found.append(bound)
        return sorted(found, key=lambda bound: bound.start)

    def _bound(self, shape: _Shape, match: re.Match[str]) -> Bound | None:
        groups = match.groupdict()
        numbers = [n for n in (shape.low, shape.high) if n]
        signs = (groups[f"{name}{n}"] for name in ("sign", "word") for n in numbers)
        said = bool(groups.get("named") or groups.get("said")) or any(signs)
        if _by_unit(match) or not (_closed(match) if said else _is_money(shape.needs, match)):
            return None
        values = [_value(groups, n) if n else None for n in (shape.low, shape.high)]
        low, high = sorted(values) if None not in values else values  # type: ignore[type-var]
        return Bound(match.start(), match.end(), low, high, said)


def _value(groups: Mapping[str, str | None], n: int) -> float:
    if numeral := groups[f"numeral{n}"]:
        return float(_chinese(numeral))
    written = groups[f"number{n}"] or ""
    whole = re.sub(r",(?=[0-9]{3})", "", written).replace(",", ".")
    scale = {"k": 1e3, "千": 1e3, "万": 1e4}.get(groups[f"scale{n}"] or "", 1.0)
    cents = (groups[f"word{n}"] or "").startswith(("cent", "¢"))
    return float(whole) * scale / (100 if cents else 1)


def _chinese(numeral: str) -> int:
    """A Chinese numeral below a hundred million; a bare 百 is 100.

    >>> _chinese("一百二十"), _chinese("千"), _chinese("三万五千")
    (120, 1000, 35000)
    """
    total = digit = 0
    for character in numeral:
        if character in "一二两三四五六七八九":
            digit = {"两": 2}.get(character) or "一二三四五六七八九".index(character) + 1
        elif character == "万":
            total, digit = (total + digit or 1) * 10_000, 0
        else:
            total, digit = total + (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character], 0
    return total + digit


def _closed(match: re.Match[str]) -> bool:
    """Whether the match ends where a word or number may end."""
    after = match.string[match.end() :]
    return not re.match(r"[0-9]|[.,/:][0-9]|[a-z]", after) or not match[0][-1].isascii()


def _by_unit(match: re.Match[str]) -> bool:
    """Whether the price is that of a unit ("a lb", "per oz", "/kg"): the catalogue knows prices of products alone."""
    each = _EACH.match(match.string, match.end())
    return each is not None and _counts(each["unit"])


def _is_money(needs: str, match: re.Match[str]) -> bool:
    """Whether numbers without any sign of money are money all the same."""
    if needs == "money" or any(match.groupdict().get(f"scale{n}") == "k" for n in (1, 2)):
        return False
    after = match.string[match.end() :]
    if match.string[: match.start()].endswith(_SIZES_HAN):
        return False
    if not _AGED.isdisjoint(re.findall(r"[a-z]+", match.string)):
        return False
    if re.match(r"[a-z0-9%\"'/:+#°-]|[.,][0-9]|\s?[$€£¥₹₩¢]", after) or after.lstrip()[:1] in _COUNTED_HAN:
        return False
    rest = after.strip(" ,.!?的")
    if needs == "end" and rest and rest[0].isascii() and not _FURTHER.match(rest):
        return False
    following = re.match(r"\s?([a-z]+)", after)
    return following is None or not _counts(following[1])


@lru_cache(maxsize=1024)
def _counts(word: str) -> bool:
    """Whether ``word`` after a number is a unit or says what is counted."""
    read = query_tokens(f"1 {word}")
    return word in _COUNTED or word in _FOREIGN or len(read) < 2 or read[1].term in UNITS
