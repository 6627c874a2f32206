"""A request in, its answer out with an id, safe headers and a measured time, whatever happens inside."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercato.serve.errors import INTERNAL, refusal
from mercato.serve.metrics import Meters

_LOG = logging.getLogger("mercato.serve")
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def security_headers(image_sources: tuple[str, ...]) -> dict[str, str]:
    """Headers for every answer: only our own scripts, styles and calls, no framing, no sniffing, no referrer.

    ``image_sources`` are the CSP sources product pictures may come from besides this server.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": " ".join(("'self'", "data:", *image_sources)),
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


class Edge:
    """The outermost layer: request id, security headers, metrics, and a 500 that tells nothing of our insides."""

    def __init__(self, app: ASGIApp, meters: Meters, headers: dict[str, str]) -> None:
        self.app, self.meters, self.headers = app, meters, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id, started, status = _request_id(scope), time.perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, dressed)
        except Exception:
            _LOG.exception("request %s: %s %s failed", request_id, scope["method"], scope["path"])
            if status:
                raise
            await refusal(INTERNAL)(scope, receive, dressed)
        finally:
            route = getattr(scope.get("route"), "path", None) or "unmatched"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.meters.answered(method, route, status, time.perf_counter() - started)


def _request_id(scope: Scope) -> str:
    """The caller's own id when it is a sane one, else a fresh one."""
    given: bytes = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
