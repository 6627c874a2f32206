"""A query in, what its words want left out: "without sugar", "no nuts or seeds", "不含酒精的"."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

from mercato.words import Token, query_tokens, stem
from mercato.words.absence import Absence, absences

Titled = Callable[[Sequence[Token]], bool]
"""Whether some product has all of these words in its title (understand.titles.Titles.hold)."""


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


_OFTEN_LEFT_OUT = _stems(
    "sugar sweetener salt sodium gluten wheat dairy lactose milk egg nut peanut almond soy fish shellfish pork beef"
    " meat alcohol caffeine fat oil msg yeast corn onion garlic preservative additive coloring fragrance perfume scent"
    " paraben sulfate silicone aluminum fluoride bpa latex plastic fructose carb"
)
_AND = re.compile(r"\s(?:and|or|nor)\s(?P<thing>[a-z]{3,})(?![^\W_])")
_NEXT = re.compile(r"[\s-](?P<thing>[a-z]{3,})(?![^\W_])")


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Characters ``start``..``end`` ask for products without ``terms`` (a product has it when it holds all of them).

    ``firm``: the others are to be left out. If not, it is how products describe themselves ("sugar free"): the words
    stay to be matched, and what says the same in other words is as good.
    """

    terms: tuple[str, ...]
    start: int
    end: int
    firm: bool


class Exclusions:
    """Reads exclusions against what the shop has: ``known`` are the terms of its index, ``lacking`` those that products
    say they are free of (retrieve.without.WithoutIndex). What no product holds is no exclusion, and "no" before
    anything but food, allergens and what products are free of is part of a name."""

    def __init__(self, known: Container[str], lacking: Container[str], titled: Titled) -> None:
        self._known, self._lacking, self._titled = known, lacking, titled

    def read(self, text: str) -> list[Unwanted]:
        """Every exclusion of a normalised query, in order."""
        return [found for absence in absences(text) for found in self._meant(text, absence)]

    def _meant(self, text: str, absence: Absence) -> Iterator[Unwanted]:
        terms, start, end = absence.terms, absence.start, absence.end
        lacked = all(term in self._lacking for term in terms)
        if absence.wording == "free" and lacked:
            yield Unwanted(terms, start, end, firm=False)
        if absence.wording == "free" or not (lacked or self._is_unwanted(text, absence)):
            return
        if text.isascii():
            terms, end = self._compound(text, terms, end)
        yield Unwanted(terms, start, end, firm=True)
        while (further := _AND.match(text, end)) and self._likely(term := stem(further["thing"])):
            yield Unwanted((term,), end, further.end(), firm=True)
            end = further.end()

    def _is_unwanted(self, text: str, absence: Absence) -> bool:
        """Whether what no product says it is free of is to be left out all the same, and is part of no name."""
        if not all(term in self._known for term in absence.terms):
            return False
        if absence.wording == "no" and not _OFTEN_LEFT_OUT.issuperset(absence.terms):
            return False
        said = text[absence.start : absence.end]
        return not self._titled(query_tokens(text)) and not self._titled(query_tokens(said))

    def _likely(self, term: str) -> bool:
        """Whether ``term`` after "and" or "or" is left out too, and not the next thing wanted."""
        return term in self._known and (term in self._lacking or term in _OFTEN_LEFT_OUT)

    def _compound(self, text: str, terms: tuple[str, ...], end: int) -> tuple[tuple[str, ...], int]:
        """With the next word where the last of the query makes one thing of the two ("without peanut butter")."""
        following = _NEXT.match(text, end)
        if following is None or following.end() != len(text) or terms[-1] in self._lacking:
            return terms, end
        both = (*terms, stem(following["thing"]))
        one_thing = both[-1] in self._known and self._titled([Token(term, term) for term in both])
        return (both, following.end()) if one_thing else (terms, end)
