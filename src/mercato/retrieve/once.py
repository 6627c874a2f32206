"""A request's working kept while the same request is asked again: one thread, one request, one result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mercato.schema import Request

T = TypeVar("T")


class Once(Generic[T]):
    """``work`` done once per request and thread: a lane is asked to retrieve, then to score, then where it came from.

    Only the last request of each thread is kept, by identity, so nothing can go stale.
    """

    def __init__(self, work: Callable[[Request], T]) -> None:
        self._work = work
        self._kept = threading.local()

    def __call__(self, request: Request) -> T:
        """The result of ``work`` for ``request``."""
        if getattr(self._kept, "request", None) is not request:
            self._kept.value = self._work(request)
            self._kept.request = request
        value: T = self._kept.value
        return value
