"""A catalogue and judged queries in, one table out: Mercato's search, its halves and other libraries on all of them."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mercato import build
from mercato.catalog import Catalog
from mercato.data.batch import COLUMNS
from mercato.engine import Engine
from mercato.evaluate.metrics import bootstrap, graded_ndcg, paired, recall, reciprocal_rank
from mercato.feedback.histories import Events
from mercato.jobs.judgments import Judged, Judgments
from mercato.jobs.search_peers import Find, SearchPeer, search_peers
from mercato.jobs.train import EVENT_COLUMNS, drafted, texts
from mercato.models.vectors import NamedEncoder
from mercato.parts import Parts
from mercato.schema import Request, Rows
from mercato.scores import complete, hints
from mercato.settings import Settings

Tick = Callable[[str], None]
OURS = "mercato"
DEPTH = 50
NOBODY = np.empty(0, np.int32)
AT = datetime(2000, 1, 1, tzinfo=UTC)
PROTOCOL = (
    "a new shop of these products with built-in settings, no events and nothing learned from judgments; the whole "
    "catalogue is ranked; nDCG with linear gain, every query, unjudged = 0 (trec_eval's ndcg_cut_10, recall, "
    "recip_rank over 50 places; relevant = a grade above 0); judged@10: the share of shown products that was judged; "
    "no_result: the share of queries without a single product; 95 % bootstrap intervals over queries, p of the paired "
    "bootstrap; ms per query of one thread, each query asked once for 50 products after a warm-up, Mercato's including "
    "the products themselves"
)


@dataclass(frozen=True)
class Asked:
    """What one ranker answered: ``lists`` of at most 50 rows and the ``ms`` each took, by query."""

    lists: Sequence[Rows]
    ms: NDArray[np.float64]


def search(
    catalog: Catalog,
    judgments: Judgments,
    settings: Settings,
    encoder: NamedEncoder,
    cache: Path,
    tick: Tick,
    *,
    peers: bool = True,
    worst: int = 20,
) -> dict[str, Any]:
    """Ask every query of every ranker once; ``tasks`` are all queries and each of their slices.

    *mercato* is what ``Shop.search`` shows in a new shop; *words only* the same shop without an encoder; *meaning only*
    its semantic lane: what is above the cut-off, and where nothing is, what comes closest. ``worst`` queries are told
    with what was shown and what was wanted, those where Mercato is furthest behind the best other first. Raises
    DataError when ``peers`` are wanted and not installed.
    """
    with threadpool_limits(1):
        parts = _new_shop(catalog, settings, encoder, cache, tick)
        shop = build.engine(settings, parts, encoder, {})
        rankers: dict[str, Find] = {
            OURS: _served(shop),
            "mercato, words only": _served(build.engine(settings, replace(parts, dense=None), None, {})),
        }
        if (meaning := build.meaning(settings, parts, encoder)) is not None:
            rankers["mercato, meaning only"] = lambda query, k: meaning.nearest(query, catalog.sellable, k).rows
        others = _peers(catalog, parts, encoder, tick) if peers else {}
        asked = {}
        for name, find in (rankers | {name: peer.find for name, peer in others.items()}).items():
            tick(f"{name}: {len(judgments.queries):,} queries")
            asked[name] = _ask(find, judgments.queries)
    return {
        "protocol": PROTOCOL,
        "data": {
            "products": len(catalog),
            "queries": len(judgments.queries),
            **judgments.account,
            "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}",
        },
        "peers": {name: peer.account for name, peer in others.items()},
        "tasks": [_task(name, judgments.queries, asked, places) for name, places in _slices(judgments.queries).items()],
        "worst": _worst(shop, judgments.queries, asked, worst),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _new_shop(catalog: Catalog, settings: Settings, encoder: NamedEncoder, cache: Path, tick: Tick) -> Parts:
    """What ``mercato train`` makes of a catalogue without a single event."""
    columns = {name: COLUMNS["events"][name] for name in EVENT_COLUMNS}
    nothing = Events.from_frame(pl.DataFrame(schema=columns), catalog)
    draft = drafted(settings, catalog, nothing, cache, tick, encoder)
    return replace(draft, weights=complete(settings, {}, hints(settings, catalog)))


def _peers(catalog: Catalog, parts: Parts, encoder: NamedEncoder, tick: Tick) -> dict[str, SearchPeer]:
    tick("indexes of the peers")
    products = [catalog.product(row) for row in range(len(catalog))]
    assert parts.dense is not None  # there is always an encoder: letters stand in for the real one
    found = search_peers(texts(products), catalog, parts.dense, encoder)
    return {f"{name} (peer)": peer for name, peer in found.items()}


def _served(engine: Engine) -> Find:
    def find(query: str, k: int) -> Rows:
        slate, _ = engine.search(Request("search", AT, k=k, query=query), NOBODY, "")
        return engine.catalog.rows(slate.ids)

    return find


def _ask(find: Find, queries: Sequence[Judged]) -> Asked:
    """Every query once, in order; the first three are asked before the clock runs, turned round: no cache helps."""
    for one in queries[:3]:
        find(one.query[::-1], DEPTH)
    lists, ms = [], np.empty(len(queries))
    for place, one in enumerate(queries):
        begun = perf_counter()
        lists.append(find(one.query, DEPTH))
        ms[place] = (perf_counter() - begun) * 1000
    return Asked(lists, ms)


def _slices(queries: Sequence[Judged]) -> dict[str, list[int]]:
    """Places of all queries, and of each slice where there are several."""
    found: dict[str, list[int]] = {}
    for place, one in enumerate(queries):
        found.setdefault(one.slice, []).append(place)
    return {"all queries": list(range(len(queries))), **(found if len(found) > 1 else {})}


def _task(name: str, queries: Sequence[Judged], asked: Mapping[str, Asked], places: Sequence[int]) -> dict[str, Any]:
    rows = [_row(model, [queries[place] for place in places], found, places) for model, found in asked.items()]
    ours = gains([queries[place] for place in places], [asked[OURS].lists[place] for place in places])
    for row in rows:
        if row["model"] != OURS:
            lists = [asked[row["model"]].lists[place] for place in places]
            ahead, p = paired(ours, gains([queries[place] for place in places], lists))
            row["ours_ahead"] = {**ahead.to_dict(), "p": round(p, 4)}
    return {"name": name, "cases": len(places), "rows": rows}


def gains(queries: Sequence[Judged], lists: Sequence[Rows]) -> NDArray[np.float64]:
    """nDCG@10 of each list."""
    return np.array([graded_ndcg(rows, one.grades) for rows, one in zip(lists, queries, strict=True)])


def _row(model: str, queries: Sequence[Judged], asked: Asked, places: Sequence[int]) -> dict[str, Any]:
    lists, ms = [asked.lists[place] for place in places], asked.ms[list(places)]
    pairs = [(rows, one.wanted) for rows, one in zip(lists, queries, strict=True)]
    judged = [np.isin(rows[:10], list(one.grades)) for rows, one in zip(lists, queries, strict=True)]
    return {
        "model": model,
        "ours": model == OURS,
        "ndcg@10": bootstrap(gains(queries, lists)).to_dict(),
        "recall@10": bootstrap([recall(rows, wanted) for rows, wanted in pairs]).to_dict(),
        "recall@50": bootstrap([recall(rows, wanted, 50) for rows, wanted in pairs]).to_dict(),
        "mrr": bootstrap([reciprocal_rank(rows, wanted) for rows, wanted in pairs]).to_dict(),
        "judged@10": round(float(np.concatenate(judged).mean()), 4) if any(map(len, judged)) else 0.0,
        "no_result": round(float(np.mean([len(rows) == 0 for rows in lists])), 4),
        "p50_ms": round(float(np.percentile(ms, 50)), 3),
        "p99_ms": round(float(np.percentile(ms, 99)), 3),
    }


def _worst(engine: Engine, queries: Sequence[Judged], asked: Mapping[str, Asked], most: int) -> list[dict[str, Any]]:
    found = {name: gains(queries, one.lists) for name, one in asked.items()}
    best = np.max([values for name, values in found.items() if name != OURS], axis=0)
    order = np.lexsort((found[OURS], found[OURS] - best))[:most]
    return [_told(engine, queries[at], {name: round(float(one[at]), 4) for name, one in found.items()}) for at in order]


def _told(engine: Engine, one: Judged, ndcg: Mapping[str, float]) -> dict[str, Any]:
    """One query: how it was read, what was shown, and the first places of what was wanted."""
    slate, _ = engine.search(Request("search", AT, k=DEPTH, query=one.query), NOBODY, "")
    shown = engine.catalog.rows(slate.ids).tolist()
    wanted = sorted(one.wanted.tolist(), key=lambda row: -one.grades[row])[:3]
    places = {row: place for place, row in enumerate(shown, 1)}
    return {
        "query": one.query,
        "slice": one.slice,
        "ndcg@10": ndcg,
        "corrected": slate.corrected,
        "relaxed": slate.relaxed,
        "total": slate.total,
        "shown": [_product(engine, row, one) for row in shown[:5]],
        "wanted": [_product(engine, row, one) | {"place": places.get(row)} for row in wanted],
    }


def _product(engine: Engine, row: int, one: Judged) -> dict[str, Any]:
    product = engine.catalog.product(row)
    return {"id": product.id, "title": product.title, "grade": one.grades.get(row)}
