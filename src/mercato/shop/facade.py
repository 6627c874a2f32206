"""A shop on disk in, everything one can ask of it out: the Python facade that the command line and HTTP stand on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson
from threadpoolctl import threadpool_limits

from mercato import codec
from mercato.artifacts import current
from mercato.errors import ArtifactError, DataError, NotFound
from mercato.feedback.doctor import examine
from mercato.jobs.evaluate import evaluate
from mercato.jobs.ingest import ingest
from mercato.jobs.train import load_encoder, train
from mercato.ports import Receipt
from mercato.retrieve.social import Ties
from mercato.schema import Impression, Interaction, Product, Rows, Slate
from mercato.settings import Settings, load
from mercato.shop import console
from mercato.shop.live import Live, event_id
from mercato.stores.sqlite import ShopStore

Tick = Callable[[str], None]


def _silent(step: str) -> None:
    """Nobody watches."""


class Shop:
    """One shop: a folder with mercato.toml, shop.db and snapshots/. Safe to use from several threads.

    Make one with ``mercato.create`` or ``mercato.open``; close it, or use it in a ``with`` statement.
    """

    def __init__(self, home: Path, *, read_only: bool = False, clock: Callable[[], datetime] | None = None) -> None:
        self.home = home
        self.settings: Settings = load(home / "mercato.toml")
        self.name = self.settings.shop.name or home.name
        self.store = ShopStore.open(home, create=not read_only, read_only=read_only)
        self._read_only = read_only
        self._clock = clock or (lambda: datetime.now(UTC))
        self._live: Live | None = None
        self._swap = Lock()
        self._refused = ""
        self._examined: tuple[object, dict[str, Any]] = (None, {})
        # serving many small requests: a second BLAS thread costs more than it gives, and on shared cores far more
        threadpool_limits(1, "blas")
        self._encoder, self._notes = load_encoder(self.settings, home)
        self.reload()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Flush what is buffered and let go of the files."""
        self.store.close()

    def reload(self) -> None:
        """Serve the newest good snapshot; when none can be trusted, say so and go on serving what was served."""
        if current(self.home / "snapshots") is None:
            return
        try:
            live = Live.open(self.home, self.settings, self._encoder, self.store, self._clock())
        except ArtifactError as error:
            self._refused = str(error)
            return
        with self._swap:
            self._live = live

    # ---- asking -------------------------------------------------------------------------------------------------

    def search(
        self,
        query: str,
        k: int = 10,
        *,
        page: int = 0,
        shopper: str = "",
        session: str = "",
        where: Mapping[str, Any] | None = None,
        sort: str = "",
        facets: Sequence[str] = (),
        explain: bool = False,
    ) -> Slate:
        """Everything that matches ``query``, page ``page`` of size ``k``; an empty query browses the shop.

        ``where`` filters (see CONTRACT), ``facets`` are counted over exactly the matched set, ``sort`` is "" (best
        first) or a number field such as "price", "-price". Raises RequestError for an unknown field or sort.
        """
        live = self._serving()
        request = live.request(
            "search", self._clock(), k=k, page=page, shopper=shopper, session=session, where=where, explain=explain
        )
        request = replace(request, query=query, sort=sort, facets=tuple(facets))
        return self._logged(live.engine.search(request, live.hidden, uuid.uuid4().hex))

    def recommend(
        self,
        placement: str,
        k: int = 10,
        *,
        shopper: str = "",
        session: str = "",
        product: str = "",
        cart: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Slate:
        """The list of one placement; a shopper never seen gets what sells. Raises RequestError or NotFound."""
        live = self._serving()
        request = live.request(
            placement, self._clock(), k=k, shopper=shopper, session=session, where=where, explain=explain
        )
        request = replace(request, product=product, cart=tuple(cart), anchors=live.anchors(request, product, cart))
        return self._logged(live.engine.recommend(request, live.hidden, uuid.uuid4().hex))

    def suggest(self, prefix: str, k: int = 8) -> dict[str, Any]:
        """Completions of what is being typed: past queries, categories with counts, products."""
        live = self._serving()
        found = live.parts.suggest.suggest(prefix, k)
        products = [live.parts.catalog.product(row) for row in found["products"]]
        return {**found, "products": [{"id": product.id, "title": product.title} for product in products]}

    def _serving(self) -> Live:
        if self._live is None:
            why = self._refused or "this shop has not been trained yet"
            raise DataError(why, where=str(self.home), hint="mercato train SHOP")
        return self._live

    def _logged(self, answer: tuple[Slate, Impression]) -> Slate:
        slate, impression = answer
        if not self._read_only:
            self.store.log_impression(impression)
        return slate

    # ---- telling ------------------------------------------------------------------------------------------------

    def record(self, events: Iterable[Interaction]) -> Receipt:
        """Keep events durably; the next list knows them when this returns. Stamps ``at`` and ``event_id``."""
        now = self._clock()
        given = list(events)
        for event in given:
            if not event.shopper_id:
                raise DataError("an event needs the shopper it belongs to", where="shopper_id")
        stamped = [replace(event, at=event.at or now, event_id=event.event_id or event_id(now)) for event in given]
        receipt = self.store.append(stamped)
        with self._swap:
            if self._live is not None:
                self._live = self._live.caught_up(self.store, now)
        return receipt

    def import_(
        self,
        sources: Sequence[Any],
        kind: str | None = None,
        format: str = "auto",
        *,
        weeks_later: int = 0,
        tick: Tick = _silent,
    ) -> dict[str, Any]:
        """Import files or tables (see CONTRACT "Data in"): all of it or, on an error, nothing. Train to use it."""
        report = ingest(
            self.store, self.home, sources, now=self._clock(), kind=kind, format=format, weeks_later=weeks_later,
            tick=tick,
        )  # fmt: skip
        return report.to_dict()

    def train(self, tick: Tick = _silent) -> dict[str, Any]:
        """Learn from everything in the store, publish a new snapshot and serve it. Returns what was learned."""
        report = train(self.store, self.home, self.settings, self._clock(), tick, self._encoder)
        self.reload()
        return report

    def evaluate(self, part: str = "all", tick: Tick = _silent) -> dict[str, Any]:
        """Offline metrics with confidence intervals beside the nulls; kept for ``metrics``. Writes no snapshot."""
        live = self._serving()
        cache, ties = self.home / "cache", Ties.of(self.store.relations())
        found = evaluate(live.parts, self.settings, self._encoder, cache, part, tick, ties)
        kept = {**self.metrics(), **found}
        self.store.set_meta("metrics", orjson.dumps(kept).decode())
        return kept

    # ---- products and shoppers ----------------------------------------------------------------------------------

    def product(self, product_id: str) -> Product:
        """The product as stored now; raises NotFound."""
        found = self.store.product(product_id)
        if found is None:
            raise NotFound(f"no product {product_id!r}", where="id")
        return found

    def put_products(self, products: Iterable[Product]) -> tuple[int, int]:
        """Insert or replace products durably: (inserted, updated). Lists show them after the next ``train``."""
        given = list(products)
        counts = self.store.put_products(given)
        self._hide(lambda live: np.setdiff1d(live.hidden, live.parts.catalog.rows(product.id for product in given)))
        return counts

    def delete_product(self, product_id: str) -> bool:
        """Take a product out: it is gone from the next answer on. False when it was not there."""
        found = self.store.delete_product(product_id)
        self._hide(lambda live: np.union1d(live.hidden, live.parts.catalog.rows([product_id])))
        return found

    def _hide(self, change: Callable[[Live], Rows]) -> None:
        with self._swap:
            if self._live is not None:
                self._live = replace(self._live, hidden=change(self._live).astype(np.int32))

    def reviews(self, product_id: str) -> dict[str, Any]:
        """How many reviews a product has, their average rating and the spread; raises NotFound."""
        self.product(product_id)
        ratings = [review.rating for review in self.store.reviews(product_id) if review.rating is not None]
        spread = {str(stars): sum(1 for rating in ratings if round(rating) == stars) for stars in range(1, 6)}
        average = round(sum(ratings) / len(ratings), 2) if ratings else None
        return {"product_id": product_id, "count": len(ratings), "average": average, "by_rating": spread}

    def shopper(self, shopper_id: str) -> dict[str, Any]:
        """What is known about one shopper; raises NotFound."""
        live = self._serving()
        history = live.histories.of(shopper_id, "", int(self._clock().timestamp()))
        attributes = self.store.shopper(shopper_id)
        if not len(history) and attributes is None:
            raise NotFound(f"no shopper {shopper_id!r}", where="id")
        return console.portrait(live, shopper_id, history, attributes or {})

    def shoppers(self, k: int = 50, prefix: str = "") -> list[dict[str, Any]]:
        """Shoppers whose id starts with ``prefix``, most events first."""
        return console.roster(self._serving(), k, prefix)

    # ---- what the console shows ---------------------------------------------------------------------------------

    def views(self, shopper: str, k: int = 8) -> dict[str, Any]:
        """What each retriever and term says for one shopper, beside the list they would see."""
        live = self._serving()
        request = live.request("home", self._clock(), k=k, shopper=shopper, explain=True)
        slate, _ = live.engine.recommend(request, live.hidden, "preview")
        items = codec.slate_to_dict(slate, explain=True)["items"]
        shown = [{name: item[name] for name in ("id", "title", "score", "terms", "reason")} for item in items]
        return {
            "lanes": console.lanes(live, self.settings, request),
            "slate": shown,
            "weights": live.report["weights"],
        }

    def learned(self) -> dict[str, Any]:
        """What was learned from how much data (the training report), {} before the first training."""
        return dict(self._live.report) if self._live else {}

    def metrics(self) -> dict[str, Any]:
        """The latest offline evaluation, {} before the first."""
        kept = self.store.meta("metrics")
        found: dict[str, Any] = orjson.loads(kept) if kept else {}
        return found

    def doctor(self) -> dict[str, Any]:
        """What is wrong with the catalogue and the events, and what each problem costs."""
        columns = ("type", "shopper_id", "product_id", "at", "slate_id", "position")
        catalog = self._live.parts.catalog if self._live else None
        seen = (self.store.last_seq(), self.store.catalogue_version(), catalog.version if catalog else "")
        if self._examined[0] != seen:
            self._examined = (seen, examine(catalog, self.store.events_frame(columns=columns), self._clock()))
        return self._examined[1]

    def empty_searches(self, k: int = 50) -> list[dict[str, Any]]:
        """Queries that found nothing, most frequent first."""
        found = self.store.empty_searches(k)
        return [{"query": query, "count": count, "last_at": codec.from_time(at)} for query, count, at in found]

    def recent_searches(self, k: int = 50) -> list[dict[str, Any]]:
        """The latest queries with how much they found."""
        shown = [one for one in self.store.recent_impressions(4 * k) if one.placement == "search" and one.query]
        return [{"query": one.query, "total": one.total, "last_at": codec.from_time(one.at)} for one in shown[:k]]

    def status(self) -> dict[str, Any]:
        """Is it ready, how much it holds, and what is missing."""
        live = self._live
        degraded = list(live.engine.degraded) if live else []
        return {
            "name": self.name,
            "ready": live is not None,
            "products": self.store.product_count(),
            "events": self.store.last_seq(),
            "shoppers": len(live.parts.events.shoppers) if live else 0,
            "versions": dict(live.engine.versions) if live else {},
            "degraded": degraded,
            "notes": [note for note in (*self._notes, self._refused) if note],
        }
