"""What was trained and the products put since in, the parts of search with those products in them out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mercato import build
from mercato.catalog import Catalog
from mercato.engine import Engine
from mercato.jobs.meaning import meaning_text
from mercato.jobs.train import texts
from mercato.overlay import words
from mercato.overlay.rows import Codes, patched
from mercato.parts import Parts
from mercato.ports import Encoder, Retriever
from mercato.rank.cross import Reader, pair_text
from mercato.rank.features import Facts, Profile, columns
from mercato.retrieve.dense import Meaning
from mercato.retrieve.hybrid import Hybrid
from mercato.retrieve.numbers import Numbers
from mercato.retrieve.pictures import Looks
from mercato.retrieve.without import WithoutIndex
from mercato.schema import Product, Rows
from mercato.search import PairReader, Search
from mercato.settings import Settings
from mercato.understand.names import Names
from mercato.understand.query import Understanding
from mercato.wishes import Wishes

log = logging.getLogger(__name__)

Changes = Sequence[tuple[int, str, Product | None]]
"""(version, id, the product now or None when it was deleted), in the order of versions."""

SHARE, FEWEST, MOST = 0.05, 50, 5_000
"""Of the catalogue this share may have new words, but at least and at most so many products: the statistics of words
and the meaning's cut-off are those of training, and the index would drift from them."""
ENCODED, LATER = 32, 4
"""Texts of its own that one change encodes, at about 10 ms each, and how many it makes up for of those that changes
before it left: until then they are found by words only."""
NUMBERED = ("title", "attributes")
"""The fields with part numbers in them."""
_WAITING = "catalogue: "


class Trained:
    """What one snapshot holds, and what is worked out of it once the first product is put."""

    def __init__(self, settings: Settings, parts: Parts, encoder: Encoder | None) -> None:
        self.settings, self.parts, self.encoder = settings, parts, encoder
        self.most = min(max(int(SHARE * len(parts.catalog)), FEWEST), MOST)

    @cached_property
    def codes(self) -> Codes:
        """The numbers of categories and groups."""
        return Codes(self.parts.catalog)

    @cached_property
    def lanes(self) -> dict[str, Retriever]:
        """What traces reasons."""
        return build.lanes(self.settings, self.parts.behaviour, self.parts.dense, self.parts.content)


