"""The same questions answered by brute force: every product looked at, every score sorted, every facet counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.engine import Engine
from mercato.jobs.train import texts
from mercato.parts import Parts
from mercato.ports import Retriever
from mercato.retrieve.hybrid import Hybrid, _known
from mercato.schema import Request, Slate, Word
from mercato.settings import Settings
from mercato.words import tokenise

NOBODY = np.empty(0, np.int32)


class Oracle:
    """All products of a snapshot, tokenised with the shop's own tokeniser, and their vectors; no index of any kind."""

    def __init__(self, parts: Parts, engine: Engine, settings: Settings) -> None:
        self.catalog, self.engine, self.settings, self.dense = parts.catalog, engine, settings, parts.dense
        self.products = [parts.catalog.product(row) for row in range(len(parts.catalog))]
        terms: dict[str, frozenset[str]] = {}
        self.terms: list[set[str]] = [set() for _ in self.products]
        for column in texts(self.products).values():
            for row, text in enumerate(column):
                if text not in terms:
                    terms[text] = frozenset(tokenise(text))
                self.terms[row] |= terms[text]
        self.sellable = [product.sellable for product in self.products]

    def shares(self, words: Sequence[Word]) -> dict[int, float]:
        """Sellable row → the share of what the known ``words`` tell that it holds, by looking at each product."""
        known = [({term for term, _ in word.terms}, word.information) for word in words if word.terms]
        told = sum(information for _, information in known)
        found = {}
        for row, held in enumerate(self.terms):
            if self.sellable[row] and told > 0:
                found[row] = sum(each for terms, each in known if not held.isdisjoint(terms)) / told
        return {row: share for row, share in found.items() if share > 0}

    def with_words(self, words: Sequence[Word]) -> tuple[set[int], set[int]]:
        """(rows that hold every word, rows that may be listed because they hold enough of them)."""
        search = self._hybrid
        shares = self.shares(words)
        every = {row for row, share in shares.items() if share > 1 - 1e-9 and all(word.terms for word in words)}
        if len(every) >= search.enough:
            return every, every
        known = _known(words)
        least = min(search.least, known * max(shares.values(), default=0.0)) - 1e-12
        return every, {row for row, share in shares.items() if share * known >= least}

    @property
    def _hybrid(self) -> Hybrid:
        search = self.engine.search_parts.matcher
        assert isinstance(search, Hybrid)
        return search

    def cosines(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Cosine of every row with ``vector`` in double precision."""
        assert self.dense is not None
        return (np.asarray(self.dense.vectors, np.float64) @ vector.astype(np.float64))[self.dense.text_of]

    def matched(self, query: str) -> tuple[set[int], set[int]]:
        """(rows that ``query`` must list, rows that it may): it must list what holds every word of it as it was read,
        and what is nearer in meaning than the cut-off by more than float rounding; it may list what holds enough of
        the words, what one buys who asks so, numbers, and, where there is nothing else, what is closest."""
        wished, search = self.engine.search_parts.wishes(query), self._hybrid
        sold = {row for row in range(len(self.sellable)) if self.sellable[row]}
        fits = sold if wished.passing is None else sold & set(np.flatnonzero(wished.passing).tolist())
        if not wished.rest.strip():
            return fits, fits
        found = search.match(wished.rest)
        must, may = self.with_words(found.words)
        heard, meaning = found.corrected or wished.rest, search.meaning
        if meaning is not None and len(vector := meaning.vector(heard)):
            cosines = self.cosines(vector)
            assert self.dense is not None
            must |= set(np.flatnonzero(cosines >= self.dense.cutoff + 1e-6).tolist())
            may |= set(np.flatnonzero(cosines >= self.dense.cutoff - 1e-6).tolist())
            if not must and not may:
                may |= set(np.flatnonzero(meaning.closest(cosines, heard)).tolist())
        named = [found.ranking.notes.get(f"lane:{name}") for name in ("need", "exact", "number")]
        for note in (note for note in named if note is not None):
            may |= set(found.ranking.rows[note > 0].tolist())
        exact = self.catalog.row(wished.rest.strip())
        must |= {exact} if exact is not None else set()
        return must & fits, (must | may) & fits

    def passes(self, row: int, where: dict[str, Any]) -> bool:
        """Whether the product at ``row`` passes the filters the workload makes."""
        product = self.products[row]
        price = None if product.price is None else product.price / 100
        bounds = where.get("price")
        if bounds and (price is None or not bounds["min"] <= price <= bounds["max"]):
            return False
        if "brand" in where and product.brand not in where["brand"]:
            return False
        return "categories" not in where or any(
            path == wanted or path.startswith(f"{wanted} > ")
            for path in product.categories
            for wanted in where["categories"]
        )

    def facets(self, rows: set[int]) -> dict[str, dict[str, int]]:
        """Products of ``rows`` per brand and per category, each counted in every category above it."""
        brands = Counter(self.products[row].brand for row in rows if self.products[row].brand)
        paths: Counter[str] = Counter()
        for row in rows:
            parts = [path.split(" > ") for path in self.products[row].categories]
            paths.update({" > ".join(path[:depth]) for path in parts for depth in range(1, len(path) + 1)})
        return {"brand": dict(brands), "categories": dict(paths)}


def search_is_exact(oracle: Oracle, request: Request, slate: Slate, pages: Sequence[Slate]) -> list[str]:
    """What differs from brute force: the matched set, the total, the facets, the order; [] when nothing does.

    ``pages`` are all places of the same request; ``slate`` is its first page with the workload's facets.
    """
    must, may = oracle.matched(request.query)
    must, may = ({row for row in rows if oracle.passes(row, dict(request.where))} for rows in (must, may))
    order = [
        (row, score) for page in pages for row, score in zip(oracle.catalog.rows(page.ids), page.scores, strict=True)
    ]
    rows = {int(row) for row, _ in order}
    wrong = []
    if not must <= rows <= may:
        wrong.append(f"matched {len(rows)}, brute force {len(must)}")
    if len(rows) != len(order) or slate.total != len(rows):
        wrong.append(f"total {slate.total}, places {len(order)}, different {len(rows)}")
    if order != sorted(order, key=lambda pair: (-pair[1], pair[0])):
        wrong.append("not in the order of a full sort")
    if [int(row) for row in oracle.catalog.rows(slate.ids)] != [int(row) for row, _ in order[: len(slate.ids)]]:
        wrong.append("the first page is not the top of the full list")
    counted = oracle.facets(rows)
    if any(dict(counts) != counted[name] for name, counts in slate.facets.items()):
        wrong.append("facets differ from counting")
    return wrong


def lane_is_exact(oracle: Oracle, lane: Retriever, request: Request, k: int) -> bool:
    """Whether the lane's ``k`` best are the top of a full sort of the scores it gives every product."""
    allowed = oracle.engine.narrow(request, oracle.catalog.sellable)
    everyone = np.arange(len(oracle.catalog), dtype=np.int32)
    scores = lane.score(replace(request), everyone)
    best = np.lexsort((everyone, -scores))
    best = best[(allowed & (scores > 0))[best]][:k]
    found = lane.retrieve(request, allowed, k)
    if np.array_equal(found.rows, best):
        return True
    # equal to rounding: BLAS sums a block of rows in another order than one row
    same = len(found.rows) == len(best) and np.allclose(scores[found.rows], scores[best], rtol=1e-5, atol=1e-9)
    return bool(same and allowed[found.rows].all() and len(np.unique(found.rows)) == len(found.rows))
