"""An event log that lives as long as its process: for tests, and for shops that need not outlive it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from mercato.ports import Receipt
from mercato.schema import Interaction
from mercato.stores.events import event_row


class MemoryEventLog:
    """Keeps events in a list; the law of ports.EventLog but for outliving the process."""

    def __init__(self) -> None:
        self._events: list[Interaction] = []
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def append(self, events: Sequence[Interaction]) -> Receipt:
        """Keep ``events``, all or none; raises DataError naming the field that is missing or cannot be kept."""
        for event in events:
            event_row(event)
        with self._lock:
            fresh: dict[str, Interaction] = {}
            for event in events:
                if event.event_id not in self._ids:
                    fresh.setdefault(event.event_id, event)
            self._events.extend(fresh.values())
            self._ids.update(fresh)
        return Receipt(len(fresh), len(events) - len(fresh))

    def read(self, after: int = 0) -> Iterator[tuple[int, Interaction]]:
        """(seq, event) of every event numbered above ``after``, in the order they were kept."""
        for position in range(max(after, 0), len(self._events)):
            yield position + 1, self._events[position]
