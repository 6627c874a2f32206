"""An item's largest signals in, the sentence the shopper sees out; every claim names the data it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from mercato.catalog import Catalog
from mercato.schema import GRADES, Product, Request

Source = Callable[[Request, int], int | None]
"""Which earlier product a signal came from (ports.Tracer.source)."""

_SENTENCES = {
    "lane:next": "Often bought with {source}",
    "lane:transitions": "Often taken right after {source}",
    "lane:sequence": "Fits what you took lately, such as {source}",
    "lane:ease": "Shoppers who took {source} also take this",
    "lane:content": "Much like {source}, which you took",
    "lane:kin": "New, and much like {source}, which goes with what you took",
    "lane:neighbours": "Shoppers who buy {source} also buy this",
    "lane:taste": "Fits what you buy, such as {source}",
    "lane:recent": "Because you just chose {source}",
    "lane:together": "Often bought together with {source}",
    "lane:similar": "Similar to {source}",
    "lane:looks": "Looks like {source}",
    "profile:group": "Another size of {source}, which you buy",
    "profile:brand": "Same brand as {source}",
    "profile:maker": "Same maker as {source}",
}
_PART = "some of the words"
_PLAIN = {
    "lane:popular": "Selling well right now",
    "lane:neighbours": "Bought by shoppers like you",
    "lane:taste": "Fits what you usually buy",
    "lane:social": "Popular among people you follow",
    "lane:meaning": "Close in meaning to “{query}”",
    "lane:need": "Bought for “{query}”",
    "lane:exact": "Has exactly this number",
    "lane:looks": "Looks like your picture",
    "lane:words": "Matches “{query}”",
    "lane:pair": "Fits “{query}” when both are read together",
    _PART: "Matches part of “{query}”",
    "profile:category": "You often buy {category}",
}


@dataclass(frozen=True)
class Explain:
    """Writes reasons over one catalogue; ``sources`` map a note to the lane that can trace it."""

    catalog: Catalog
    sources: Mapping[str, Source]
    second: float = 0.35

    def reason(self, request: Request, row: int, shares: Sequence[tuple[str, float]]) -> tuple[str, tuple[str, ...]]:
        """The sentence and its evidence from ``shares``: (note, what it adds to the score), largest first.

        A second clause is added when another signal is worth at least ``second`` of the largest.
        """
        clauses: list[str] = []
        evidence: list[str] = []
        product = self.catalog.product(row)
        notes = {note for note, _ in shares}
        if "lane:words" in notes:
            shares = [share for share in shares if share[0] not in ("lane:meaning", "lane:every")]
        for note, worth in shares:
            if clauses and (len(clauses) == 2 or worth < self.second * shares[0][1]):
                break
            said = _PART if note == "lane:words" and "lane:every" not in notes else note
            clause, proof = self._clause(request, row, product, said)
            if clause and clause not in clauses:
                clauses.append(clause)
                evidence.append(f"{note}={worth:.4f}{proof}")
        if not clauses:
            return "", ()
        first, *rest = clauses
        return "; ".join([first, *(clause[0].lower() + clause[1:] for clause in rest)]) + ".", tuple(evidence)

    def _clause(self, request: Request, row: int, product: Product, note: str) -> tuple[str, str]:
        if note.startswith("rule:"):  # the shopkeeper's hand: rule:pin:ID, rule:boost:ID
            return "Chosen by the shop", ""
        if note in ("lane:lately", "lane:habit"):
            return self._repeat(request, row)
        if note in _SENTENCES and note in self.sources:
            source = self.sources[note](request, row)
            if source is not None and source != row:
                named = self.catalog.product(source)
                return _SENTENCES[note].format(source=short(named.title)), f" ← product {named.id}"
        if note in _PLAIN:
            leaf = product.categories[0].split(" > ")[-1] if product.categories else "this"
            return _PLAIN[note].format(query=request.query, category=_lower(leaf)), ""
        return "", ""

    def _repeat(self, request: Request, row: int) -> tuple[str, str]:
        history = request.history
        times = history.at[(history.rows == row) & (history.grades >= GRADES["purchase-complete"])]
        if not len(times):
            return "", ""
        last = datetime.fromtimestamp(int(np.max(times)), UTC)
        often = {1: "once", 2: "twice"}.get(len(times), f"{len(times)} times")
        return f"You bought this {often}, last on {last.day} {last:%B}", f" ← {len(times)} purchases"


def short(title: str) -> str:
    """``title``, cut where it is too long for a sentence."""
    return title if len(title) <= 48 else title[:47].rstrip() + "…"


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:] if name[1:2].islower() else name
