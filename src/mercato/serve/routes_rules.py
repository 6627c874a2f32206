"""The shopkeeper's rules: pins, hides, boosts, banners, redirects and synonyms, written, tried out and taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from mercato.codec import to_time
from mercato.errors import RequestError
from mercato.rules import LISTS, SEARCH
from mercato.serve.bodies import Body, Id, Segments, answer, checked, documented, json_of
from mercato.serve.limits import MAX_K, MAX_QUERY
from mercato.serve.served import OneTenant

router = APIRouter(prefix="/v1", tags=["rules"])

_EXAMPLE = {
    "id": "summer-sofas",
    "when": {"query": "sofa", "match": "contains"},
    "pins": [{"product": "p1", "position": 1}],
    "hide": {"products": ["p2"]},
    "boosts": [{"where": {"brand": ["Acme"]}, "by": 0.3}],
    "banner": {"text": "Sofas, 20 % off", "url": "/sale"},
    "start": "2026-06-01T00:00:00Z",
    "end": "2026-09-01T00:00:00Z",
}


class RuleBody(Body):
    """One rule; what each field means: GET /docs. The shop itself checks it (mercato.rules), all at once."""

    id: str | None = Field(None, description="letters, digits, . _ -; POST makes one up where there is none")
    note: str | None = Field(None, description="for the shopkeeper")
    enabled: bool = True
    priority: int = Field(0, description="higher goes first, then the smaller id")
    start: str | None = Field(None, description="ISO 8601; in force from then on")
    end: str | None = Field(None, description="ISO 8601; over from then on")
    when: dict[str, Any] | None = Field(
        None,
        description='{"query", "match": exact|contains, "where": {field: [values]}} or {"always": true}; "segments": '
        'who asks is in one of them; "placements": the lists it speaks of (search when left out), and "anchor": a '
        "filter that a product they start from passes",
    )
    pins: list[Any] | None = Field(None, description='[{"product", "position": 1 = first}]')
    hide: dict[str, Any] | None = Field(None, description='{"products": [id], "where": filter}')
    boosts: list[Any] | None = Field(None, description='[{"products" or "where", "by": -1 buries … 1 lifts}]')
    banner: dict[str, Any] | None = Field(None, description='{"text", "url", "image"}')
    redirect: str | None = Field(None, description="where to send who searches this: a path, or http(s)")
    synonyms: list[Any] | None = Field(
        None, description='[{"words": [both ways]} or {"from": word, "words": [one way]}]'
    )


class RulesBody(Body):
    """PUT /v1/rules."""

    rules: list[Any] = Field(description="all of them, as GET /v1/rules tells them", examples=[[_EXAMPLE]])
    version: int | None = Field(
        None, description="the version they were read at: refused when it is no longer the last"
    )


class PreviewBody(Body):
    """POST /v1/rules:preview."""

    query: str = Field("", max_length=MAX_QUERY, examples=["sofa"])
    placement: str = Field(SEARCH, description="one of " + ", ".join(LISTS))
    product: Id = Field("", description="what similar, together and cart start from; else the shopper's last")
    k: int = Field(10, ge=1, le=MAX_K, description="how many items")
    shopper: Id = ""
    segments: Segments = Field(default_factory=list, description="as POST /v1/search takes them")
    where: dict[str, Any] = Field(default_factory=dict, description="a filter, as POST /v1/search takes it")
    sort: str = ""
    put: list[Any] = Field(
        default_factory=list, description="rules to write, only for this look", examples=[[_EXAMPLE]]
    )
    delete: list[Id] = Field(default_factory=list, description="ids of rules to leave out of it")
    at: str | None = Field(None, description="ISO 8601: as it will look then; now when null")


class RollbackBody(Body):
    """POST /v1/rules/versions/{number}:rollback takes an empty object."""


@router.get("/rules", summary="All rules, in the order in which they apply")
def rules(tenant: OneTenant) -> Response:
    """With the version, and by id what each is up to: in force, waiting, over, off; unknown products; resting pins."""
    return answer(tenant.shop.rules.all())


@router.put("/rules", summary="Replace all rules", openapi_extra=documented(RulesBody))
def replace(tenant: OneTenant, body: Annotated[RulesBody, Depends(checked(RulesBody))]) -> Response:
    """All of them or, on an error, none; in force for the next list when this answers."""
    return answer(tenant.shop.rules.replace(body.rules, body.version))


@router.post("/rules", summary="Add a rule", status_code=201, openapi_extra=documented(RuleBody))
def add(tenant: OneTenant, record: Annotated[Any, Depends(json_of)]) -> Response:
    """Refused when its id is taken; the answer is the rule with its id, and its status."""
    return answer(tenant.shop.rules.add(_rule(record)), status=201)


@router.post("/rules:preview", summary="One list now and with other rules", openapi_extra=documented(PreviewBody))
def preview(tenant: OneTenant, body: Annotated[PreviewBody, Depends(checked(PreviewBody))]) -> Response:
    """Changes nothing and logs nothing; ``was`` is an item's place now, null when it was not in the list."""
    return answer(
        tenant.trained().rules.preview(
            body.query,
            body.put,
            body.delete,
            k=body.k,
            shopper=body.shopper,
            segments=body.segments,
            placement=body.placement,
            product=body.product,
            where=body.where or None,
            sort=body.sort,
            at=to_time(body.at),
        )
    )


@router.get("/rules/versions", summary="Every change of the rules, the newest first")
def versions(tenant: OneTenant, k: Annotated[int, Query(ge=1, le=1000, description="how many")] = 100) -> Response:
    """Its number, when, what was done, and the ids of the rules it changed."""
    return answer({"versions": tenant.shop.rules.versions(k)})


@router.get("/rules/versions/{number}", summary="The rules as a version left them")
def version(tenant: OneTenant, number: int) -> Response:
    """In the shape of GET /v1/rules; 0 is before the first rule."""
    return answer(tenant.shop.rules.at(number))


@router.post(
    "/rules/versions/{number}:rollback", summary="Go back to a version", openapi_extra=documented(RollbackBody)
)
def rollback(tenant: OneTenant, number: int, body: Annotated[RollbackBody, Depends(checked(RollbackBody))]) -> Response:
    """Makes the rules of then a new version, so that this can be taken back too."""
    return answer(tenant.shop.rules.rollback(number))


@router.get("/rules/{rule_id}", summary="One rule")
def one(tenant: OneTenant, rule_id: str) -> Response:
    """The rule and its status."""
    return answer(tenant.shop.rules.one(rule_id))


@router.put("/rules/{rule_id}", summary="Write a rule", openapi_extra=documented(RuleBody))
def put(tenant: OneTenant, rule_id: str, record: Annotated[Any, Depends(json_of)]) -> Response:
    """In the place of the one with this id, if there is one; the answer is the rule and its status."""
    given = _rule(record)
    if given.get("id", rule_id) != rule_id:
        raise RequestError("the id in the body is not the id in the address", where="id", hint="leave it out")
    return answer(tenant.shop.rules.put({**given, "id": rule_id}))


@router.delete("/rules/{rule_id}", summary="Take a rule out")
def delete(tenant: OneTenant, rule_id: str) -> Response:
    """Gone from the next list on; every version before still has it."""
    tenant.shop.rules.delete(rule_id)
    return answer({"deleted": rule_id})


def _rule(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise RequestError("a rule is a JSON object", where="body", hint="see /docs")
    return record
