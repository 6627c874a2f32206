"""How much one caller may ask for: body sizes, batch sizes, depth, and requests in flight."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercato.serve.errors import Problem, refusal

MAX_K = 200
MAX_QUERY = 512
MAX_CART = 200
MAX_DEPTH = 10_000
MAX_ID = 256
MAX_PICTURE = 6 * 2**20
"""Bytes of a picture that is asked with; 50 KB show all that the encoder sees."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes; ``threads`` run shop calls, ``in_flight`` requests may wait for them."""

    body_bytes: int = 10 * 2**20
    import_bytes: int = 64 * 2**20
    batch: int = 10_000
    threads: int = 4
    in_flight: int = 512


class BodyLimit:
    """Answers 413 before a body above the limit is read, whether its length was declared or not."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limits.import_bytes if scope["path"].endswith(":import") else self.limits.body_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limit:
            await refusal(_too_large(limit))(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413, _too_large(limit).message)
            return message

        await self.app(scope, counted, send)


class InFlightLimit:
    """Answers 503 at once when more requests wait than can be answered soon: nobody waits out such a queue."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits, self.waiting = app, limits, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self.app(scope, receive, send)
            return
        if self.waiting >= self.limits.in_flight:
            busy = Problem(503, "overloaded", "too many requests are waiting", hint="try again in a second")
            await refusal(busy, {"Retry-After": "1"})(scope, receive, send)
            return
        self.waiting += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.waiting -= 1


class KnownHost:
    """Answers 400 to a Host header that is not ours, so that no web page can reach a loopback shop by rebinding DNS."""

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app, self.hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and self.hosts:
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
            if name not in self.hosts:
                known = ", ".join(sorted(self.hosts))
                problem = Problem(400, "unknown_host", f"this server does not answer for {name!r}", hint=f"use {known}")
                await refusal(problem)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _too_large(limit: int) -> Problem:
    return Problem(
        413, "too_large", f"the body is larger than {limit:,} bytes", field="body", hint="send it in several calls"
    )
