"""Routes the contract names and this version does not have: each says so instead of a bare 404."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mercato.serve.errors import Problem, refusal

router = APIRouter(prefix="/v1", include_in_schema=False)


async def _not_built_yet(request: Request) -> Response:
    message = f"{request.method} {request.url.path} comes in a later version"
    return refusal(Problem(501, "not_built_yet", message, hint="what there is today is listed at /docs"))


for name in ("assistant", "ads:auction"):
    router.add_api_route(f"/{name}", _not_built_yet, methods=["POST"])
for name in ("trials", "forecasts", "prices", "restock", "campaigns"):
    for path in (f"/{name}", f"/{name}/{{rest:path}}"):
        router.add_api_route(path, _not_built_yet, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
router.add_api_route("/shoppers/{shopper_id:path}", _not_built_yet, methods=["DELETE"])
