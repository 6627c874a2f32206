"""The model shelf as the console shows it: what there is, how a tuning went, how an encoder reads a pair."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from mercato.errors import BackendError
from mercato.serve.bodies import Body, Id, answer, checked, documented
from mercato.serve.limits import MAX_QUERY
from mercato.serve.served import OneTenant
from mercato.shop.models import Models

router = APIRouter(prefix="/v1", tags=["models"])
_SECONDS = 300


class PairBody(Body):
    """POST /v1/models:read."""

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY)] = Field(examples=["warm jacket"])
    product: Id = Field(examples=["p1"])


@router.get("/models", summary="The model shelf")
def models(tenant: OneTenant) -> Response:
    """By role: what comes in packages, the shop's own versions with what their manifests say (metrics and the curve of
    a tuning among it), which one is chosen and which one serves."""
    return answer({"roles": Models(tenant.shop.home).listed()})


@router.post("/models:read", summary="How the encoder reads a query and a product", openapi_extra=documented(PairBody))
async def read(tenant: OneTenant, body: Annotated[PairBody, Depends(checked(PairBody))]) -> Response:
    """What each word adds to the cosine (integrated gradients), its share of the attention, and which words meet.

    It needs torch, which a server never loads: a process of its own does the work.
    """
    return answer(await run_in_threadpool(_apart, str(tenant.shop.home), body.query, body.product))


def _apart(home: str, query: str, product: str) -> dict[str, object]:
    command = [sys.executable, "-m", "mercato", "models", "read", "--json", home, "--", query, product]
    try:
        # no shell, and what was sent stands behind "--": it is read as arguments alone
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise BackendError("reading the pair took too long", where="models:read", hint="try again later") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise BackendError(
            said[-1] if said else "it could not be read", where="models:read", hint="mercato models read"
        )
    found: dict[str, object] = orjson.loads(done.stdout)
    return found
