"""A query in, what kind it is and why out: exact, a kind of product, a feature, a use, no product at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from mercato.understand import cues
from mercato.understand.conditions import Asked
from mercato.understand.names import Names
from mercato.understand.pages import Page, page
from mercato.understand.spans import normalised
from mercato.understand.titles import Titles
from mercato.words import UNITS, Token, Vocabulary, query_tokens, stem

IntentKind = Literal[
    "exact",
    "product-type",
    "feature",
    "use-case",
    "compatibility",
    "abbreviation",
    "subjective",
    "symptom",
    "implicit",
    "non-product",
]
INTENTS: tuple[str, ...] = get_args(IntentKind)
"""Baymard Institute's query types (E-commerce search UX, 2014 and later), what is meant without being said last."""


_NAMESAKES = 10
"""A query is a title where the rarest of its words is in no more than this many products to each one called so."""
_FEW = 5


@dataclass(frozen=True, slots=True)
class Intent:
    """The ``kind`` of a query and the ``reason`` in words. ``topic`` names the page that a "non-product" query asks for
    (understand.pages.TOPICS), "" for all others."""

    kind: IntentKind
    reason: str
    topic: str = ""


@dataclass(frozen=True)
class _Read:
    """A query as every rule sees it: its text, words, and terms."""

    asked: Asked
    tokens: Sequence[Token]

    @property
    def text(self) -> str:
        return self.asked.query

    @property
    def terms(self) -> list[str]:
        return [token.term for token in self.tokens]


