"""A text in, what it says is left out of a thing out: "sugar-free", "no added sugar", "without nuts", "不含酒精"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from mercato.words.stem import stem
from mercato.words.tokens import tokenise

Wording = Literal["without", "no", "free"]


class Absence(NamedTuple):
    """Characters ``start``..``end`` of a normalised text say that what is called ``terms`` (index terms, all of them)
    is left out. ``wording``: "without" can mean nothing else; "no" may be a name ("No Doubt"); "free" is how products
    describe themselves."""

    wording: Wording
    terms: tuple[str, ...]
    start: int
    end: int


_WORDED = re.compile(
    r"(?<![^\W_])(?:(?P<without>without|w/o|not containing|free (?:of|from))"
    r"|(?P<no>no|zero|non|0(?:\s?g|\s?%)?(?: of)?))"
    r"[\s-](?:(?:any|added|extra|the|an?)[\s-]){0,3}(?P<thing>[a-z]{3,})(?![^\W_])(?: added(?![^\W_]))?"
    r"|(?<![^\W_])(?P<freed>[a-z]{3,})[\s-]free(?![^\W_])(?! (?:of|from)(?![^\W_]))"
)
_LEFT_OUT = (  # the longer before what they begin with
    "蔗糖 乳糖 糖 酒精 咖啡因 香精 香料 防腐剂 添加剂 色素 麸质 坚果 花生 牛奶 奶 盐 味精 反式脂肪 脂肪 脂 油"
    " 硅油 硅 激素 荧光剂 甲醛 氟 铅 磷 皂基 胶"
)
"""What Chinese shops say is left out. A list, for where a Chinese word ends is not written: 无糖 has no sugar, but
无线 is a word of its own (wireless)."""
_HAN = re.compile(
    rf"(?:(?P<without>不含有?|不要|不加|不带|没有|未添加|不添加)任?何?|(?<![\d.一二三四五六七八九十百千])(?P<free>无添?加?|零|0))"
    rf"(?P<thing>{_LEFT_OUT.replace(' ', '|')})"
)
_NEVER = frozenset(["one", "two", "free", "more", "less", "other", "than", "was", "has", "that", "this", "its", "you"])


def absences(text: str) -> Iterator[Absence]:
    """Every absence that a normalised text tells of, in order within each script.

    >>> [(found.wording, found.terms) for found in absences("sugar-free gum without nuts, 无糖")]
    [('free', ('sugar',)), ('without', ('nut',)), ('free', ('糖',))]
    """
    for match in _WORDED.finditer(text) if "free" in text or " " in text or "-" in text else ():
        wording: Wording = "without" if match["without"] else "no" if match["no"] else "free"
        thing = match["thing"] or match["freed"]
        if thing not in _NEVER:
            yield Absence(wording, (stem(thing),), match.start(), match.end())
    for match in _HAN.finditer(text) if not text.isascii() else ():
        terms = [term for term in tokenise(match["thing"]) if len(match["thing"]) == 1 or len(term) > 1]
        yield Absence("without" if match["without"] else "free", tuple(terms), match.start(), match.end())
