"""One snapshot being served: a call's arguments in, the request the engine answers out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mercato import build
from mercato.artifacts import open_current
from mercato.catalog import Catalog
from mercato.codec import card_to_dict
from mercato.engine import Engine
from mercato.errors import ArtifactError, BackendError, DataError, NotFound, RequestError
from mercato.feedback.histories import Histories
from mercato.jobs.encoders import ROLE as ENCODER
from mercato.jobs.encoders import trained_with, with_shelf
from mercato.models.vectors import NamedEncoder
from mercato.overlay import Overlay
from mercato.parts import Parts
from mercato.policy.applied import Applied
from mercato.policy.merchandise import Merchandise
from mercato.rules import segments_of
from mercato.schema import PLACEMENTS, Impression, Interaction, Request, Rows, Slate
from mercato.search import Rules
from mercato.settings import Settings
from mercato.shop.knobs import Turned
from mercato.shop.rulebook import Rulebook
from mercato.shop.segments import segments_of_record
from mercato.stores.sqlite import ShopStore

_SPARE = 4
"""How many times as many products are completed as are shown: some are variants of others, or gone."""
MOST = 1000
"""The longest list one may ask for."""


def _unknown(shopper: str) -> None:
    """Nobody has a record."""


@dataclass(frozen=True)
class Live:
    """Swapped whole, so no answer mixes two snapshots. ``parts`` are what was trained, and what is recommended;
    ``engine`` also searches the products that were put since, which the ``overlay`` holds; ``hidden`` rows were
    deleted. ``seen`` is the number of the last event of the log that is in it. ``encoder`` made the text vectors; None
    where it cannot be had any more. ``notes`` say why something of it is degraded; ``record`` is what the store
    knows of a shopper."""

    engine: Engine
    parts: Parts
    overlay: Overlay
    histories: Histories
    report: Mapping[str, Any]
    last_event: datetime
    hidden: Rows
    seen: int
    encoder: NamedEncoder | None = None
    notes: tuple[str, ...] = ()
    merchandise: Merchandise = field(default_factory=Merchandise)
    record: Callable[[str], Mapping[str, Any] | None] = _unknown

    @staticmethod
    def open(
        home: Path, settings: Settings, store: ShopStore, now: datetime, at_hand: NamedEncoder | None = None
    ) -> Live:
        """The newest good snapshot of ``home`` with everything that happened since; a corrupt one is passed over and
        named in ``degraded``. It is served with the encoder that made its vectors: ``at_hand`` if it is that one.
        Raises ArtifactError when no snapshot can be trusted."""
        found = open_current(home / "snapshots")
        parts = Parts.load(found.folder, settings)
        report = orjson.loads((found.folder / "report.json").read_bytes())
        version = parts.catalog.version
        versions = {"catalogue": version, "index": version, "model": version, **named(Turned.of(store))}
        degraded = tuple(f"snapshot: {refused}" for refused in found.refused)
        settings = with_shelf(settings, home)
        encoder, notes = spoken(report, parts, settings, home, at_hand)
        if report.get(ENCODER, {}).get("version"):
            versions["encoder"] = report[ENCODER]["version"]
        if report.get(ENCODER, {}).get("refused"):
            degraded = (*degraded, ENCODER)
        overlay = Overlay.over(settings, parts, encoder, int(report["catalogue"]))
        last = datetime.fromtimestamp(int(parts.events.at.max()), UTC) if len(parts.events) else now
        return Live(
            engine=build.engine(settings, parts, encoder, versions, degraded),
            parts=parts,
            overlay=overlay,
            histories=Histories(parts.events, parts.catalog),
            report=report,
            last_event=min(last, now),
            hidden=overlay.hidden,
            seen=int(report["seen"]),
            encoder=encoder,
            notes=notes,
            record=store.shopper,
        ).caught_up(store, now).ruled(Rulebook.of(store)).stocked(store)  # fmt: skip

    @property
    def catalog(self) -> Catalog:
        """The products as they are now: the trained rows, and behind them those that came since."""
        return self.engine.catalog

    def stocked(self, store: ShopStore) -> Live:
        """With every change of the store's products since; the same where there is none."""
        overlay = self.overlay.changed(store.changed_products(self.overlay.version))
        if overlay is self.overlay:
            return self
        live = replace(self, overlay=overlay, engine=overlay.engine(self.engine), hidden=overlay.hidden)
        return live if live.catalog is self.catalog else live.ruled(Rulebook.of(store))

    def turned(self, settings: Settings, knobs: Turned) -> Live:
        """The same snapshot with the lists of ``settings``: only how placements are made is new."""
        placements = build.engine(settings, self.parts, None, {}).placements
        versions = {**self.engine.versions, **named(knobs)}
        return replace(self, engine=replace(self.engine, placements=placements, versions=versions))

    def ruled(self, book: Rulebook) -> Live:
        """The same snapshot with the rules of ``book``."""
        versions = {name: version for name, version in self.engine.versions.items() if name != "rules"}
        versions |= {"rules": str(book.version)} if book.version else {}
        merchandise = Merchandise.build(book.ordered, self.catalog)
        return replace(self, merchandise=merchandise, engine=replace(self.engine, versions=versions))

    def caught_up(self, store: ShopStore, now: datetime) -> Live:
        """With everything the log has kept since: read back from it, so an event sent twice counts once."""
        fresh = list(store.read(after=self.seen))
        if not fresh:
            return self
        self.histories.add(event for _, event in fresh)
        newest = max((event.at for _, event in fresh if event.at is not None), default=self.last_event)
        return replace(self, seen=fresh[-1][0], last_event=max(self.last_event, min(newest, now)))

    def stocked_as(self, other: Live) -> Live:
        """With the products of ``other``, over the same snapshot."""
        return replace(
            self, overlay=other.overlay, engine=other.engine, merchandise=other.merchandise, hidden=other.hidden
        )

    def request(
        self,
        placement: str,
        now: datetime,
        *,
        k: int,
        page: int = 0,
        shopper: str = "",
        session: str = "",
        segments: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Request:
        """A request with the shopper's history; raises RequestError for a k or page nobody can mean, or segments that
        are none (``rules.segments_of``)."""
        if not 1 <= k <= MOST:
            raise RequestError(f"k is {k}", where="k", hint=f"ask for 1 to {MOST} items")
        if not 0 <= page <= 10_000_000 // k:
            raise RequestError(f"page is {page}", where="page", hint="pages count from 0")
        # a shop whose data ended long ago is answered as of its last day, or every decay would be nothing
        at = min(now, self.last_event + timedelta(days=1))
        history = self.histories.of(shopper, session, int(now.timestamp()))
        return Request(
            placement, at, k=k, page=page, shopper=shopper, session=session, segments=segments_of(segments),
            where=where or {}, explain=explain, history=history,
        )  # fmt: skip

    def search(self, request: Request, now: datetime, slate_id: str) -> tuple[Slate, Impression]:
        """The engine's answer under the rules in force at ``now``: the clock on the wall, since ``request.at`` stands
        still in a shop where nothing happens any more."""
        slate, impression = self.engine.search(request, self.hidden, slate_id, self.rules(request, now))
        if self.parts.related is None or not request.query.strip():
            return slate, impression
        related = self.parts.related.related(request.query, shown=self.parts.catalog.rows(slate.ids))
        meant = "" if slate.corrected else self.parts.related.meant(request.query)
        return replace(slate, related=tuple(related), meant=meant), impression

    def recommend(self, request: Request, now: datetime, slate_id: str) -> tuple[Slate, Impression]:
        """The engine's list of a placement under the rules in force at ``now``."""
        return self.engine.recommend(request, self.hidden, slate_id, self.applied(request, now))

    def applied(self, request: Request, now: datetime) -> Applied:
        """What the rules in force at ``now`` make of the list of ``request.placement``."""
        return self.merchandise.recommended(request, now, self.segments(request))

    def rules(self, request: Request, now: datetime) -> Rules:
        """What the rules in force at ``now`` make of the search of ``request``, however it is corrected."""
        segments = self.segments(request)
        return lambda corrected: self.merchandise.active(request.query, request.where, now, corrected, segments)

    def segments(self, request: Request) -> frozenset[str]:
        """Who asks: the segments the request names, and those of the shopper's record. Nobody looks them up where no
        rule asks for any."""
        if not self.merchandise.segmented:
            return frozenset()
        own = segments_of_record(self.record(request.shopper)) if request.shopper else frozenset()
        return own.union(request.segments)

    def suggested(self, prefix: str, k: int, shopper: str, session: str, now: datetime) -> dict[str, Any]:
        """Completions of what is being typed, by what the shopper took before; of products those for sale, one a group
        of variants, with what a line in a list shows."""
        taken = self.histories.of(shopper, session, int(now.timestamp())).rows
        found, catalog = self.parts.suggest.suggest(prefix, k, taken, products=_SPARE * k), self.catalog
        rows = np.array(found["products"], np.int32)
        rows = rows[catalog.sellable[rows] & ~np.isin(rows, self.hidden)]
        first = np.sort(np.unique(catalog.group[rows], return_index=True)[1])[:k]
        return {**found, "products": [card_to_dict(catalog.product(row)) for row in rows[first]]}

    def started(self, request: Request, product: str = "") -> Request:
        """``request`` to look at: with what its list starts from, ``product``, else the shopper's last, else what sells
        best. Raises as ``anchors``."""
        if request.placement in ("similar", "together", "cart"):
            product = product or self._start(request.history.rows)
            request = replace(request, product=product, cart=(product,))
        return replace(request, anchors=self.anchors(request, request.product, request.cart))

    def _start(self, rows: Rows) -> str:
        return self.parts.catalog.ids[
            int(rows[-1]) if len(rows) else int(np.argmax(self.parts.behaviour.popular.counts))
        ]

    def named(self, product_id: str) -> dict[str, str] | None:
        """Id and title of a trained product; None for "" and what is not there."""
        catalog = self.parts.catalog
        row = catalog.row(product_id) if product_id else None
        return None if row is None else {"id": product_id, "title": catalog.product(row).title}

    def anchors(self, request: Request, product: str, cart: Sequence[str]) -> Rows:
        """The rows a placement starts from: its product, its cart, or what the session last touched.

        Raises RequestError for an unknown placement or a missing product or cart, NotFound for an unknown product.
        """
        if request.placement not in PLACEMENTS:
            known = ", ".join(PLACEMENTS)
            raise RequestError(f"no placement {request.placement!r}", where="placement", hint=f"placements: {known}")
        catalog = self.parts.catalog
        if request.placement in ("similar", "together"):
            if not product:
                raise RequestError(f"{request.placement!r} needs a product", where="product")
            row = catalog.row(product)
            if row is None:
                hint = "one put since training is found by search, and recommended after the next training"
                raise NotFound(f"no product {product!r} in the trained catalogue", where="product", hint=hint)
            return np.array([row], np.int32)
        if request.placement == "cart":
            if not cart:
                raise RequestError("'cart' needs the product ids in the cart", where="cart")
            return catalog.rows(dict.fromkeys(cart))
        if request.placement == "session":
            return np.unique(request.history.rows[-5:])
        return np.empty(0, np.int32)


def spoken(
    report: Mapping[str, Any], parts: Parts, settings: Settings, home: Path, at_hand: NamedEncoder | None
) -> tuple[NamedEncoder | None, tuple[str, ...]]:
    """The encoder of a snapshot's text vectors, None where it cannot be trusted, and what is to be said of it."""
    refused = tuple(f"encoder: {why}" for why in report.get(ENCODER, {}).get("refused", ()))
    try:
        encoder = trained_with(report, settings, home, at_hand)
        if parts.dense is not None and encoder.dimension != parts.dense.vectors.shape[1]:
            what = f"{encoder.dimension} numbers a vector, {parts.dense.vectors.shape[1]} in the snapshot"
            raise ArtifactError(what, where=ENCODER, hint="train again: mercato train SHOP")
    except (ArtifactError, BackendError) as error:
        return None, (*refused, f"search by meaning: {error}")
    return encoder, refused


def named(knobs: Turned) -> dict[str, str]:
    """What a list's versions say of the knobs: the number of the last turn, nothing where nobody turned any."""
    return {"lists": knobs.version} if knobs.version else {}


def stamped(events: Iterable[Interaction], now: datetime) -> list[Interaction]:
    """``events`` with a time and an id each; raises DataError for an event of nobody."""
    given = list(events)
    for event in given:
        if not event.shopper_id:
            raise DataError("an event needs the shopper it belongs to", where="shopper_id")
    return [replace(event, at=event.at or now, event_id=event.event_id or event_id(now)) for event in given]


def event_id(now: datetime) -> str:
    """Unique, and in the order of time: the log's index fills from one end, which is 2.5 times as fast."""
    return f"{int(now.timestamp() * 1e6):015x}{uuid.uuid4().hex[:17]}"
