"""Words in, whether one product has them all in its title out: what may be a name is not read as anything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mercato.catalog import Catalog
from mercato.schema import Mask, Rows, Scores, Word
from mercato.words import Token, analyse, tokenise

Match = Callable[[Sequence[Word], Mask], tuple[Rows, Scores]]
"""Allowed rows that match all words, with scores (retrieve.lexical.LexicalIndex.match)."""

_MOST = 20
_DIVIDED = re.compile(r"\s[-–—·|/]\s|[:()\[\]]")
_SMALL_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])


class Titles:
    """The titles of one catalogue, reached through its lexical index, which weighs them most: so the best twenty
    matches of all words are looked at, and no second index of titles is kept."""

    def __init__(self, catalog: Catalog, match: Match) -> None:
        self._catalog, self._match = catalog, match

    def hold(self, tokens: Sequence[Token], *, every: bool = False) -> bool:
        """Whether some product has every word of ``tokens`` in its title; small words ("the", "to") count only where
        there are no others, or with ``every``."""
        return self.holding(tokens, every=every) > 0

    def holding(self, tokens: Sequence[Token], *, every: bool = False) -> int:
        """How many products, of the twenty that match best, have them all in the title."""
        wanted = _wanted(tokens, every)
        return sum(wanted.issubset(tokenise(title)) for title in self._best(wanted))

    def named(self, tokens: Sequence[Token]) -> int:
        """How many products, of those that match best, are called ``tokens``: the title up to its first dash, bracket
        or colon has these words and no others."""
        wanted = _wanted(tokens, every=False)
        heads = (_DIVIDED.split(title, maxsplit=1)[0] for title in self._best(wanted))
        return sum(_wanted(analyse(head), every=False) == wanted for head in heads)

    def _best(self, wanted: frozenset[str]) -> Iterator[str]:
        """Titles of the products that match all of ``wanted`` best."""
        if not wanted:
            return iter(())
        rows, scores = self._match([Word(term, ((term, 1.0),)) for term in sorted(wanted)], self._catalog.sellable)
        best = rows[np.lexsort((rows, -scores))[:_MOST]]
        return (self._catalog.product(row).title for row in best.tolist())


def _wanted(tokens: Sequence[Token], every: bool) -> frozenset[str]:
    asked = tokens if every else [token for token in tokens if token.term not in _SMALL_WORDS] or tokens
    return frozenset(map(_telling, asked))


def _telling(token: Token) -> str:
    """The term to look for: of a Chinese character the pair with the next one, for characters alone are everywhere."""
    return token.joined if len(token.text) == 1 and not token.text.isascii() and token.joined else token.term
