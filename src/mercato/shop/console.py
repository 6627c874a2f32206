"""A served snapshot in, what the console shows of shoppers and lanes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mercato import build, codec
from mercato.artifacts import current
from mercato.catalog import Catalog
from mercato.errors import NotFound
from mercato.feedback.doctor import Finding, examine
from mercato.jobs.encoders import ROLE, shelf
from mercato.schema import GRADES, REPEAT_GRADE, Impression, Request, Review
from mercato.search import READER
from mercato.settings import Settings
from mercato.shop.live import Live
from mercato.stores.sqlite import ShopStore

MODELS = {
    ROLE: "meaning is that of an earlier model, or of letters alone",
    "meaning": "search finds words only",
    READER: "the first rows of a search are not read once more",
}
"""What it costs that a model is missing, by the part that an answer calls degraded."""
_TYPES = {grade: name for name, grade in GRADES.items()} | {REPEAT_GRADE: "purchase-complete"}


def status(name: str, store: ShopStore, live: Live | None, notes: list[str]) -> dict[str, Any]:
    """Is it ready, how much it holds, and what is missing."""
    return {
        "name": name,
        "ready": live is not None,
        "products": store.product_count(),
        "events": store.last_seq(),
        "shoppers": len(live.parts.events.shoppers) if live else 0,
        "versions": dict(live.engine.versions) if live else {},
        "degraded": list(live.engine.degraded) if live else [],
        "notes": notes,
    }


def portrait(live: Live, shopper_id: str, attributes: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """What is known about one shopper: counts, favourite categories, the latest events. Raises NotFound where nothing
    is."""
    history = live.histories.of(shopper_id, "", int(now.timestamp()))
    if not len(history) and attributes is None:
        raise NotFound(f"no shopper {shopper_id!r}", where="id")
    catalog = live.catalog
    leaves = catalog.leaf[history.rows]
    counts = np.bincount(leaves[leaves >= 0], minlength=1)
    examples = {int(leaf): int(row) for leaf, row in zip(leaves, history.rows, strict=True)}
    top = [code for code in np.argsort(-counts, kind="stable")[:8].tolist() if counts[code]]
    recent = [
        {
            "type": _TYPES[int(history.grades[place])],
            "at": _iso(history.at[place]),
            "product_id": catalog.ids[history.rows[place]],
            "title": catalog.product(int(history.rows[place])).title,
        }
        for place in range(len(history) - 1, max(len(history) - 21, -1), -1)
    ]
    return {
        "id": shopper_id,
        "events": len(history),
        "purchases": int((history.grades >= GRADES["purchase-complete"]).sum()),
        "first_at": _iso(history.at[0]) if len(history) else None,
        "last_at": _iso(history.at[-1]) if len(history) else None,
        "attributes": attributes or {},
        "top_categories": [
            {"path": catalog.product(examples[code]).categories[0], "count": int(counts[code])} for code in top
        ],
        "recent": recent,
    }


def roster(live: Live, k: int, prefix: str) -> list[dict[str, Any]]:
    """Shoppers of the snapshot whose id starts with ``prefix``, most events first."""
    events = live.parts.events
    counts = np.bincount(events.owner, minlength=len(events.shoppers))
    chosen = [n for n in np.argsort(-counts, kind="stable").tolist() if events.shoppers[n].startswith(prefix)]
    return [
        {
            "id": events.shoppers[n],
            "purchases": int(counts[n]),
            "last_at": _iso(events.at[np.searchsorted(events.owner, n + 1) - 1]),
        }
        for n in chosen[:k]
    ]


def lanes(live: Live, settings: Settings, request: Request) -> list[dict[str, Any]]:
    """The best of every retriever that has something to say to ``request``."""
    catalog = live.catalog
    allowed = catalog.allowed({})[: len(live.parts.catalog)]
    said = []
    for name, lane in build.lanes(settings, live.parts.behaviour, live.parts.dense, live.parts.content).items():
        ranking = lane.retrieve(request, allowed, request.k)
        items = [
            {"id": catalog.ids[row], "title": catalog.product(int(row)).title, "score": float(score)}
            for row, score in zip(ranking.rows, ranking.scores, strict=True)
        ]
        if items:
            said.append({"name": name, "items": items})
    return said


def views(live: Live, settings: Settings, request: Request, now: datetime) -> dict[str, Any]:
    """What each retriever and term says to ``request``, beside the list it gets ``now``."""
    slate, _ = live.recommend(request, now, "preview")
    items = codec.slate_to_dict(slate, explain=True)["items"]
    shown = [{name: item[name] for name in ("id", "title", "score", "terms", "reason")} for item in items]
    return {"lanes": lanes(live, settings, request), "slate": shown, "weights": live.report["weights"]}


def examined(catalog: Catalog | None, store: ShopStore, now: datetime) -> dict[str, Any]:
    """What is wrong with the catalogue and the events."""
    columns = ("type", "shopper_id", "product_id", "at", "slate_id", "position")
    return examine(catalog, store.events_frame(columns=columns), now)


def models(status: dict[str, Any], home: Path) -> list[dict[str, Any]]:
    """What is wrong with the models that serve, as the doctor says it."""
    parts = [part for part in status["degraded"] if part in MODELS]
    found = [
        Finding(
            "error", f"degraded: {part}", 1, 1.0, MODELS[part], "mercato models check SHOP, then choose or rollback",
            tuple(status["notes"]),
        )
        for part in parts
    ]  # fmt: skip
    serving, root = status["versions"].get(ROLE, ""), shelf(home)
    chosen = current(root)
    if status["ready"] and (chosen.name if chosen else "") != serving:
        what = f"encoder {chosen.name if chosen else 'of mercato.toml'} is chosen, {serving or 'another'} serves"
        found.append(Finding("info", what, 1, 1.0, "search is not what it will be", "run: mercato train SHOP"))
    return [asdict(one) for one in found or [Finding("ok", "models", 0, 0.0, "", "")]]


def rated(product_id: str, reviews: Iterable[Review]) -> dict[str, Any]:
    """How many reviews a product has, their average rating and the spread."""
    ratings = [review.rating for review in reviews if review.rating is not None]
    spread = {str(stars): sum(1 for rating in ratings if round(rating) == stars) for stars in range(1, 6)}
    average = round(sum(ratings) / len(ratings), 2) if ratings else None
    return {"product_id": product_id, "count": len(ratings), "average": average, "by_rating": spread}


def empty_searches(found: Iterable[tuple[str, int, datetime]]) -> list[dict[str, Any]]:
    """Queries that found nothing, with how often and when last."""
    return [{"query": query, "count": count, "last_at": codec.from_time(at)} for query, count, at in found]


def recent_searches(shown: Iterable[Impression]) -> list[dict[str, Any]]:
    """The searches among lists shown, with how much they found."""
    searches = [one for one in shown if one.placement == "search" and one.query]
    return [{"query": one.query, "total": one.total, "last_at": codec.from_time(one.at)} for one in searches]


def _iso(seconds: Any) -> str:
    return codec.from_time(datetime.fromtimestamp(int(seconds), UTC)) or ""
