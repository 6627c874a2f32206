"""An English word in, its singular stem out."""

from __future__ import annotations

_IRREGULAR = {
    "children": "child", "feet": "foot", "geese": "goose", "halves": "half", "knives": "knife", "leaves": "leaf",
    "lens": "lens", "lenses": "lens", "loaves": "loaf", "men": "man", "mice": "mouse", "news": "news",
    "shelves": "shelf", "teeth": "tooth", "women": "woman", "buses": "bus", "gases": "gas",
}  # fmt: skip


def stem(word: str) -> str:
    """Plural and singular of an English word as one stem, other words unchanged: Harman's S stemmer (JASIS 42, 1991),
    extended so that -es after a sibilant, -oes, and -y/-ie/-ies meet.

    >>> [stem(word) for word in ("boxes", "cookies", "cookie", "berry", "glass", "swiss", "gas", "shoes")]
    ['box', 'cooki', 'cooki', 'berri', 'glass', 'swiss', 'gas', 'shoe']
    """
    if len(word) < 3 or not word.isascii() or not word.isalpha():
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _one_ending(_singular(word)) if len(word) > 3 else _one_ending(word)


def _singular(word: str) -> str:
    if not word.endswith("s") or word.endswith(("ss", "us")):
        return word
    if word.endswith(("xes", "ches", "shes", "sses", "zzes")):
        return word[:-2]
    if word.endswith("oes") and len(word) > 6 and not word.endswith("shoes"):
        return word[:-2]
    return word[:-1]


def _one_ending(word: str) -> str:
    if word.endswith(("che", "xe")) and len(word) > 3:
        return word[:-1]  # "headaches" lost its e above
    if word.endswith("ie") and len(word) > 3:
        return word[:-1]
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "i"
    return word
