"""Whatever went wrong in, one JSON error shape with the right status out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mercato.codec import dumps
from mercato.errors import BackendError, DataError, MercatoError, NotFound, RequestError

DOCS = "see /docs"
_CODES = {404: "no_such_route", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
_HINTS = {404: "the routes are listed at /docs", 405: DOCS}


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: HTTP ``status``, a stable ``code``, and what a person needs to act on it."""

    status: int
    code: str
    message: str
    field: str = ""
    hint: str = ""

    @property
    def type(self) -> str:
        """The family of the code."""
        if self.status == HTTPStatus.NOT_FOUND:
            return "not_found"
        return "invalid_request" if self.status < 500 else "server_error"

    def to_dict(self) -> dict[str, Any]:
        """CONTRACT.md's error shape; ``field`` and ``hint`` are null when there is nothing to say."""
        return {
            "error": {
                "code": self.code,
                "type": self.type,
                "message": self.message,
                "field": self.field or None,
                "hint": self.hint or None,
            }
        }


class MediaTypeError(RequestError):
    """The body is of a media type this route does not read (415)."""


class NotReadyError(MercatoError):
    """The shop cannot answer lists yet (503)."""


INTERNAL = Problem(
    500, "internal", "something went wrong on our side", hint="the server log has it under this answer's X-Request-ID"
)


def refusal(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an HTTP answer."""
    return Response(
        dumps(problem.to_dict()), status_code=problem.status, headers=dict(headers or {}), media_type="application/json"
    )


_REFUSALS: tuple[tuple[type[MercatoError], int, str], ...] = (
    (NotFound, 404, "not_found"),
    (MediaTypeError, 415, "unsupported_media_type"),
    (RequestError, 400, "invalid_request"),
    (DataError, 400, "invalid_data"),
    (NotReadyError, 503, "not_ready"),
)
"""The caller's doing, the special before the general: their words go out as they are."""


def problem_of(error: MercatoError) -> Problem:
    """Which refusal a Mercato error is; what is not the caller's doing says nothing of our insides."""
    for kind, status, code in _REFUSALS:
        if isinstance(error, kind):
            return Problem(status, code, error.what, error.where, error.hint)
    if isinstance(error, BackendError):
        return Problem(503, "unavailable", "a part of the shop is not answering", hint="try again shortly")
    return INTERNAL


def invalid(error: ValidationError | RequestValidationError) -> Problem:
    """The first thing wrong with a body or a query string, with the path of the field."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    if isinstance(error, RequestValidationError):
        location = location[1:]
    field = ".".join(location) or "body"
    if first["type"] == "extra_forbidden":
        return Problem(400, "unknown_field", f"there is no field {field!r}", field, f"check the spelling; {DOCS}")
    if first["type"] == "model_type":
        return Problem(400, "invalid_value", "the body is a JSON object", field, DOCS)
    code = "missing_field" if first["type"] == "missing" else "invalid_value"
    return Problem(400, code, str(first["msg"]).removeprefix("Value error, "), field, DOCS)


async def _mercato(_: Request, error: Exception) -> Response:
    assert isinstance(error, MercatoError)
    problem = problem_of(error)
    if problem is INTERNAL:
        raise error
    return refusal(problem)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError | RequestValidationError)
    return refusal(invalid(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "invalid_request" if error.status_code < 500 else "internal")
    message = str(error.detail)
    if error.status_code in (404, 405):
        message = f"{request.method} {request.url.path} is not a route"
    problem = Problem(error.status_code, code, message, hint=_HINTS.get(error.status_code, ""))
    return refusal(problem, error.headers)


def install(app: FastAPI) -> None:
    """Answer every failure of ``app`` in the one shape (what nobody expected is answered by ``edge``)."""
    app.add_exception_handler(MercatoError, _mercato)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
