"""An English word in, its singular stem out."""

from __future__ import annotations

_IRREGULAR = {
    "children": "child", "feet": "foot", "geese": "goose", "halves": "half", "knives": "knife", "leaves": "leaf",
    "lens": "lens", "lenses": "lens", "loaves": "loaf", "men": "man", "mice": "mouse", "news": "news",
    "shelves": "shelf", "teeth": "tooth", "women": "woman", "buses": "bus", "gases": "gas",
}  # fmt: skip
_SILENT_E = ("xe", "che", "she", "sse", "zze", "oe")


def stem(word: str) -> str:
    """Plural and singular of an English word as one stem, other words unchanged: Harman's S stemmer (JASIS 42, 1991),
    extended so that -es after a sibilant or o (box, dish, tomato), and -y/-ie/-ies, meet.

    >>> [stem(word) for word in ("boxes", "cookies", "cookie", "berry", "glass", "swiss", "womens", "shoes")]
    ['box', 'cooki', 'cooki', 'berri', 'glass', 'swiss', 'woman', 'shoe']
    """
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
        if word in _IRREGULAR:  # "women's" is written womens
            return _IRREGULAR[word]
    if word.endswith(_SILENT_E) and len(word) > 3:
        return word if word.endswith("oe") and len(word) < 5 else word[:-1]
    if word.endswith("ie") and len(word) > 3:
        return word[:-1]
    return word[:-1] + "i" if word.endswith("y") and word[-2] not in "aeiou" else word
