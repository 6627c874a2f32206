"""Products and events in, one published snapshot and an account of what was learned out."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mercato import build
from mercato.artifacts import prune, publish
from mercato.catalog import Catalog
from mercato.codec import dumps
from mercato.errors import DataError
from mercato.feedback.asked import EVENTS, Asked, asked
from mercato.feedback.histories import Events
from mercato.jobs.encoders import Chosen, choose, with_shelf
from mercato.jobs.learn import Learned, learn
from mercato.jobs.logged import MOST, TEACHING, logged
from mercato.jobs.meaning import dense_index, need_index
from mercato.jobs.pictures import picture_index, told
from mercato.models.vectors import NamedEncoder
from mercato.parts import Behaviour, Parts
from mercato.retrieve.bundles import BundleIndex
from mercato.retrieve.numbers import Numbers
from mercato.retrieve.related import Related
from mercato.retrieve.social import Ties
from mercato.retrieve.suggest import Suggest, SuggestIndex
from mercato.retrieve.without import WithoutIndex
from mercato.schema import GRADES, Product
from mercato.settings import Settings
from mercato.stores.sqlite import ShopStore
from mercato.words import SCRIPTS

Tick = Callable[[str], None]

EVENT_COLUMNS = ("type", "shopper_id", "product_id", "at", "session_id")


def texts(products: Sequence[Product]) -> dict[str, list[str]]:
    """The text of each searchable field, one string per row."""
    return {
        "title": [product.title for product in products],
        "categories": [" ".join(product.categories) for product in products],
        "brand": [product.brand for product in products],
        "attributes": [" ".join(" ".join(values) for values in product.attributes.values()) for product in products],
        "description": [product.description for product in products],
    }


def train(
    store: ShopStore, home: Path, settings: Settings, now: datetime, tick: Tick, chosen: Chosen
) -> dict[str, Any]:
    """Train everything from the store and publish it atomically; a kill at any moment leaves the old snapshot serving.
    The ``chosen`` text encoder is named in the snapshot, which is served with no other.

    Text vectors are kept by text hash, so a run that was interrupted goes on where it stopped. Raises DataError when
    there is no product.
    """
    clock, encoder = _Clock(tick), chosen.encoder
    clock.start("catalogue")
    version = f"{now:%Y%m%dT%H%M%S%f}"
    changes = store.catalogue_version()
    catalog = Catalog.build(store.products(), version)
    if not len(catalog):
        raise DataError("there is no product to learn from", where=str(home), hint="mercato import SHOP products.csv")
    frame = store.events_frame(columns=EVENT_COLUMNS)
    seen = int(frame["seq"].max() or 0)  # type: ignore[arg-type]
    events = Events.from_frame(frame, catalog)
    del frame
    with threadpool_limits(1):
        clock.start("words and meaning")
        draft = drafted(settings, catalog, events, home / "cache", clock.tick, encoder)
        clock.start("pictures")
        pictures, images = picture_index(with_shelf(settings, home), catalog, draft.dense, home, clock.tick)
        end = int(events.at.max()) + 1 if len(events) else int(now.timestamp())
        clock.start("behaviour")
        since = datetime.fromtimestamp(end, UTC) - timedelta(days=settings.learn.window_days)
        clicks = logged(store.answered(since, TEACHING, MOST), catalog)
        ties = Ties.of(store.relations())
        learned = learn(settings, draft, end, home / "cache", clock.tick, ties, logged=clicks)
        clock.start("bundles")
        bundles = _bundles(settings, events, catalog)
        clock.start("searches")
        searches = _searches(store, draft, encoder, since)
        related = Related().index(
            searches.texts,
            searches.shoppers,
            (searches.queries, searches.rows, searches.weights),
            (searches.first, searches.then, searches.walkers),
            len(catalog),
        )
        parts = replace(
            learned.into(draft),
            suggest=suggestions(catalog, learned.behaviour.popular.counts, searches.popular()),
            related=related if len(searches.texts) else None,
            pictures=pictures,
            bundles=bundles,
        )
    clock.start("publish")
    report = clock.report(_account(catalog, events, parts, learned, now)) | {"seen": seen, "catalogue": changes}
    report["encoder"] = chosen.named()
    if images:
        report["pictures"] = images
        report["learned"]["pictures"] = told(images)
    about = {"created_at": report["trained_at"], "seen": seen}
    publish(home / "snapshots", version, lambda folder: _write(parts, report, folder), about)
    prune(home / "snapshots")
    return report


def _bundles(settings: Settings, events: Events, catalog: Catalog) -> BundleIndex:
    """What was bought in one basket and goes together."""
    bought = events.where(events.grades >= GRADES["purchase-complete"])
    return settings.bundles.mine(bought.owner, bought.baskets, bought.rows, catalog)


def _searches(store: ShopStore, draft: Parts, encoder: NamedEncoder, since: datetime) -> Asked:
    """What was searched for since then and may be offered to others."""
    events, read = store.events_frame(columns=EVENTS), build.reader(draft.lexical.vocabulary, encoder).parse
    return asked(events, store.searches_frame(since), draft.catalog, corrected=lambda query: read(query).corrected)


def drafted(
    settings: Settings, catalog: Catalog, events: Events, cache: Path, tick: Tick, encoder: NamedEncoder
) -> Parts:
    """Everything that needs no behaviour: words, text vectors, suggestions. Lanes and weights are still empty."""
    tick("words")
    products = [catalog.product(row) for row in range(len(catalog))]
    fields = texts(products)
    # where a title is only the id again, its vector says nothing
    spoken = any(product.title != product.id for product in products)
    del products
    lexical = settings.lexical.index(fields)
    tick("meaning")
    dense = dense_index(settings, catalog, lexical, encoder, cache / "vectors", tick)
    content = settings.content.fit(dense.vectors, dense.text_of) if spoken else None
    nothing = events.where(np.zeros(len(events), bool))
    return Parts(
        catalog, events, lexical, suggestions(catalog, np.zeros(len(catalog))), dense, content,
        build.learn_behaviour(settings, nothing, len(catalog), 0, lambda _: None), {},
        numbers=Numbers().index(catalog.ids, {name: fields[name] for name in ("title", "attributes")}),
        lacking=WithoutIndex.index(fields),
        needs=need_index(lexical, dense, encoder, cache / "vectors"),
    )  # fmt: skip


def suggestions(
    catalog: Catalog, popularity: NDArray[np.float64], queries: Iterable[tuple[str, int, int]] = ()
) -> SuggestIndex:
    """Completions of titles, categories and brands, the most popular (n,) first, and of past ``queries``."""
    counts = {
        name: catalog.facets[name].counts(catalog.sellable) if name in catalog.facets else {}
        for name in ("categories", "brand")
    }
    products = [catalog.product(row) for row in range(len(catalog))]
    return Suggest().index(
        [product.title for product in products],
        popularity,
        categories=counts["categories"].items(),
        queries=queries,
        brands=counts["brand"].items(),
        aisles=[product.categories[0] if product.categories else "" for product in products],
    )


def _write(parts: Parts, report: dict[str, Any], folder: Path) -> None:
    parts.save(folder)
    (folder / "report.json").write_bytes(dumps(report))


def _account(catalog: Catalog, events: Events, parts: Parts, learned: Learned, now: datetime) -> dict[str, Any]:
    """What was learned from how much; filled up with times by the clock."""
    counts = {name: learned.lists.get(name, 0) for name in ("again", "new", "basket")}
    few = "too few shoppers with purchases before and after the cut: built-in weights"
    return {
        "trained_at": now.isoformat().replace("+00:00", "Z"),
        "data": {
            "products": len(catalog),
            "sellable": int(catalog.sellable.sum()),
            "events": len(events),
            "events_of_unknown_products": events.unknown,
            "shoppers": len(events.shoppers),
            "baskets": len(np.unique(events.baskets)),
        },
        "learned": {
            "words": f"{len(parts.lexical.vocabulary.terms)} words",
            "meaning": "skipped: no text encoder" if parts.dense is None else (
                f"{len(parts.dense.vectors)} distinct texts, cut-off at cosine {parts.dense.cutoff:.2f}, "
                f"reads {', '.join(sorted(set(SCRIPTS) - parts.dense.unread)) or 'nothing here'}"
            ),
            "together": f"{parts.behaviour.together.nnz} pairs from shared baskets",
            "bundles": f"{0 if parts.bundles is None else len(parts.bundles)} sets of two or three products",
            "neighbours": f"{parts.behaviour.neighbours.nnz} pairs from shared shoppers",
            "taste": f"{len(parts.behaviour.taste.known)} products with factors",
            "transitions": _graph(parts.behaviour),
            "searches": f"{0 if parts.related is None else len(parts.related.texts)} that others may be offered",
            **learned.account,
            **{f"weights: {name}": f"{count} lists" if count else few for name, count in counts.items()},
        },
        "weights": {
            name: [{"note": s.note, "term": s.term, "weight": s.weight, "scale": s.scale} for s in linear.signals]
            for name, linear in parts.weights.items()
        },
    }  # fmt: skip


def _graph(behaviour: Behaviour) -> str:
    graph = behaviour.graph
    numbers = f"back {graph.back}, power {graph.power}, decay {graph.decay}, hops {graph.hops}"
    return f"{behaviour.transitions.nnz} edges; {numbers}"


class _Clock:
    """Seconds per step and the peak memory of this process."""

    def __init__(self, tick: Tick) -> None:
        self.tick = tick
        self._steps: list[tuple[str, float]] = []

    def start(self, step: str) -> None:
        self._steps.append((step, perf_counter()))
        self.tick(step)

    def report(self, account: dict[str, Any]) -> dict[str, Any]:
        ends = [begun for _, begun in self._steps[1:]] + [perf_counter()]
        seconds = {step: round(end - begun, 2) for (step, begun), end in zip(self._steps, ends, strict=True)}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            **account,
            "seconds": round(sum(seconds.values()), 2),
            "steps": seconds,
            "peak_mb": round(peak / 1024, 1),
        }


def load_encoder(settings: Settings, home: Path) -> tuple[NamedEncoder, Sequence[str]]:
    """The text encoder of the next training, and why it is not the one that was meant."""
    chosen = choose(settings, home)
    return chosen.encoder, chosen.refused
