"""A shop on disk in, what there is to see of it out: products, shoppers, what was learned and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from mercato.errors import DataError, NotFound
from mercato.jobs.pictures import picture_file
from mercato.schema import Product
from mercato.settings import Settings
from mercato.shop import console
from mercato.shop.live import Live
from mercato.shop.sight import Sight
from mercato.stores.sqlite import ShopStore


class Shown:
    """What a ``Shop`` shows and never changes; it keeps what is declared here."""

    home: Path
    name: str
    store: ShopStore
    settings: Settings
    _clock: Callable[[], datetime]
    _live: Live | None
    _refused: str
    _sight: Sight
    _examined: tuple[object, dict[str, Any]]

    def _serving(self) -> Live:
        if self._live is None:
            why = self._refused or "this shop has not been trained yet"
            raise DataError(why, where=str(self.home), hint="mercato train SHOP")
        return self._live

    def product(self, product_id: str) -> Product:
        """The product as stored now; raises NotFound."""
        found = self.store.product(product_id)
        if found is None:
            raise NotFound(f"no product {product_id!r}", where="id")
        return found

    def picture(self, product_id: str) -> Path:
        """The file of a product's first picture that lies in the folders of [pictures]; raises NotFound."""
        found = picture_file(self.product(product_id), self.home, self.settings.pictures)
        if found is None:
            raise NotFound(f"product {product_id!r} has no picture here", where="id")
        return found

    def pictures(self) -> dict[str, Any]:
        """Whether one can search by picture (``searchable``), and how many ``pictures`` that looks through."""
        return Sight.account(self._live)

    def reviews(self, product_id: str) -> dict[str, Any]:
        """How many reviews a product has, their average rating and the spread; raises NotFound."""
        self.product(product_id)
        return console.rated(product_id, self.store.reviews(product_id))

    def shopper(self, shopper_id: str) -> dict[str, Any]:
        """What is known about one shopper; raises NotFound."""
        return console.portrait(self._serving(), shopper_id, self.store.shopper(shopper_id), self._clock())

    def shoppers(self, k: int = 50, prefix: str = "") -> list[dict[str, Any]]:
        """Shoppers whose id starts with ``prefix``, most events first."""
        return console.roster(self._serving(), k, prefix)

    # ---- what the console shows ---------------------------------------------------------------------------------

    def views(self, shopper: str, k: int = 8) -> dict[str, Any]:
        """What each retriever and term says for one shopper, beside the list they would see."""
        live = self._serving()
        request = live.request("home", self._clock(), k=k, shopper=shopper, explain=True)
        return console.views(live, self.settings, request, self._clock())

    def learned(self) -> dict[str, Any]:
        """What was learned from how much data (the training report), {} before the first training."""
        return dict(self._live.report) if self._live else {}

    def metrics(self) -> dict[str, Any]:
        """The latest offline evaluation, {} before the first."""
        kept = self.store.meta("metrics")
        found: dict[str, Any] = orjson.loads(kept) if kept else {}
        return found

    def doctor(self) -> dict[str, Any]:
        """What is wrong with the catalogue, the events and the models, and what each problem costs."""
        catalog = self._live.catalog if self._live else None
        seen = (self.store.last_seq(), self.store.catalogue_version(), catalog.version if catalog else "")
        if self._examined[0] != seen:
            self._examined = (seen, console.examined(catalog, self.store, self._clock()))
        return {**self._examined[1], "models": console.models(self.status(), self.home)}

    def empty_searches(self, k: int = 50) -> list[dict[str, Any]]:
        """Queries that found nothing, most frequent first."""
        return console.empty_searches(self.store.empty_searches(k))

    def recent_searches(self, k: int = 50) -> list[dict[str, Any]]:
        """The latest queries with how much they found."""
        return console.recent_searches(self.store.recent_impressions(4 * k))[:k]

    def status(self) -> dict[str, Any]:
        """Is it ready, how much it holds, and what is missing."""
        live_notes = self._live.notes if self._live else ()
        notes = [note for note in (*live_notes, self._refused, *self._sight.notes(self._live)) if note]
        return console.status(self.name, self.store, self._live, notes)
