"""A text in, the writing systems of its letters out."""

from __future__ import annotations

import re

_LETTERS = {
    "latin": "A-Za-zÀ-ʯḀ-ỿＡ-Ｚａ-ｚ",
    "han": "々〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff",
    "kana": "\u3041-ヿㇰ-ㇿｦ-ﾟ",
    "hangul": "ᄀ-ᇿ가-힣",
    "cyrillic": "Ѐ-ԯ",
    "greek": "Ͱ-Ͽἀ-῿",
    "hebrew": "א-ת",
    "arabic": "ء-ۿݐ-ݿ",
    "indic": "ऀ-෿",
    "thai": "ก-๛",
}
SCRIPTS = (*_LETTERS, "other")
"""Every name that ``scripts`` may give."""
_FOUND = {name: re.compile(f"[{letters}]") for name, letters in _LETTERS.items()}
_OTHER = re.compile(rf"[^\W\d_{''.join(_LETTERS.values())}]")


def scripts(text: str) -> frozenset[str]:
    """The scripts that ``text`` has letters of; "other" for those without a name here, none for digits and signs alone.

    >>> sorted(scripts("iPhone 手机壳 64")), scripts("2 + 2")
    (['han', 'latin'], frozenset())
    """
    if text.isascii():
        return frozenset({"latin"}) if any(map(str.isalpha, text)) else frozenset()
    found = {name for name, letter in _FOUND.items() if letter.search(text)}
    return frozenset(found | {"other"} if _OTHER.search(text) else found)
