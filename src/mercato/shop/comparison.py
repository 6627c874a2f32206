"""Search as it is and as it would be turned in, both lists of every query side by side out; nothing is logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from mercato.errors import RequestError
from mercato.evaluate.metrics import graded_ndcg, jaccard, paired, rank_biased_overlap
from mercato.policy.merchandise import Merchandise
from mercato.rank.cascade import Cascade
from mercato.rank.linear import Linear
from mercato.retrieve.hybrid import Hybrid, Reader
from mercato.schema import Product, Rows, Slate
from mercato.shop.live import Live
from mercato.stores.judgments import Judgment
from mercato.understand.query import Understanding

SOURCES = ("hand", "clicks", "model")
"""Who judges, the most trusted first."""
COUNTED = ("hand", "clicks")
"""Whose judgments count unless others are asked for."""
K = 10
_DEEP = 50
"""A product's place in the other list is told down to here."""
_FEW = 5
"""Over fewer queries no interval is told: resampling them says nothing."""

Grades = Mapping[str, Mapping[str, Sequence[Judgment]]]
"""Query → product id → its judgments, the most trusted first."""


@dataclass(frozen=True)
class SearchKnobs:
    """How search is turned: ``weights`` multiply the terms of its readable score by name; without ``meaning`` it has
    words only, without ``rules`` nobody merchandises; a product that lacks words must hold ``partial`` (0 to 1) of what
    they tell; without ``typos`` no word is corrected.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    meaning: bool = True
    rules: bool = True
    partial: float | None = None
    typos: bool = True

    def over(self, live: Live) -> Live:
        """``live`` with search turned. Raises RequestError for an unknown term, or a value out of range."""
        score, matcher = parts(live)
        known = terms(live)
        for name, by in self.weights.items():
            if name not in known:
                raise RequestError(f"no term {name!r}", where="weights", hint=f"terms: {', '.join(known)}")
            if not 0 <= by <= 100:
                raise RequestError(f"{name} times {by}", where="weights", hint="0 to 100; 1 leaves it as it is")
        if self.partial is not None and not 0 <= self.partial <= 1:
            raise RequestError(f"partial is {self.partial}", where="partial", hint="0 to 1")
        turned = tuple(replace(one, weight=one.weight * self.weights.get(one.term, 1.0)) for one in score.signals)
        matcher = replace(
            matcher,
            meaning=matcher.meaning if self.meaning else None,
            least=matcher.least if self.partial is None else self.partial,
            reader=matcher.reader if self.typos else _literal(matcher.reader),
        )
        before = live.engine.search_parts.score
        after = before.turned(Linear(turned)) if isinstance(before, Cascade) else Linear(turned)
        search = replace(live.engine.search_parts, score=after, matcher=matcher)
        engine = replace(live.engine, search_parts=search)
        return replace(live, engine=engine, merchandise=live.merchandise if self.rules else Merchandise())


def parts(live: Live) -> tuple[Linear, Hybrid]:
    """The readable score and the matcher of the shop's search; raises RequestError where they are none that can be
    turned."""
    search = live.engine.search_parts
    score = search.score.first if isinstance(search.score, Cascade) else search.score
    if not isinstance(score, Linear) or not isinstance(search.matcher, Hybrid):
        raise RequestError("the order of this shop's search is no sum that could be turned", where="weights")
    return score, search.matcher


def _literal(reader: Reader) -> Reader:
    return reader.as_typed() if isinstance(reader, Understanding) else reader


def terms(live: Live) -> dict[str, list[str]]:
    """Term of the search score → the notes in it that have a weight."""
    found: dict[str, list[str]] = {}
    for signal in parts(live)[0].signals:
        if signal.weight:
            found.setdefault(signal.term, []).append(signal.note.split(":")[-1])
    return found


def graded(judgments: Sequence[Judgment]) -> Grades:
    """``judgments`` by query and product."""
    found: dict[str, dict[str, list[Judgment]]] = {}
    for one in sorted(judgments, key=lambda one: SOURCES.index(one.source)):
        found.setdefault(one.query, {}).setdefault(one.product_id, []).append(one)
    return found


@dataclass(frozen=True)
class Comparison:
    """Two engines over one snapshot, A (``live``) and B (``turned``), as of ``at``; of each product the most trusted
    judgment of ``sources`` counts."""

    live: Live
    turned: Live
    at: datetime
    grades: Grades
    sources: Sequence[str] = COUNTED
    shopper: str = ""

    def figures(self, queries: Sequence[str]) -> dict[str, Any]:
        """nDCG@10 of A and B per query and over all that have a product judged above 0, how sure the difference is,
        how alike the first ten are, on how many judgments of which source all of it rests, and what was ``degraded``
        while it was measured: such figures are not those of the whole shop."""
        rows = [self._row(query, *self.asked(query, K)) for query in queries]
        measured = [row["ndcg"] for row in rows if row["ndcg"] is not None]
        return {
            "queries": rows,
            "overall": {
                "queries": len(rows),
                "measured": len(measured),
                "ndcg": _compared(measured) if measured else None,
                "judgments": {source: sum(row["judgments"][source] for row in rows) for source in SOURCES},
                "sources": list(self.sources),
                "left_out": self._left_out(queries),
                "judged": {side: _mean([row["judged"][side] for row in rows]) for side in "ab"},
                "jaccard": _mean([row["jaccard"] for row in rows]),
                "rbo": _mean([row["rbo"] for row in rows]),
                "changed": sum(row["changed"] for row in rows),
                "degraded": sorted({part for row in rows for part in row["degraded"]}),
            },
        }

    def side_by_side(self, query: str, k: int = K) -> dict[str, Any]:
        """Both lists of one query: ``other`` is an item's place in the other list, from 0, None when it is not among
        its first 50. ``wanted`` are products judged above 0 that neither list shows among its ``k``."""
        slates = self.asked(query, max(k, _DEEP))
        places = [{product: place for place, product in enumerate(slate.ids)} for slate in slates]
        shown = {product for slate in slates for product in slate.ids[:k]}
        wanted = [
            {
                **self._judged(query, self.live.catalog.product(row)),
                **{side: there.get(product) for side, there in zip("ab", places, strict=True)},
            }
            for product, (row, judgment) in self._counted(query).items()
            if judgment.grade > 0 and product not in shown
        ]
        return {
            **self._row(query, *slates),
            "a": self._items(query, slates[0], k, places[1]),
            "b": self._items(query, slates[1], k, places[0]),
            "wanted": sorted(wanted, key=lambda one: -one["counts"]),
        }

    def asked(self, query: str, k: int) -> tuple[Slate, Slate]:
        """The first ``k`` of A and of B."""
        request = replace(self.live.request("search", self.at, k=k, shopper=self.shopper), query=query)
        a, b = (live.search(request, self.at, "preview")[0] for live in (self.live, self.turned))
        return a, b

    def _row(self, query: str, a: Slate, b: Slate) -> dict[str, Any]:
        one, other = (self.live.catalog.rows(slate.ids[:K]) for slate in (a, b))
        counted = self._counted(query).values()
        grades = {row: judgment.grade for row, judgment in counted}
        ndcg = {"a": graded_ndcg(one, grades), "b": graded_ndcg(other, grades)} if any(grades.values()) else None
        sources = Counter(judgment.source for _, judgment in counted)
        return {
            "query": query,
            "totals": {"a": a.total, "b": b.total},
            "ndcg": ndcg and {side: round(value, 4) for side, value in ndcg.items()},
            "judged": {"a": _share(one, grades), "b": _share(other, grades)},
            "judgments": {source: sources[source] for source in SOURCES},
            "jaccard": round(jaccard(one, other), 4) if len(one) or len(other) else 1.0,
            "rbo": round(rank_biased_overlap(one, other), 4),
            "changed": a.ids[:K] != b.ids[:K],
            "degraded": sorted({*a.degraded, *b.degraded}),
        }

    def _counted(self, query: str) -> dict[str, tuple[int, Judgment]]:
        """Product id → its row, and the judgment of it that counts; without what is gone, since no list can show it."""
        asked = {
            product: next((one for one in judgments if one.source in self.sources), None)
            for product, judgments in self.grades.get(query, {}).items()
        }
        rows = {product: self._row_of(product) for product in asked}
        return {
            product: (row, one)
            for product, one in asked.items()
            if one is not None and (row := rows[product]) is not None
        }

    def _row_of(self, product: str) -> int | None:
        row = self.live.catalog.row(product)
        found = row is not None and self.live.catalog.sellable[row] and row not in self.live.hidden
        return row if found else None

    def _left_out(self, queries: Sequence[str]) -> dict[str, int]:
        """Judgments that do not count: of sources not asked for, overruled by a more trusted one, of products that are
        not in the shop."""
        given = [pair for query in queries for pair in self.grades.get(query, {}).items()]
        known = [one for product, judgments in given if self._row_of(product) is not None for one in judgments]
        asked = sum(one.source in self.sources for one in known)
        return {
            "not_asked_for": len(known) - asked,
            "overruled": asked - sum(len(self._counted(query)) for query in queries),
            "of_unknown_products": sum(len(judgments) for _, judgments in given) - len(known),
        }

    def _items(self, query: str, slate: Slate, k: int, other: Mapping[str, int]) -> list[dict[str, Any]]:
        items = slate.items[:k]
        return [{**self._judged(query, item.product), "other": other.get(item.product.id)} for item in items]

    def _judged(self, query: str, product: Product) -> dict[str, Any]:
        """The product, what each source says of it, and the grade that counts."""
        said = self.grades.get(query, {}).get(product.id, ())
        return {
            "id": product.id,
            "title": product.title,
            "category": (*product.categories, "")[0],
            "grades": {one.source: one.grade for one in said},
            "counts": next((one.grade for one in said if one.source in self.sources), None),
        }


def _compared(measured: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    a, b = (np.array([one[side] for one in measured]) for side in "ab")
    found: dict[str, Any] = {"a": _mean(a), "b": _mean(b), "difference": {"mean": _mean(b - a)}}
    if len(measured) >= _FEW:
        difference, p = paired(b, a)
        found["difference"] = {**difference.to_dict(), "p": round(p, 4)}
    return found


def _share(rows: Rows, grades: Mapping[int, float]) -> float:
    """The share of ``rows`` that somebody judged."""
    return round(float(np.isin(rows, list(grades)).mean()), 4) if len(rows) else 0.0


def _mean(values: Any) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0
