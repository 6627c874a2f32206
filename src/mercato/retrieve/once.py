"""A request's working kept while the same request is asked again: one thread, one request, one result."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from mercato.schema import Request

T = TypeVar("T")


class Once(Generic[T]):
    """``work`` done once per request and thread: a lane is asked to retrieve, then to score, then where it came from.

    Only the last request of each thread is kept. Another one counts as the same when it is by the same shopper at the
    same moment with the same query, and its history, anchors and picture are the very same objects: what is asked for
    two placements is worked out once. ``work`` may use nothing else of a request.
    """

    def __init__(self, work: Callable[[Request], T]) -> None:
        self._work = work
        self._kept = threading.local()

    def __call__(self, request: Request) -> T:
        """The result of ``work`` for ``request``."""
        if not _same(getattr(self._kept, "request", None), request):
            self._kept.value = self._work(request)
            self._kept.request = request
        value: T = self._kept.value
        return value


def _same(one: Request | None, other: Request) -> bool:
    if one is None or one.history is not other.history or one.anchors is not other.anchors:
        return False
    if one.picture is not other.picture:
        return False
    return (one.shopper, one.at, one.query) == (other.shopper, other.at, other.query)
