"""A shop as it is and as it would be turned in, what changes for one shopper and for many out; nothing is logged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from mercato.evaluate.metrics import kept
from mercato.jobs.knobs import Looks, unturned
from mercato.schema import Request, Rows, Slate
from mercato.shop.live import Live


@dataclass(frozen=True)
class Trial:
    """The lists of one placement at one moment, from two engines over the same snapshot."""

    live: Live
    turned: Live
    placement: str
    now: datetime

    def compared(self, k: int = 10, shopper: str = "", product: str = "") -> dict[str, Any]:
        """One shopper's list now and turned; ``was`` is an item's place now, from 0, None when it was not among the k.

        A placement that starts from a product takes ``product``, else the shopper's last, else what sells best. Raises
        RequestError for an impossible k, NotFound for an unknown product.
        """
        request = self._request(k, shopper, product)
        before, after = (live.recommend(request, self.now, "preview")[0] for live in (self.live, self.turned))
        places = {product_id: place for place, product_id in enumerate(before.ids)}
        return {
            "placement": self.placement,
            "shopper": shopper,
            "product": self.live.named(request.product),
            "now": _items(before),
            "turned": [{**item, "was": places.get(item["id"])} for item in _items(after)],
        }

    def sampled(self, shoppers: int = 24, k: int = 10) -> dict[str, Any]:
        """How the lists of so many shoppers, drawn by a fixed seed, look now and turned, and which share of their
        products stays. What shoppers would make of it only held-out sales can say (``jobs.knobs``)."""
        known = self.live.parts.events.shoppers
        drawn = np.sort(np.random.default_rng(0).permutation(len(known))[:shoppers])
        asked = [self._request(k, known[number], "") for number in drawn]
        before, after = ([_rows(one, request) for request in asked] for one in (self.live, self.turned))
        looks = Looks.of(self.live.parts)
        return {
            "shoppers": len(asked),
            "kept": kept(before, after),
            "now": looks.figures(asked, before),
            "turned": looks.figures(asked, after),
        }

    def _request(self, k: int, shopper: str, product: str) -> Request:
        return self.live.started(self.live.request(self.placement, self.now, k=k, shopper=shopper), product)


def _rows(live: Live, request: Request) -> Rows:
    policy = live.engine.placements[request.placement].policy
    return policy.apply(request, unturned(live.engine, request, live.hidden)).rows[: request.k]


def _items(slate: Slate) -> list[dict[str, Any]]:
    return [
        {"id": item.product.id, "title": item.product.title, "category": (*item.product.categories, "")[0]}
        for item in slate.items
    ]
