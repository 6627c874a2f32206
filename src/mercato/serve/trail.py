"""Events in, what became of each out: accepted, and joined to which list, or why not."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from mercato.codec import from_time, interaction_to_dict
from mercato.schema import Interaction, Slate

SLATES = 5_000
EVENTS = 300


@dataclass(frozen=True, slots=True)
class Shown:
    """A list this process answered: enough to say whether an event belongs to it. ``bundled`` stood beside it."""

    placement: str
    query: str
    shopper: str
    products: tuple[str, ...]
    bundled: frozenset[str] = frozenset()


class Trail:
    """The last lists answered and the last events received by this process (memory only: the log is the shop's)."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self._lock = Lock()

    def shown(self, slate: Slate, placement: str, query: str, shopper: str) -> None:
        """Remember a list that was answered."""
        with self._lock:
            bundled = frozenset(one for bundle in slate.bundles for one in bundle.ids)
            self._shown[slate.id] = Shown(placement, query, shopper, slate.ids, bundled)
            while len(self._shown) > SLATES:
                self._shown.popitem(last=False)

    def received(self, accepted: Sequence[Interaction], rejected: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Remember a batch: what was kept, what came twice (of these last events), and what was refused and why."""
        at = from_time(now.astimezone(UTC))
        with self._lock:
            known = {event["event_id"] for event in self._events if "event_id" in event}
            for event in accepted:
                joined, why = self._join(event)
                outcome = "duplicate" if event.event_id in known else "accepted"
                record = interaction_to_dict(event) | {"received_at": at, "outcome": outcome}
                self._events.append(record | {"joined": joined, "why": why})
                known |= {event.event_id} - {""}
            for refusal in rejected:
                self._events.append({"received_at": at, "outcome": "rejected", "joined": None, "why": _why(refusal)})

    def recent(self) -> list[dict[str, Any]]:
        """The last events, newest first."""
        with self._lock:
            return list(reversed(self._events))

    def _join(self, event: Interaction) -> tuple[dict[str, Any] | None, str]:
        """The list an event points back to, or the reason it counts for none (visits and the like need none)."""
        if not event.slate_id:
            return None, "it names no slate_id, so no list learns from it" if event.product_id else ""
        shown = self._shown.get(event.slate_id)
        if shown is None:
            return None, "this process has not answered that list (answered before the last start, or made up)"
        if why := _mismatch(event, shown):
            return None, why
        place = shown.products.index(event.product_id) if event.product_id in shown.products else None
        return {"placement": shown.placement, "query": shown.query, "position": place}, ""


def _mismatch(event: Interaction, shown: Shown) -> str:
    """Why an event cannot have come from that list, empty when it can."""
    if event.shopper_id != shown.shopper:
        return f"the list was answered for another shopper ({shown.shopper or 'nobody named'})"
    if not event.product_id:
        return ""
    if event.product_id not in shown.products:
        return "" if event.product_id in shown.bundled else "the product was not in that list"
    place = shown.products.index(event.product_id)
    if event.position not in (None, place):
        return f"the product was at place {place}, the event says {event.position}"
    return ""


def _why(refusal: Mapping[str, Any]) -> str:
    field = f" [{refusal['field']}]" if refusal.get("field") else ""
    return f"{refusal['message']}{field}"