@dataclass(frozen=True)
class Overlay:
    """The products changed up to catalogue ``version``, over what was ``trained``; immutable.

    ``parts`` are the trained ones with the catalogue and the indexes of search as they are now: changed products keep
    their rows, new ones follow behind, and everything else in them still has the trained rows only. ``reader`` reads
    queries, None while no word changed. ``reworded`` are the ids whose words are not those of training; ``waiting`` are
    changes that are not shown before the next training because there are too many; ``silent`` rows have no text vector
    yet; ``hidden`` rows were deleted.
    """

    trained: Trained
    version: int
    parts: Parts
    reader: Understanding | None = None
    reworded: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    silent: tuple[int, ...] = ()
    hidden: Rows = field(default_factory=lambda: np.empty(0, np.int32))

    @staticmethod
    def over(settings: Settings, parts: Parts, encoder: Encoder | None, version: int) -> Overlay:
        """Nothing changed since ``parts`` were trained, at catalogue ``version``."""
        return Overlay(Trained(settings, parts, encoder), version, parts)

    def changed(self, changes: Changes) -> Overlay:
        """With ``changes`` (what each product is now; versions above ``version``) shown, all at once."""
        if not changes:
            return self
        catalog = self.parts.catalog
        there = {product_id: product for _, product_id, product in changes if product is not None}
        gone = [product_id for _, product_id, product in changes if product is None]
        other = [product_id for product_id, product in there.items() if _is_reworded(catalog, product)]
        room = max(self.trained.most - len(self.reworded), 0)
        late = frozenset([product_id for product_id in other if product_id not in self.reworded][room:])
        shown = [product for product_id, product in there.items() if product_id not in late]
        unsold = [product_id for product_id in late if not there[product_id].sellable]
        hidden = np.setdiff1d(self.hidden, catalog.rows(product.id for product in shown))
        return replace(
            self,
            version=changes[-1][0],
            reworded=(self.reworded | {*other}) - late,
            waiting=(self.waiting - {*there, *gone}) | late,
            hidden=np.union1d(hidden, catalog.rows([*gone, *unsold])).astype(np.int32),
        )._with(shown, frozenset(other))

    def engine(self, served: Engine) -> Engine:
        """``served``, made over the trained parts or over an older overlay of them, with search over these parts."""
        degraded = (*(note for note in served.degraded if not note.startswith(_WAITING)), *self._notes())
        if self.parts is self.trained.parts:
            return replace(served, degraded=degraded)
        parts, catalog, settings = self.parts, self.parts.catalog, self.trained.settings
        search, profile = served.search_parts, Profile(columns(catalog, settings.shop.relations))
        matcher, popular = search.matcher, self.trained.parts.behaviour.popular
        assert isinstance(matcher, Hybrid)  # build.engine made it
        search = replace(
            search,
            catalog=catalog,
            wishes=build.wishes(settings, parts, _names(search)),
            matcher=replace(
                matcher,
                catalog=catalog,
                index=parts.lexical,
                reader=self.reader or matcher.reader,
                meaning=_meaning(matcher, parts),
                numbers=parts.numbers,
            ),
            signals={**search.signals, "popular": popular.padded(len(catalog))},
            profile=Facts.of(catalog, profile),
            sidebar=settings.facets.over(catalog),
            reader=_reading(search.reader, catalog),
        )
        return replace(
            served,
            catalog=catalog,
            search_parts=search,
            profile=profile,
            reason=build.explained(catalog, self._lanes(served), profile).reason,
            trained=len(self.trained.parts.catalog),
            versions={**served.versions, "changes": str(self.version)},
            degraded=degraded,
        )

    def _lanes(self, served: Engine) -> dict[str, Retriever]:
        looks = served.search_parts.looks
        return self.trained.lanes | {"looks": looks} if isinstance(looks, Looks) else self.trained.lanes

    def _notes(self) -> tuple[str, ...]:
        return (f"{_WAITING}{len(self.waiting)} changes wait for training",) if self.waiting else ()

    def _with(self, products: Sequence[Product], other: frozenset[str]) -> Overlay:
        """``products`` in; of the ids ``other`` the words are not what they were."""
        before = self.parts.catalog
        rows = _places(before, products)
        order = np.argsort(rows)
        at, products = rows[order], [products[place] for place in order.tolist()]
        parts = (
            replace(self.parts, catalog=patched(before, products, at, self.trained.codes)) if products else self.parts
        )
        differs = np.array([product.id in other for product in products], bool)
        overlay = replace(self, parts=parts)
        if differs.any():
            overlay = overlay._reworded([product for product in products if product.id in other], at[differs])
        return overlay._spoken([row for row in at[differs].tolist() if _is_meant_otherwise(before, parts.catalog, row)])

    def _reworded(self, products: Sequence[Product], at: Rows) -> Overlay:
        """With the words of ``products`` at rows ``at`` (ascending) in the indexes of words."""
        settings, parts = self.trained.settings, self.parts
        fields, n = texts(products), len(parts.catalog)
        fresh = settings.lexical.index(fields, like=self.trained.parts.lexical)
        lexical = words.lexical(parts.lexical, fresh, at)
        numbers, lacking = parts.numbers, parts.lacking
        if numbers is not None:
            recipe, own = Numbers(), {name: fields[name] for name in NUMBERED}
            found = recipe.index([product.id for product in products], own)
            numbers = words.numbers(numbers, found, at, lexical.vocabulary, recipe.most)
        if lacking is not None:
            lacking = words.without(lacking, WithoutIndex.index(fields, known=lacking), at, n)
        parts = replace(parts, lexical=lexical, numbers=numbers, lacking=lacking)
        return replace(self, parts=parts, reader=build.reader(lexical.vocabulary, self.trained.encoder))

    def _spoken(self, rows: Sequence[int]) -> Overlay:
        """With text vectors of ``rows``, and of some that still lack one, as far as there is time for it; what has none
        is near to nothing."""
        dense, waiting = self.parts.dense, [*dict.fromkeys([*rows, *self.silent])]
        if dense is None or not waiting:
            return self
        read = self._encoded(waiting[: min(max(len(rows), LATER), ENCODED)])
        at = np.array(sorted({*rows, *waiting[: len(read)]}), np.int32)
        vectors = np.zeros((len(at), dense.vectors.shape[1]), np.float32)
        if len(read):
            vectors[np.searchsorted(at, waiting[: len(read)])] = read
        parts = replace(self.parts, dense=dense.patched(vectors, at))
        return replace(self, parts=parts, silent=tuple(waiting[len(read) :]))

    def _encoded(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """A vector of each of ``rows``; of none of them while the encoder fails, or where there is none."""
        encoder = self.trained.encoder
        if encoder is None:
            return np.empty((0, 0), np.float32)
        try:
            return encoder.encode([meaning_text(self.parts.catalog.product(row)) for row in rows])
        except Exception:
            log.exception("the encoder failed: %d products are found by words only", len(rows))
            return np.empty((0, encoder.dimension), np.float32)


def _places(catalog: Catalog, products: Iterable[Product]) -> Rows:
    """The row of each product; those that ``catalog`` does not have follow behind, in the order given."""
    found, last = [], len(catalog)
    for product in products:
        row = catalog.row(product.id)
        found.append(last if row is None else row)
        last += row is None
    return np.array(found, np.int32)


def _is_reworded(catalog: Catalog, product: Product) -> bool:
    row = catalog.row(product.id)
    return row is None or texts([catalog.product(row)]) != texts([product])


def _is_meant_otherwise(before: Catalog, after: Catalog, row: int) -> bool:
    return row >= len(before) or meaning_text(before.product(row)) != meaning_text(after.product(row))


def _names(search: Search) -> Names | None:
    """Those of training: what is called otherwise since is words until the next."""
    return search.wishes.names if isinstance(search.wishes, Wishes) else None


def _meaning(matcher: Hybrid, parts: Parts) -> Meaning | None:
    return None if matcher.meaning is None or parts.dense is None else matcher.meaning.over(parts.dense)


def _reading(reader: PairReader | None, catalog: Catalog) -> PairReader | None:
    return reader.over(lambda row: pair_text(catalog.product(row))) if isinstance(reader, Reader) else reader
