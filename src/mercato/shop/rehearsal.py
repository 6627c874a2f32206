"""A list as it is and as it would be with other rules in, what moves and why out; nothing is logged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mercato.codec import banner_to_dict
from mercato.policy.applied import Applied
from mercato.rules import SEARCH, run_of
from mercato.schema import Request, Slate
from mercato.shop.live import Live


@dataclass(frozen=True)
class Rehearsal:
    """The same ``request`` to the shop before and after a change of its rules, as of ``at``."""

    before: Live
    after: Live
    request: Request
    at: datetime

    def searched(self, query: str, sort: str = "") -> dict[str, Any]:
        """Both lists of a search: see ``_compared``. Raises RequestError for an unknown field or sort."""
        request = replace(self.request, query=query, sort=sort)
        now, then = (live.search(request, self.at, "preview")[0] for live in (self.before, self.after))
        ruled = self.after.rules(request, self.at)(then.corrected)
        return {"query": query, **self._compared(request, now, then, ruled)}

    def recommended(self, product: str = "") -> dict[str, Any]:
        """Both lists of a placement that starts from ``product`` (see ``Live.started``, which this raises as), which
        the answer then names."""
        request = self.before.started(self.request, product)
        now, then = (live.recommend(request, self.at, "preview")[0] for live in (self.before, self.after))
        named = self.before.named(request.product)
        told = {"query": "", "product": named} if named else {"query": ""}
        return {**told, **self._compared(request, now, then, self.after.applied(request, self.at))}

    def _compared(self, request: Request, now: Slate, then: Slate, ruled: Applied) -> dict[str, Any]:
        """``was`` is an item's place before, from 0, None when it was not among the k; ``pinned`` and ``lifted`` (what
        rules add to its score) say why it moved. ``resting`` are pins of the rules that hold which are not shown, and
        why."""
        places = {product_id: place for place, product_id in enumerate(now.ids)}
        pinned = set() if request.sort else {self.after.catalog.ids[pin.row] for pin in ruled.pins}
        return {
            "totals": {"now": now.total, "then": then.total},
            "now": _items(now),
            "then": [{**item, "was": places.get(item["id"]), "pinned": item["id"] in pinned} for item in _items(then)],
            "rules": list(ruled.rules),
            "banners": [banner_to_dict(banner) for banner in ruled.banners],
            "redirect": ruled.redirect,
            "synonyms": self._synonyms(ruled),
            "resting": self._resting(request, ruled),
        }

    def _synonyms(self, ruled: Applied) -> dict[str, list[str]]:
        """As the shopkeeper wrote them: a stem is no word to show."""
        speaking = (one.rule for one in self.after.merchandise.ruled if one.rule.id in ruled.rules)
        told = [words for rule in speaking for one in rule.synonyms for words in (one.source, *one.words)]
        written = {run_of(words): words for words in told}
        return {written[run]: [written[other] for other, _ in others] for run, others in ruled.synonyms.items()}

    def _resting(self, request: Request, ruled: Applied) -> list[dict[str, str]]:
        kept, catalog = self.after.merchandise.resting, self.after.catalog
        found = [
            {"rule": rule_id, "product": product, "why": why}
            for rule_id in ruled.rules
            for product, why in kept.get(rule_id, ())
        ]
        return found + [
            {"rule": pin.rule, "product": catalog.ids[pin.row], "why": why}
            for pin in ruled.pins
            if (why := self._why_not(pin.row, request, ruled))
        ]

    def _why_not(self, row: int, request: Request, ruled: Applied) -> str:
        """Why the list does not show the pinned ``row``; "" when it does."""
        live = self.after
        if not live.catalog.allowed(request.where)[row]:
            return "left out by the filter"
        if row in live.hidden or row in ruled.hidden:
            return "hidden, or taken out of the shop"
        if request.placement == SEARCH:
            return ""
        shown = live.engine.shown(request, live.hidden)
        if row >= len(shown):
            return "new: recommended after the next training"
        return "" if shown[row] else f"never shown in {request.placement}"


def _items(slate: Slate) -> list[dict[str, Any]]:
    return [
        {
            "id": item.product.id,
            "title": item.product.title,
            "category": (*item.product.categories, "")[0],
            "lifted": item.terms.get("rule", 0.0),
        }
        for item in slate.items
    ]
