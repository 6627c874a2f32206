"""A served snapshot in, what the console shows of shoppers and lanes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from mercato import build, codec
from mercato.schema import GRADES, REPEAT_GRADE, History, Request
from mercato.settings import Settings
from mercato.shop.live import Live

_TYPES = {grade: name for name, grade in GRADES.items()} | {REPEAT_GRADE: "purchase-complete"}


def portrait(live: Live, shopper_id: str, history: History, attributes: dict[str, Any]) -> dict[str, Any]:
    """What is known about one shopper: counts, favourite categories, the latest events."""
    catalog = live.parts.catalog
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
        "attributes": attributes,
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
    catalog = live.parts.catalog
    allowed = catalog.allowed({})
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


def _iso(seconds: Any) -> str:
    return codec.from_time(datetime.fromtimestamp(int(seconds), UTC)) or ""
