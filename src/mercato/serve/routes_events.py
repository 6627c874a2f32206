"""What shoppers did in, kept on disk before the answer goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import Response

from mercato import data
from mercato.errors import DataError, RequestError
from mercato.schema import Interaction
from mercato.serve.bodies import EventsBody, answer, checked, documented
from mercato.serve.served import OneServed, OneTenant

router = APIRouter(prefix="/v1", tags=["events"])


@router.post("/events", summary="Record what shoppers did", status_code=202, openapi_extra=documented(EventsBody))
def events(served: OneServed, tenant: OneTenant, body: Annotated[EventsBody, Depends(checked(EventsBody))]) -> Response:
    """202 once every accepted event is durable; a bad event is refused by itself, with its index and field."""
    if len(body.events) > served.limits.batch:
        raise RequestError(f"at most {served.limits.batch:,} events in one call", where="events")
    now = datetime.now(UTC)
    accepted, rejected = _sorted_out(body.events, now)
    receipt = tenant.shop.record(accepted)
    tenant.meters.events(accepted=receipt.accepted, duplicates=receipt.duplicates, rejected=len(rejected))
    tenant.trail.received(accepted, rejected, now)
    return answer({"accepted": receipt.accepted, "duplicates": receipt.duplicates, "rejected": rejected}, status=202)


def _sorted_out(records: list[Any], now: datetime) -> tuple[list[Interaction], list[dict[str, Any]]]:
    accepted: list[Interaction] = []
    rejected: list[dict[str, Any]] = []
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            rejected.append({"index": index, "field": "", "message": "an event is a JSON object"})
            continue
        try:
            accepted.append(data.interaction(record, now))
        except DataError as error:
            rejected.append({"index": index, "field": error.where, "message": error.what, "hint": error.hint or None})
    return accepted, rejected
