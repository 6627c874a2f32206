"""What the shop knows of a shopper."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mercato.serve.bodies import K, answer
from mercato.serve.limits import MAX_ID
from mercato.serve.served import OneTenant

router = APIRouter(prefix="/v1", tags=["shoppers"])


@router.get("/shoppers", summary="Shoppers whose id begins with a prefix")
def shoppers(tenant: OneTenant, prefix: Annotated[str, Query(max_length=MAX_ID)] = "", k: K = 50) -> Response:
    """Ids with their number of purchases and last visit."""
    return answer({"shoppers": tenant.trained().shoppers(k, prefix=prefix)})


@router.get("/shoppers/{shopper_id:path}", summary="One shopper")
def shopper(tenant: OneTenant, shopper_id: str) -> Response:
    """Counts, favourite categories, attributes and the last events."""
    return answer(tenant.trained().shopper(shopper_id))
