"""A retailer's package size in ("6 PK/12 OZ"), a size to show out ("6 pk/12 oz"); nothing where it is a mere code."""

from __future__ import annotations

import re

_UNITS = {
    "OZ": "oz", "FL": "fl", "LB": "lb", "LBS": "lb", "CT": "ct", "ML": "ml", "L": "L", "LT": "L", "GAL": "gal",
    "QT": "qt", "PT": "pt", "PK": "pk", "IN": "in", "FT": "ft", "SQ": "sq", "YD": "yd", "G": "g", "GM": "g", "GR": "g",
    "KG": "kg", "MG": "mg", "CM": "cm", "MM": "mm", "PC": "pc", "DZ": "dozen", "DOZ": "dozen", "CUP": "cups",
    "ROLL": "rolls", "ROLLS": "rolls", "LOAD": "loads", "LOADS": "loads", "LD": "loads", "LDS": "loads",
    "STEM": "stems", "SHEET": "sheets", "SHEETS": "sheets", "PLY": "ply", "X": "x", "CU": "cu", "USE": "uses",
    "USES": "uses",
}  # fmt: skip
_NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[ -]\d+/\d+|/\d+)?"
_WORD = re.compile(rf"{_NUMBER}|[A-Z]+|[-/]")
_SHAPE = re.compile(r"(?=.*\d)(?=.*[A-Z])[\dA-Z ./-]+")
_LONGEST_NUMBER = 5  # longer ones are the supplier's article numbers


def readable_size(text: str) -> str:
    """The size in common units; "" when any word of it is not a number or a known unit.

    >>> readable_size("2 L"), readable_size("6 PK/12 OZ"), readable_size("523467 CTN"), readable_size(".5  L")
    ('2 L', '6 pk/12 oz', '', '0.5 L')
    """
    text = re.sub(r"\(\d+\)$", "", text.upper()).strip().rstrip(" .")
    if not _SHAPE.fullmatch(text):
        return ""
    words = []
    for word in _WORD.findall(text):
        if word[0].isalpha() and word not in _UNITS:
            return ""
        if word[0].isdigit() and len(word.split("/")[0]) > _LONGEST_NUMBER:
            return ""
        words.append(_UNITS.get(word, f"0{word}" if word[0] == "." else word))
    return re.sub(r" ?([/-]) ?", r"\1", " ".join(words))
