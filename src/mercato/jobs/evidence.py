"""A catalogue and what shoppers did in it in, evidence out: texts that belong together, and where that was seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.jobs.meaning import meaning_text
from mercato.schema import Product

SOURCES = ("click", "purchase", "basket", "sequence", "review", "field")
NOBODY = -1
"""No session, and no product that was asked with."""
ALWAYS = 0
"""When what the catalogue says was seen: before everything."""
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """The m distinct texts that an encoder reads of a catalogue's sellable products, in alphabetical order.

    ``of`` (n,) says which one a catalogue row has, -1 where it is not sold. ``first`` (m,) is the first row of each
    text. ``nodes`` are the places of the category tree ("a > b") with the texts that are below them. ``sentiment``
    (m,) is what reviews say, -1 to 1, NaN where there are none.
    """

    texts: tuple[str, ...]
    of: NDArray[np.int32]
    first: NDArray[np.int32]
    products: tuple[Product, ...]
    nodes: Mapping[str, NDArray[np.int32]]
    sentiment: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.texts)

    @staticmethod
    def read(catalog: Catalog, reviews: pl.DataFrame | None = None) -> Texts:
        """Of ``catalog``, and ``reviews`` with the columns product_id and rating."""
        rows = np.flatnonzero(catalog.sellable)
        read = np.array([meaning_text(catalog.product(row)) for row in rows.tolist()], dtype=object)
        distinct, first, inverse = np.unique(read, return_index=True, return_inverse=True)
        of = np.full(len(catalog), -1, np.int32)
        of[rows] = inverse
        products = tuple(catalog.product(int(rows[place])) for place in first)
        return Texts(
            tuple(distinct.tolist()),
            of,
            rows[first].astype(np.int32),
            products,
            _nodes(products),
            _sentiment(catalog, of, len(distinct), reviews),
        )

    def names(self, widest: float = 0.1) -> dict[str, NDArray[np.int32]]:
        """The names of categories that say something, each with the texts below any category called so: two or more,
        and not above ``widest`` of all (ten always may)."""
        found: dict[str, list[NDArray[np.int32]]] = {}
        for path, places in self.nodes.items():
            found.setdefault(path.split(" > ")[-1], []).append(places)
        below = {name: np.unique(np.concatenate(parts)) for name, parts in found.items()}
        most = max(widest * len(self), 10)
        return {name: places for name, places in sorted(below.items()) if 2 <= len(places) <= most}

    def leaf(self, text: int) -> str:
        """The category that the products of a text are in, "" where they have none."""
        paths = self.products[text].categories
        return paths[0].split(" > ")[-1] if paths else ""


def _nodes(products: Sequence[Product]) -> dict[str, NDArray[np.int32]]:
    found: dict[str, list[int]] = {}
    for place, product in enumerate(products):
        names = product.categories[0].split(" > ") if product.categories else []
        for depth in range(1, len(names) + 1):
            found.setdefault(" > ".join(names[:depth]), []).append(place)
    return {path: np.array(places, np.int32) for path, places in sorted(found.items())}


def _sentiment(catalog: Catalog, of: NDArray[np.int32], many: int, reviews: pl.DataFrame | None) -> NDArray[np.float64]:
    """The mean of (rating - 3) / 2 by text."""
    total, count = np.zeros(many), np.zeros(many)
    if reviews is not None:
        rated = reviews.drop_nulls("rating").select("product_id", "rating")
        for product_id, rating in rated.iter_rows():
            row = catalog.row(product_id)
            if row is not None and of[row] >= 0:
                total[of[row]] += np.clip((rating - 3) / 2, -1, 1)
                count[of[row]] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


@dataclass(frozen=True)
class Evidence:
    """e times that a text was wanted, as parallel columns.

    ``queries`` is what was asked and ``said`` what shall be found by it, both as the encoder reads them; ``wanted`` is
    the text of the catalogue that this is about (``said`` may leave out a part of it), ``anchors`` the one that was
    asked with (NOBODY where somebody typed). ``at`` are UTC seconds, ``sessions`` (e, 2) the baskets or sessions that
    it was seen in (NOBODY: none), ``passed`` texts that were looked at and not taken.
    """

    queries: NDArray[Any]
    said: NDArray[Any]
    anchors: Integers
    wanted: Integers
    weights: NDArray[np.float64]
    sources: NDArray[Any]
    at: Integers
    sessions: Integers
    passed: tuple[tuple[int, ...], ...] = field(default=())

    def __len__(self) -> int:
        return len(self.wanted)

    def take(self, index: NDArray[Any]) -> Evidence:
        """The evidence at ``index``, places or a mask."""
        places = np.arange(len(self))[index]
        taken = {one.name: getattr(self, one.name)[places] for one in fields(self) if one.name != "passed"}
        return Evidence(**taken, passed=tuple(self.passed[place] for place in places.tolist()))

    @staticmethod
    def of(  # the columns in their order; what is left out is nobody's, and always was
        texts: Texts,
        source: str,
        wanted: Integers,
        *,
        queries: Sequence[str] | None = None,
        said: Sequence[str] | None = None,
        anchors: Integers | None = None,
        weights: NDArray[np.float64] | None = None,
        at: Integers | None = None,
        sessions: Integers | None = None,
        passed: Sequence[tuple[int, ...]] | None = None,
    ) -> Evidence:
        """Columns of one ``source``; without ``queries`` the text of the anchor asks."""
        e = len(wanted)
        anchored = np.full(e, NOBODY, np.int64) if anchors is None else anchors.astype(np.int64)
        read = np.array([*texts.texts, ""], dtype=object)
        seen = np.full(e, NOBODY, np.int64) if sessions is None else sessions
        return Evidence(
            queries=read[anchored] if queries is None else _strings(queries),
            said=read[wanted] if said is None else _strings(said),
            anchors=anchored,
            wanted=wanted.astype(np.int64),
            weights=np.ones(e) if weights is None else weights,
            sources=_strings([source] * e),
            at=np.full(e, ALWAYS, np.int64) if at is None else at.astype(np.int64),
            sessions=seen if seen.ndim == 2 else np.stack([seen, seen], 1),
            passed=((),) * e if passed is None else tuple(passed),
        )

    @staticmethod
    def join(parts: Sequence[Evidence]) -> Evidence:
        """All of ``parts``, one after the other; there must be one."""
        names = [one.name for one in fields(Evidence) if one.name != "passed"]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return Evidence(**columns, passed=tuple(one for part in parts for one in part.passed))


def _strings(given: Sequence[str]) -> NDArray[Any]:
    found = np.empty(len(given), dtype=object)
    found[:] = list(given)
    return found


def fewer(evidence: Evidence, most: int, seed: int) -> Evidence:
    """At most ``most`` of each source, drawn by ``seed``, in their old order; of what the catalogue says no more than
    of all that shoppers did, where they did anything: a few hundred clicks would drown in it."""
    random = np.random.default_rng(seed)
    kept: list[NDArray[np.int64]] = []
    for source in SOURCES:  # "field" is the last
        places, seen = np.flatnonzero(evidence.sources == source), sum(map(len, kept))
        room = min(most, seen) if source == "field" and seen else most
        kept.append(places if len(places) <= room else random.choice(places, room, replace=False))
    return evidence.take(np.sort(np.concatenate(kept)))


def field_evidence(texts: Texts, names: Mapping[str, NDArray[np.int32]], seed: int, each: int = 8) -> Evidence:
    """What the catalogue itself says: a title finds the rest of its product's text, the name of a category (one of
    ``names``, see ``Texts.names``) the texts of ``each`` of its products without their category.

    What is asked is left out of what is found, else an encoder would learn to compare letters (as the inverse cloze
    task does: Lee, Chang & Toutanova 2019).
    """
    random = np.random.default_rng(seed)
    rows: list[tuple[int, str, str]] = [
        (place, title, rest)
        for place, product in enumerate(texts.products)
        if (title := _title(product)) and (rest := _rest(product))
    ]
    for name, places in names.items():
        for place in random.permutation(places)[:each].tolist():
            alone = _named(texts.products[place])
            if alone.casefold() != name.casefold():
                rows.append((place, name, alone))
    wanted = np.array([place for place, _, _ in rows], np.int64)
    asked, said = [query for _, query, _ in rows], [text for _, _, text in rows]
    return Evidence.of(texts, "field", wanted, queries=asked, said=said)


def _title(product: Product) -> str:
    return product.title.split(" · ")[0]


def _named(product: Product) -> str:
    """The text of a product without its category."""
    return ". ".join(part for part in (_title(product), product.description[:200]) if part)


def _rest(product: Product) -> str:
    """The text of a product without its title: maker, category, description."""
    title = _title(product).casefold()
    path = product.categories[0].split(" > ") if product.categories else []
    parts = (product.brand, ", ".join(name for name in path if name.casefold() != title), product.description[:200])
    return ". ".join(part for part in parts if part and title not in part.casefold())


def review_evidence(texts: Texts, reviews: pl.DataFrame, row: Callable[[str], int | None], widest: int = 3) -> Evidence:
    """The title of a review finds its product; one that stands over more than ``widest`` texts ("Great!") says nothing.

    ``reviews`` has the columns product_id, shopper_id, title, at.
    """
    told: list[tuple[str, int, int, int]] = []
    spread: dict[str, set[int]] = {}
    for product_id, shopper, title, at in reviews.select("product_id", "shopper_id", "title", "at").iter_rows():
        place = row(product_id)
        said = " ".join((title or "").split())
        if place is None or texts.of[place] < 0 or len(said) < 3:
            continue
        found = int(texts.of[place])
        spread.setdefault(said.casefold(), set()).add(found)
        told.append((said, found, int(at.timestamp()) if at is not None else ALWAYS, number(shopper or "")))
    kept = [one for one in told if len(spread[one[0].casefold()]) <= widest]
    wanted, at_, who = (np.array([one[column] for one in kept], np.int64) for column in (1, 2, 3))
    return Evidence.of(texts, "review", wanted, queries=[one[0] for one in kept], at=at_, sessions=who)


def number(name: str) -> int:
    """A number of its own for a name, the same in every run; NOBODY for none."""
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=7).digest(), "big") if name else NOBODY
