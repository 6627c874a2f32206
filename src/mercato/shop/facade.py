"""A shop on disk in, everything one can ask of it out: the Python facade that the command line and HTTP stand on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from threadpoolctl import threadpool_limits

from mercato import codec
from mercato.artifacts import current
from mercato.errors import ArtifactError
from mercato.jobs.encoders import choose, with_shelf
from mercato.jobs.evaluate import evaluate
from mercato.jobs.ingest import ingest
from mercato.jobs.train import train
from mercato.models.vectors import NamedEncoder
from mercato.ports import Receipt
from mercato.retrieve.social import Ties
from mercato.schema import Impression, Interaction, Product, Slate
from mercato.settings import Settings, load
from mercato.shop.compression import Compression
from mercato.shop.judging import Judging
from mercato.shop.knobs import Turned
from mercato.shop.live import Live, stamped
from mercato.shop.merchandising import Merchandising
from mercato.shop.rulebook import Rulebook
from mercato.shop.shown import Shown
from mercato.shop.sight import Picture, Sight
from mercato.shop.trial import Trial
from mercato.shop.tuning import Tuning
from mercato.stores.sqlite import ShopStore

Tick = Callable[[str], None]


def _silent(step: str) -> None:
    """Nobody watches."""


class Shop(Shown):
    """One shop: a folder with mercato.toml, shop.db and snapshots/. Safe to use from several threads.

    Make one with ``mercato.create`` or ``mercato.open``; close it, or use it in a ``with`` statement.
    """

    def __init__(self, home: Path, *, read_only: bool = False, clock: Callable[[], datetime] | None = None) -> None:
        self.home = home
        self._written: Settings = load(home / "mercato.toml")
        self.name = self._written.shop.name or home.name
        self.store = ShopStore.open(home, create=not read_only, read_only=read_only)
        self.settings = Turned.of(self.store).over(self._written)
        self._read_only = read_only
        self._clock = clock or (lambda: datetime.now(UTC))
        self._live: Live | None = None
        self._swap, self._building, self._opening = Lock(), Lock(), Lock()
        self._refused = ""
        self._examined: tuple[object, dict[str, Any]] = (None, {})
        self.rules = Merchandising(self.store, self._clock, lambda: self._live, self._turned)
        self.judging = Judging(self.store, self._clock, lambda: self._live)
        self.tuning = Tuning(home, self.store, self._clock, lambda: self.settings, lambda: self._live)
        self.compression = Compression(home, self.store, self._clock, lambda: self.settings)
        # serving many small requests: a second BLAS thread costs more than it gives, and on shared cores far more
        threadpool_limits(1, "blas")
        self._sight = Sight(lambda: with_shelf(self.settings, home).image, home / "cache" / "models")
        self.reload()

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Flush what is buffered and let go of the files."""
        self.store.close()

    def reload(self, at_hand: NamedEncoder | None = None) -> None:
        """Serve the newest good snapshot, with the encoder it was trained with (``at_hand``, if that is it); when none
        can be trusted, say so and go on serving what was served."""
        if current(self.home / "snapshots") is None:
            return
        with self._opening:
            try:
                at_hand = at_hand or (self._live.encoder if self._live else None)
                live = Live.open(self.home, self.settings, self.store, self._clock(), at_hand)
            except ArtifactError as error:
                self._refused = str(error)
                return
            with self._building:  # what was put or turned while it was opened is in what is served, so in this too
                live = live.stocked(self.store).ruled(Rulebook.of(self.store))
                knobs = Turned.of(self.store)
                if knobs.version != live.engine.versions.get("lists", ""):
                    live = live.turned(self.settings, knobs)
                with self._swap:
                    self._live = live.caught_up(self.store, self._clock())

    # ---- asking -------------------------------------------------------------------------------------------------

    def search(
        self,
        query: str = "",
        k: int = 10,
        *,
        image: Picture | None = None,
        image_of: str = "",
        page: int = 0,
        shopper: str = "",
        session: str = "",
        segments: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        sort: str = "",
        facets: Sequence[str] = (),
        facet_values: int = 100_000,
        disjunctive: bool = False,
        grouped: bool = False,
        explain: bool = False,
    ) -> Slate:
        """Everything that matches ``query``, page ``page`` of size ``k``; an empty query browses the shop.

        With ``image`` (a picture's bytes, or where it lies) or ``image_of`` (a product, by its pictures) what looks
        like it, and where there are words too, what they match of that.

        ``where`` filters (see CONTRACT), ``facets`` are counted over exactly the matched set, or ``disjunctive``: each
        without its own filter; ``sort`` is "" (best first) or a number field such as "price", "-price"; ``grouped``
        shows one of all variants of a product; ``segments`` say who asks, for the shop's rules, beside what it knows of
        the shopper. Raises RequestError for an unknown field or sort, or where the shop cannot be searched by picture;
        DataError for a picture that cannot be read.
        """
        live = self._serving()
        request = live.request(
            "search", self._clock(), k=k, page=page, shopper=shopper, session=session, segments=segments, where=where,
            explain=explain,
        )  # fmt: skip
        request = replace(
            request,
            query=query,
            sort=sort,
            facets=tuple(facets),
            facet_values=facet_values,
            disjunctive=disjunctive,
            grouped=grouped,
        )
        request = self._sight.asked(live, request, image, image_of)
        return self._logged(live.search(request, self._clock(), uuid.uuid4().hex))

    def recommend(
        self,
        placement: str,
        k: int = 10,
        *,
        shopper: str = "",
        session: str = "",
        segments: Sequence[str] = (),
        product: str = "",
        cart: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> Slate:
        """The list of one placement, under the shop's rules for it; a shopper never seen gets what sells. *together*
        and *cart* have ``bundles`` beside it, never of what is in ``cart``. Raises RequestError or NotFound."""
        live = self._serving()
        request = live.request(
            placement, self._clock(), k=k, shopper=shopper, session=session, segments=segments, where=where,
            explain=explain,
        )  # fmt: skip
        request = replace(request, product=product, cart=tuple(cart), anchors=live.anchors(request, product, cart))
        return self._logged(live.recommend(request, self._clock(), uuid.uuid4().hex))

    def suggest(self, prefix: str, k: int = 8, *, shopper: str = "", session: str = "") -> dict[str, Any]:
        """Completions of what is being typed: past queries, categories and brands with counts, products; what the
        shopper buys from comes first."""
        return self._serving().suggested(prefix, k, shopper, session, self._clock())

    def _logged(self, answer: tuple[Slate, Impression]) -> Slate:
        slate, impression = answer
        if not self._read_only:
            self.store.log_impression(impression)
        return slate

    # ---- telling ------------------------------------------------------------------------------------------------

    def record(self, events: Iterable[Interaction]) -> Receipt:
        """Keep events durably; the next list knows them when this returns. Stamps ``at`` and ``event_id``."""
        now = self._clock()
        receipt = self.store.append(stamped(events, now))
        self._change(lambda live: live.caught_up(self.store, now))
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
        """Import files or tables (see CONTRACT "Data in"): all of it or, on an error, nothing. Products show as after
        ``put_products``; train to learn from the rest."""
        report = ingest(
            self.store, self.home, sources, now=self._clock(), kind=kind, format=format, weeks_later=weeks_later,
            tick=tick,
        )  # fmt: skip
        self._restock()
        return report.to_dict()

    def train(self, tick: Tick = _silent) -> dict[str, Any]:
        """Learn from everything in the store, publish a new snapshot and serve it. Returns what was learned.

        Text vectors are made by the encoder chosen now (see ``mercato models``); until they are all there, the old one
        answers over the old ones.
        """
        chosen = choose(self.settings, self.home)
        report = train(self.store, self.home, self.settings, self._clock(), tick, chosen)
        self.reload(chosen.encoder)
        return report

    def evaluate(self, part: str = "all", tick: Tick = _silent) -> dict[str, Any]:
        """Offline metrics with confidence intervals beside the nulls; kept for ``metrics`` where one may write."""
        live = self._serving()
        cache, ties = self.home / "cache", Ties.of(self.store.relations())
        found = evaluate(live.parts, self.settings, live.encoder, cache, part, tick, ties)
        dated = {name: {**figures, "measured_at": codec.from_time(self._clock())} for name, figures in found.items()}
        kept = {**self.metrics(), **dated}
        if not self._read_only:
            self.store.set_meta("metrics", orjson.dumps(kept).decode())
        return kept

    # ---- how lists are made ---------------------------------------------------------------------------------------

    def lists(self) -> dict[str, Any]:
        """The knobs of every placement: in force, in mercato.toml, and the last turns, the newest first."""
        return Turned.of(self.store).shown(self._written.lists)

    def set_lists(self, placement: str, **knobs: float | None) -> dict[str, Any]:
        """Turn ``personal`` (0 to 100), ``tail``, ``calibrated`` or ``diverse`` (0 to 1) of one placement; None goes
        back to mercato.toml. Durable and in force for the next list when this returns; answers as ``lists``.

        Raises RequestError for an unknown placement or knob, or a value out of range.
        """
        with self._building:
            kept = Turned.of(self.store).turn(placement, knobs, self._clock())
            settings = kept.over(self._written)
            live = self._live.turned(settings, kept) if self._live else None
            kept.keep(self.store)
            self.settings = settings
            self._change(lambda served: replace(served, engine=live.engine if live else served.engine))
        return self.lists()

    def try_lists(self, placement: str, **knobs: float | None) -> Trial:
        """The shop as it would be with ``knobs`` turned, to look at without turning them. Raises as ``set_lists``."""
        live, now = self._serving(), self._clock()
        kept = Turned.of(self.store).turn(placement, knobs, now)
        return Trial(live, live.turned(kept.over(self._written), kept), placement, now)

    def _turned(self, turn: Callable[[Live], Live]) -> None:
        """``turn`` what is served into another over the same snapshot, while no new snapshot is opened."""
        with self._building:
            if self._live is not None:
                live = turn(self._live)
                self._change(lambda served: replace(served, engine=live.engine, merchandise=live.merchandise))

    # ---- products and shoppers ----------------------------------------------------------------------------------

    def put_products(self, products: Iterable[Product]) -> tuple[int, int]:
        """Insert or replace products durably: (inserted, updated). The next search has them as they are now, and so
        has every list those it knew before; new ones are recommended and suggested after the next ``train``. Where too
        many have other words than at training (``overlay``), the last ones wait for it, and answers say so."""
        counts = self.store.put_products(products)
        self._restock()
        return counts

    def delete_product(self, product_id: str) -> bool:
        """Take a product out: it is gone from the next answer on. False when it was not there."""
        found = self.store.delete_product(product_id)
        self._restock()
        return found

    def _restock(self) -> None:
        """Serve every product as it is in the store now. One thread at a time: of those that wait the first serves what
        all of them changed, and the others are done; what came later is for whoever changed it."""
        version = self.store.catalogue_version()
        with self._building:
            if self._live is not None and self._live.overlay.version < version:
                live = self._live.stocked(self.store)
                self._change(lambda served: served.stocked_as(live))

    def _change(self, change: Callable[[Live], Live]) -> None:
        with self._swap:
            if self._live is not None:
                self._live = change(self._live)
