"""Text in, the same text in one spelling out: case, accents, widths, digits and quotation marks folded."""

from __future__ import annotations

import unicodedata

TEXT_CHARACTERS = 16_384
"""A longer text is cut here: Python's NFKD is quadratic in a run of combining marks."""

_FOLDED_MARKS = ((0x300, 0x370), (0x591, 0x5C8), (0x610, 0x61B), (0x64B, 0x660), (0x670, 0x671), (0xFE00, 0xFE10))
"""Accents (Latin, Greek, Cyrillic), Hebrew points, Arabic vowel signs. Marks of other scripts are letters of a word."""
_SPELLED = {
    "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "′": "'", "´": "'", "`": "'", "“": '"', "”": '"', "„": '"', "″": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "⁄": "/", "×": "x",
    "™": " ", "®": " ", "©": " ", "℠": " ", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ı": "i",
    "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ـ": "", "\u3000": " ", "\x85": " ", "\u2028": " ", "\u2029": " ",
    **{vulgar: f" {unicodedata.normalize('NFKC', vulgar)} " for vulgar in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"},
}  # fmt: skip


def _characters() -> tuple[dict[int, str | None], dict[int, str], str]:
    """What to drop or spell otherwise (controls, zero-width, bidirectional, surrogates, accents), every script's
    digits as ASCII, and the marks that are part of a word.
    """
    cleaning: dict[int, str | None] = {}
    digits: dict[int, str] = {}
    marks: list[str] = []
    for code in (*range(0x10000), *range(0xE0000, 0xE01F0)):
        character = chr(code)
        category = unicodedata.category(character)
        if category in {"Cc", "Cf", "Cs"} and not character.isspace():
            cleaning[code] = None
        elif category == "Nd":
            digits[code] = str(unicodedata.digit(character))
        elif category in {"Mn", "Mc"}:
            marks.append(character)
    cleaning |= {code: None for low, high in _FOLDED_MARKS for code in range(low, high)}
    return cleaning | {ord(character): spelled for character, spelled in _SPELLED.items()}, digits, "".join(marks)


_CLEANING, _DIGITS, MARKS = _characters()


def normalise(text: str) -> str:
    """NFKC, case and accents folded, controls, zero-width and bidirectional characters removed, spaces single.

    Text beyond TEXT_CHARACTERS is cut. Idempotent on its own output; never raises, lone surrogates included.

    >>> normalise("  Crème\\u200b BRÛLÉE ½ ")
    'creme brulee 1/2'
    """
    text = text[:TEXT_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_CLEANING)).translate(_CLEANING).casefold()
        text = unicodedata.normalize("NFKD", text).translate(_CLEANING)
        text = unicodedata.normalize("NFKC", text).translate(_DIGITS)
    elif not text.isprintable():
        text = text.translate(_CLEANING)
    return " ".join(text.lower().replace("`", "'").split())
