"""What the server did in, Prometheus text out (a registry of its own for each app)."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from mercato.schema import Slate
from mercato.shop import Shop

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds; the finest steps lie where a list should be answered."""


class Meters:
    """Counters of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "mercato_http_requests",
            "Answers by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "mercato_http_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self._events = Counter("mercato_events", "Events by what became of them", ["outcome"], registry=self.registry)
        self._slates = Counter("mercato_slates", "Lists answered", ["placement"], registry=self.registry)
        self._empty = Counter("mercato_empty_slates", "Lists without an item", ["placement"], registry=self.registry)
        self._degraded = Gauge(
            "mercato_degraded", "1 while a part was down in the last list", ["part"], registry=self.registry
        )
        self._held = Gauge("mercato_held", "What the shop holds", ["shop", "kind"], registry=self.registry)
        self._ready = Gauge("mercato_ready", "1 when the shop answers", ["shop"], registry=self.registry)
        self._down: set[str] = set()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP answer."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def events(self, *, accepted: int, duplicates: int, rejected: int) -> None:
        """One batch of events."""
        for outcome, count in (("accepted", accepted), ("duplicate", duplicates), ("rejected", rejected)):
            self._events.labels(outcome).inc(count)

    def slate(self, placement: str, slate: Slate) -> None:
        """One list, and which parts were down for it."""
        self._slates.labels(placement).inc()
        if not slate.items:
            self._empty.labels(placement).inc()
        for part in self._down - set(slate.degraded):
            self._degraded.labels(part).set(0)
        for part in slate.degraded:
            self._degraded.labels(part).set(1)
        self._down |= set(slate.degraded)

    def text(self, shops: Mapping[str, Shop]) -> bytes:
        """Everything in Prometheus' text format, with each shop's sizes read now."""
        for name, shop in shops.items():
            status = shop.status()
            self._ready.labels(name).set(bool(status["ready"]))
            for kind in ("products", "events", "shoppers"):
                self._held.labels(name, kind).set(status[kind])
        return generate_latest(self.registry)