class Intents:
    """Decides by rules, the surest first, on what the shop itself has: its titles, names and numbers.

    ``numbered`` says how a number in a query is written if it names a product ("" if there is none:
    retrieve.numbers.NumberIndex). What may be the title of a product is never taken for a question about the shop.
    """

    def __init__(
        self, vocabulary: Vocabulary, names: Names, titles: Titles, numbered: Callable[[str], str] = lambda _: ""
    ) -> None:
        self._vocabulary, self._names, self._titles, self._numbered = vocabulary, names, titles, numbered

    def classify(self, asked: Asked) -> Intent:
        """The kind of a query that understand.conditions.Conditions has read."""
        read = _Read(asked, query_tokens(asked.query))
        rules = (
            self._page, self._number, self._symptom, self._fits, self._title, self._use, self._subjective, self._short,
            self._feature, self._type,
        )  # fmt: skip
        unsaid = Intent("implicit", "the shop does not have all of these words")
        return next((found for rule in rules if (found := rule(read))), unsaid)

    def page(self, query: str) -> Page | None:
        """The page of the shop that ``query`` asks for; None where a product has all of its words in the title."""
        found = page(normalised(query), self._vocabulary)
        return None if found is None or self._titles.hold(query_tokens(query), every=True) else found

    def _page(self, read: _Read) -> Intent | None:
        found = self.page(read.text)
        if found is None:
            return None
        return Intent("non-product", f"“{found.said}” is about {found.topic}, no product is called so", found.topic)

    def _number(self, read: _Read) -> Intent | None:
        number = self._numbered(read.text)
        return Intent("exact", f"“{number}” is the number of a product") if number else None

    def _fits(self, read: _Read) -> Intent | None:
        """Asked is what goes with a thing: "charger for iphone 4", "iphone 4 charger", "iphone 4 手机壳"."""
        if match := cues.FITS.search(read.text):
            target = query_tokens(match["target"])
            if (thing := self._thing(target)) and not _people(target):
                return Intent("compatibility", f"what fits “{thing}” is asked for")
        accessory = next((token.text for token in read.tokens[1:] if stem(token.text) in cues.ACCESSORIES), "")
        han = cues.ACCESSORIES_HAN.search(read.text) or cues.FITS_HAN.search(read.text)
        if (accessory or han) and not self._is_name(read) and (thing := self._device(read)):
            return Intent("compatibility", f"“{accessory or (han[0] if han else '')}” goes with “{thing}”")
        return None

    def _thing(self, target: Sequence[Token]) -> str:
        """The device, brand or model that a target begins with, as written; "" where it is something else."""
        words = [token.text for token in target[:3]]
        for token in target[:3]:
            known = stem(token.text) in cues.DEVICES or _is_model(token)
            if known or self._names.names([token.term], ("brand",)):
                return " ".join(words)
        return ""

    def _device(self, read: _Read) -> str:
        models = (token.text for token in read.tokens if stem(token.text) in cues.DEVICES or _is_model(token))
        return next(models, "")

    def _symptom(self, read: _Read) -> Intent | None:
        match = cues.SYMPTOMS.search(read.text) or cues.SYMPTOMS_HAN.search(read.text)
        if match is None or self._titles.named(read.tokens):
            return None
        return Intent("symptom", f"“{match[0]}” is a trouble, not a product")

    def _title(self, read: _Read) -> Intent | None:
        if self._is_name(read) or not read.tokens:
            return None
        named = self._titles.named(read.tokens)
        rarest = min(self._vocabulary.frequency(term) for term in read.terms)
        if named and _NAMESAKES * named >= rarest:
            return Intent("exact", f"{named} product{'s are' if named > 1 else ' is'} called so")
        following = (*read.terms[1:], "")
        model = next(
            (token.text for token, after in zip(read.tokens, following, strict=True) if _counts(token, after)), ""
        )
        if model and len(read.tokens) > 1 and 0 < self._titles.holding(read.tokens) <= _FEW:
            return Intent("exact", f"few products have “{model}” and the other words in the title")
        return None

    def _is_name(self, read: _Read) -> bool:
        return self._names.names(read.terms, ("categories", "brand"))

    def _use(self, read: _Read) -> Intent | None:
        occasion = next((token.text for token in read.tokens if stem(token.text) in cues.OCCASIONS | cues.PEOPLE), "")
        han = cues.OCCASIONS_HAN.search(read.text)
        said = occasion or (han[0] if han else "")
        if not said or self._is_name(read):
            return None
        return Intent("use-case", f"“{said}” says what or whom it is for")

    def _subjective(self, read: _Read) -> Intent | None:
        opinion = next((token.text for token in read.tokens if stem(token.text) in cues.SUBJECTIVE), "")
        han = cues.SUBJECTIVE_HAN.search(read.text)
        said = opinion or (han[0] if han else "")
        if not said or self._is_name(read):
            return None
        return Intent("subjective", f"“{said}” is in the eye of the shopper")

    def _short(self, read: _Read) -> Intent | None:
        if sign := cues.SIGNS.search(read.text):
            return Intent("abbreviation", f"“{sign[0].strip()}” is written with a sign")
        before = ("", *read.terms)
        short = (token.text for token, last in zip(read.tokens, before, strict=False) if _is_short(token, last))
        said = next(short, "")
        return Intent("abbreviation", f"“{said}” is short for something") if said else None

    def _feature(self, read: _Read) -> Intent | None:
        for condition in read.asked.conditions:
            if condition.kind not in {"brand", "category"} and condition.text != read.text:
                return Intent("feature", f"“{condition.text}” narrows what is asked for")
        measure = next((token.text for token in read.tokens if token.term in UNITS), "")
        if measure:
            return Intent("feature", f"“{measure}” is a measure")
        if len(read.tokens) > 1 and not self._is_name(read) and self._all_known(read):
            return Intent("feature", "several words, each of which narrows")
        return None

    def _type(self, read: _Read) -> Intent | None:
        if self._is_name(read):
            return Intent("product-type", "the shop has a category or brand of this name")
        return Intent("product-type", "products are described so") if read.tokens and self._all_known(read) else None

    def _all_known(self, read: _Read) -> bool:
        return all(term in self._vocabulary for term in read.terms)


def _counts(token: Token, after: str) -> bool:
    """Whether a word is a number that measures nothing."""
    return token.term.isdigit() and after not in UNITS


def _is_model(token: Token) -> bool:
    """Whether a word is a model: letters and digits in one."""
    text = token.joined or token.text
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _is_short(token: Token, before: str) -> bool:
    """Whether a word is an abbreviation; a unit's only after a number."""
    return token.text in (cues.MEASURES if before[:1].isdigit() else cues.ABBREVIATIONS)


def _people(target: Sequence[Token]) -> bool:
    return bool(target) and stem(target[0].text) in cues.PEOPLE | cues.OCCASIONS
