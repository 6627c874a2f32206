"""Judging search: query sets, judgments, and two settings of search side by side."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mercato.serve.bodies import Body, Id, K, answer, checked, documented
from mercato.serve.errors import MediaTypeError
from mercato.serve.limits import MAX_K, MAX_QUERY
from mercato.serve.served import OneTenant, Tenant
from mercato.shop.comparison import SearchKnobs

router = APIRouter(prefix="/v1", tags=["judging"])

_SUFFIXES = {"text/csv": ".csv", "application/x-ndjson": ".jsonl", "application/jsonl": ".jsonl"}
Source = Literal["hand", "clicks", "model"]
Text = Annotated[str, Field(max_length=MAX_QUERY)]


class SetBody(Body):
    """PUT /v1/query-sets/{name}."""

    queries: list[Text] = Field(max_length=10_000, description="all of them, in order", examples=[["oat milk", "tea"]])


class JudgmentBody(Body):
    """PUT /v1/query-sets/{name}/judgments."""

    query: Text = Field(examples=["oat milk"])
    product: Id = Field(examples=["p1"])
    grade: float | None = Field(description="0 not at all … 3 exactly what is asked for; null takes it back")
    by: Id = Field("", description="who says so")


class JudgeBody(Body):
    """POST /v1/query-sets/{name}:judge."""

    source: Literal["clicks", "model"] = Field(description="the shop's own clicks (SDBN), or its text encoder")


class KnobsBody(Body):
    """How B differs from what is served."""

    weights: dict[str, float] = Field(
        default_factory=dict, description="term of the score → what it is multiplied by", examples=[{"meaning": 0.5}]
    )
    meaning: bool = Field(True, description="false: words only")
    rules: bool = Field(True, description="false: without the shopkeeper's rules")
    typos: bool = Field(True, description="false: no word is corrected")
    partial: float | None = Field(None, description="0 to 1: how much of the words a product must hold; 1 all of them")

    def knobs(self) -> SearchKnobs:
        """The same for the shop."""
        return SearchKnobs(self.weights, self.meaning, self.rules, self.partial, self.typos)


class CompareBody(Body):
    """POST /v1/compare."""

    set: Id = Field(description="a query set", examples=["weekly"])
    knobs: KnobsBody = Field(default_factory=lambda: KnobsBody.model_validate({}))
    sources: list[Source] = Field(["hand", "clicks"], description="whose judgments count", max_length=3)
    shopper: Id = Field("", description="whose lists; nobody's when empty")


class SideBySideBody(CompareBody):
    """POST /v1/compare:lists."""

    query: Text = Field(examples=["oat milk"])
    set: Id = Field("", description="whose judgments stand beside the products; none when empty")
    k: int = Field(10, ge=1, le=MAX_K)


@router.get("/query-sets", summary="All query sets")
def query_sets(tenant: OneTenant) -> Response:
    """How many queries each has, and how many judgments of each source."""
    return answer({"sets": tenant.shop.judging.sets()})


@router.get("/query-sets:suggest", summary="Queries to judge, from what shoppers ask")
def suggest(
    tenant: OneTenant,
    k: K = 50,
    how: Annotated[str, Query(description="frequent, weighted (by how often each is asked) or random")] = "weighted",
    seed: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> Response:
    """A weighted sample is close to what all shoppers ask, rare queries included."""
    return answer({"queries": tenant.shop.judging.suggestions(how, k, seed)})


@router.get("/query-sets/{name}", summary="One query set with its judgments")
def query_set(tenant: OneTenant, name: str) -> Response:
    """Every judgment with who made it, when, and from what."""
    return answer(tenant.shop.judging.get(name))


@router.put("/query-sets/{name}", summary="Write a query set", openapi_extra=documented(SetBody))
def put(tenant: OneTenant, name: str, body: Annotated[SetBody, Depends(checked(SetBody))]) -> Response:
    """In the place of the one with this name; judgments of a query taken out rest until it is back."""
    return answer(tenant.shop.judging.put(name, body.queries))


@router.delete("/query-sets/{name}", summary="Take a query set out")
def delete(tenant: OneTenant, name: str) -> Response:
    """With all its judgments."""
    tenant.shop.judging.delete(name)
    return answer({"deleted": name})


@router.put("/query-sets/{name}/judgments", summary="Judge one product by hand", openapi_extra=documented(JudgmentBody))
def judge(tenant: OneTenant, name: str, body: Annotated[JudgmentBody, Depends(checked(JudgmentBody))]) -> Response:
    """Saved when this answers; a query that the set does not have is added to it."""
    tenant.shop.judging.judge(name, body.query, body.product, body.grade, body.by)
    return answer({"query": body.query, "product": body.product, "grade": body.grade})


@router.get("/query-sets/{name}/judgments:export", summary="The judgments as CSV")
def export(tenant: OneTenant, name: str) -> Response:
    """Columns query, product_id, grade, source, by, at: what :import and ``mercato bench search`` read."""
    headers = {"Content-Disposition": 'attachment; filename="judgments.csv"'}
    return Response(tenant.shop.judging.export(name), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/query-sets/{name}/judgments:import", summary="Import judgments", openapi_extra={"requestBody": {}})
async def import_judgments(request: Request, tenant: OneTenant, name: str) -> Response:
    """A CSV or NDJSON file as the body with query, product_id, grade (0 to 3); all of it or, on an error, nothing."""
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in _SUFFIXES:
        raise MediaTypeError("the body must be a file of judgments", hint=f"Content-Type: {', '.join(_SUFFIXES)}")
    return answer(await run_in_threadpool(_import_file, tenant, name, await request.body(), _SUFFIXES[media]))


@router.post("/query-sets/{name}:judge", summary="Judge all of it", openapi_extra=documented(JudgeBody))
def judge_all(tenant: OneTenant, name: str, body: Annotated[JudgeBody, Depends(checked(JudgeBody))]) -> Response:
    """From clicks or by model, in the place of what that source said before; what it rests on is in the answer."""
    judging = tenant.trained().judging
    return answer(judging.from_clicks(name) if body.source == "clicks" else judging.from_model(name))


@router.get("/compare", summary="What of search can be turned")
def knobs(tenant: OneTenant) -> Response:
    """The terms of its score, and whether it has meaning and rules."""
    return answer(tenant.trained().judging.knobs())


@router.post("/compare", summary="Search as it is and turned, over a query set", openapi_extra=documented(CompareBody))
def compare(tenant: OneTenant, body: Annotated[CompareBody, Depends(checked(CompareBody))]) -> Response:
    """nDCG@10 of both with the difference and its interval, overlap, and the judgments all of it rests on. Changes
    nothing and logs nothing."""
    judging = tenant.trained().judging
    return answer(judging.compare(body.set, body.knobs.knobs(), sources=body.sources, shopper=body.shopper))


@router.post("/compare:lists", summary="Both lists of one query", openapi_extra=documented(SideBySideBody))
def side_by_side(tenant: OneTenant, body: Annotated[SideBySideBody, Depends(checked(SideBySideBody))]) -> Response:
    """``other`` is an item's place in the other list, null when it is not among its first 50."""
    found = tenant.trained().judging.side_by_side(
        body.query, body.knobs.knobs(), name=body.set, sources=body.sources, shopper=body.shopper, k=body.k
    )
    return answer(found)


def _import_file(tenant: Tenant, name: str, content: bytes, suffix: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mercato-import-") as folder:
        path = Path(folder) / f"judgments{suffix}"
        path.write_bytes(content)
        return tenant.trained().judging.import_(name, path)
