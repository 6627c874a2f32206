"""Text in, index terms out: one reading of words for documents and queries, linear in the length of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from mercato.words.clean import MARKS, normalise
from mercato.words.stem import stem

QUERY_CHARACTERS = 512
QUERY_WORDS = 32
_LONGEST_TERM = 64
_LONGEST_REMEMBERED = 32
_MOST_PARTS = 6

_UNIT_WORDS = {
    "l": "liter liters litre litres ltr lt",
    "ml": "milliliter milliliters millilitre millilitres",
    "cl": "centiliter centiliters centilitre centilitres",
    "oz": "ounce ounces ozs",
    "fl": "fluid",
    "lb": "lbs pound pounds",
    "g": "gram grams gm gms gr",
    "kg": "kilo kilos kilogram kilograms kgs",
    "mg": "milligram milligrams",
    "gal": "gallon gallons",
    "pt": "pint pints",
    "qt": "quart quarts",
    "inch": "in ins inches",
    "ft": "foot feet",
    "yd": "yard yards yds",
    "mm": "millimeter millimeters millimetre millimetres",
    "cm": "centimeter centimeters centimetre centimetres",
    "m": "meter meters metre metres",
    "ct": "count cnt counts",
    "pk": "pack packs pck",
    "pc": "piece pieces pcs",
    "dz": "dozen doz",
    "w": "watt watts",
    "v": "volt volts",
    "mb": "megabyte megabytes",
    "gb": "gigabyte gigabytes",
    "tb": "terabyte terabytes",
    "percent": "pct",
}
_UNITS = {word: unit for unit, words in _UNIT_WORDS.items() for word in (unit, *words.split())}
_SIGNS = {'"': "inch", "'": "ft", "%": "percent"}

_HAN = "々〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff"
# Other scripts read by pairs of characters: kana, Hangul (as Lucene's CJK analyser), Thai, Lao, Khmer, Burmese.
_DENSE = "\u3041-ヿㇰ-ㇿ가-힣ก-๛ກ-ໟក-៿က-႟"
_PIECE = re.compile(
    r"(?P<number>(?:(?<![^\W_])\.)?[0-9]+(?:,[0-9]{3}(?![0-9]))*(?:\.[0-9]+|,[0-9]{1,2}(?![0-9]))?"
    r"(?:/(?:2|3|4|5|6|8|16|32|64)(?![0-9]))?)"
    r"""|(?P<mark>(?<=[0-9])(?:["%]|'(?![^\W\d_])))"""
    rf"|(?P<han>[{_HAN}]+)"
    rf"|(?P<dense>[{_DENSE}]+)"
    rf"|(?P<word>(?:[^\W\d_{_HAN}{_DENSE}]|[{MARKS}])+)"
)
_APOSTROPHE = re.compile(r"(?<=[^\W_])'(?=[^\W\d_])")
_ACRONYM = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.){2,}")
_TIMES = re.compile(r"""(?<=[0-9"'])\s?x\s?(?=[0-9])|\sx\s(?=[0-9])""")
_UNSPACED = {"han", "dense"}
_GROUPING = frozenset({"-", "_", "&", "+"})
UNITS = frozenset(_UNIT_WORDS)
"""The one spelling of every unit of measure, as a term."""


class Token(NamedTuple):
    """One word as read: ``term`` is what the index keeps, ``text`` what was written.

    ``joined``: the whole of a compound that this word is a part of ("wd-40" → wd, 40, each joined as "wd40"); ``also``:
    further terms a document with this word is found by.
    """

    term: str
    text: str
    joined: str = ""
    also: tuple[str, ...] = ()


class _Piece(NamedTuple):
    kind: str
    text: str
    gap: str


def analyse(text: str) -> list[Token]:
    """The words of ``text`` in order. A number and its unit are two words, the unit in one spelling; a compound gives
    its parts; a script without spaces gives characters or overlapping pairs of them.

    >>> [token.term for token in analyse("Kids' 2-Liter WD-40, 13\\" x 1/2 gallon")]
    ['kid', '2', 'l', 'wd', '40', '13', 'inch', '1/2', 'gal']
    """
    text = normalise(text)
    if "'" in text:
        text = _APOSTROPHE.sub("", text.replace("''", '"'))
    if "." in text:
        text = _ACRONYM.sub(lambda match: match[0].replace(".", ""), text)
    if "x" in text:
        text = _TIMES.sub(" ", text)
    read = [_remembered(chunk) if len(chunk) <= _LONGEST_REMEMBERED else _chunk(chunk) for chunk in text.split()]
    return _units([token for tokens in read for token in tokens])


def tokenise(text: str) -> list[str]:
    """Every term a document holding ``text`` is found by, repeats kept: words, compounds as a whole, units as written.

    >>> tokenise("WD-40 2 litre"), tokenise("绿茶")
    (['wd', '40', 'wd40', '2', 'l', 'litre'], ['绿', '绿茶', '茶'])
    """
    return [term for token in analyse(text) for term in (token.term, *token.also)]


def query_tokens(query: str) -> list[Token]:
    """The first QUERY_WORDS words of the first QUERY_CHARACTERS characters."""
    return analyse(query[:QUERY_CHARACTERS])[:QUERY_WORDS]


def _units(tokens: list[Token]) -> list[Token]:
    """Units that follow a number with a space between, in one spelling ("2 liter", "12 fluid ounces")."""
    after_number = False
    for place, token in enumerate(tokens):
        if after_number and token.text in _UNITS and not token.joined and not _is_between(tokens, place):
            tokens[place] = _unit(token.text)
            after_number = token.text in {"fl", "fluid"}
        else:
            after_number = _is_number(token.term)
    return tokens


def _is_between(tokens: list[Token], place: int) -> bool:
    """Whether this is the "in" of "3 in 1", which is no inch."""
    return tokens[place].text == "in" and place + 1 < len(tokens) and _is_number(tokens[place + 1].term)


def _is_number(term: str) -> bool:
    return term[0] in "0123456789" and term[-1] in "0123456789"


def _unit(text: str) -> Token:
    unit = _UNITS[text]
    written = stem(text)
    return Token(unit, text, also=(written,) if written != unit else ())


def _chunk(chunk: str) -> tuple[Token, ...]:
    """The words of a text without spaces; most are one plain word or number, and those take a short way."""
    if chunk.isascii() and (chunk.isalpha() or chunk.isdigit()):
        return (Token(_cut(stem(chunk)), chunk),)
    pieces: list[_Piece] = []
    end = 0
    for match in _PIECE.finditer(chunk):
        pieces.append(_Piece(match.lastgroup or "", match[0], chunk[end : match.start()] if pieces else " "))
        end = match.end()
    return tuple(token for group in _groups(pieces) for token in _read_group(group))


_remembered = lru_cache(maxsize=1 << 15)(_chunk)


def _groups(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces that are written as one: next to each other, or with a hyphen or ampersand between."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and ((piece.gap and piece.gap not in _GROUPING) or {piece.kind, group[-1].kind} & _UNSPACED):
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _read_group(group: list[_Piece]) -> list[Token]:
    if group[0].kind in _UNSPACED:
        return _characters(group[0].text) if group[0].kind == "han" else _pairs(group[0].text)
    if _is_quantity(group):
        return [_number(piece) if piece.kind == "number" else _measure(piece) for piece in group]
    parts = _fused([piece for piece in group if piece.kind != "mark"])
    tokens = [_number(part) if part.kind == "number" else Token(_cut(stem(part.text)), part.text) for part in parts]
    if not 1 < len(tokens) <= _MOST_PARTS:
        return tokens
    joined = _cut(stem("".join(part.text for part in parts)))
    tokens = [token._replace(joined=joined) for token in tokens]
    return [*tokens[:-1], tokens[-1]._replace(also=(joined,))]


def _is_quantity(group: list[_Piece]) -> bool:
    """Numbers each with a unit: "2l", "2-liter", "5lb8oz", "6'2\"", "100%"."""
    if len(group) % 2:
        return False
    kinds = [piece.kind if piece.kind != "word" or piece.text not in _UNITS else "mark" for piece in group]
    return kinds[0] == "number" and all({one, other} == {"number", "mark"} for one, other in pairwise(kinds))


def _measure(piece: _Piece) -> Token:
    return Token(_SIGNS[piece.text], piece.text) if piece.kind == "mark" else _unit(piece.text)


def _number(piece: _Piece) -> Token:
    """One spelling of a number: "1,000" → "1000", ".50" → "0.5", "2,5" → "2.5", "1/2" as it is."""
    text = re.sub(r",(?=[0-9]{3})", "", piece.text).replace(",", ".")
    if "." in text and "/" not in text:
        text = text.rstrip("0").rstrip(".")
    return Token(_cut(f"0{text}" if text.startswith(".") else text or "0"), piece.text)


def _fused(pieces: list[_Piece]) -> list[_Piece]:
    """Three or more runs of letters and digits without a hyphen are one part number: "b07xj8"."""
    runs: list[list[_Piece]] = []
    for piece in pieces:
        if runs and not piece.gap:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    long = [_Piece("word", "".join(piece.text for piece in run), run[0].gap) for run in runs]
    return [piece for run, whole in zip(runs, long, strict=True) for piece in (run if len(run) < 3 else [whole])]


def _cut(term: str) -> str:
    return term[:_LONGEST_TERM]


def _characters(run: str) -> list[Token]:
    """Chinese characters one by one, each also as a pair with the next: where words begin is not known, so a query
    asks for every character and the rarer pairs decide the order.
    """
    pairs = [one + other for one, other in pairwise(run)]
    return [*(Token(pair[0], pair[0], pair, (pair,)) for pair in pairs), Token(run[-1], run[-1])]


def _pairs(run: str) -> list[Token]:
    """Overlapping pairs of letters or syllables; a document is also found by each alone."""
    if len(run) == 1:
        return [Token(run, run)]
    tokens = [Token(one + other, one + other, also=(one,)) for one, other in pairwise(run)]
    return [*tokens[:-1], tokens[-1]._replace(also=(run[-2], run[-1]))]
