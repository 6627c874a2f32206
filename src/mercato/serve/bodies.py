"""Bytes in, a checked request body or answer body out: strict types, unknown fields refused, sizes bounded."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from starlette.requests import Request
from starlette.responses import Response

from mercato.codec import dumps
from mercato.errors import RequestError
from mercato.rules import LONGEST_SEGMENT, MOST_SEGMENTS
from mercato.schema import PLACEMENTS
from mercato.serve.errors import MediaTypeError
from mercato.serve.limits import MAX_CART, MAX_DEPTH, MAX_ID, MAX_K, MAX_PICTURE, MAX_QUERY

SORTS = ("", "price", "-price", "-rating", "-created_at", "title")
MAX_FIELDS = 20
MAX_VALUES = 100

Id = Annotated[str, Field(max_length=MAX_ID)]
"""A product's, shopper's, session's or event's name."""
Segments = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=LONGEST_SEGMENT)]], Field(max_length=MOST_SEGMENTS)
]
K = Annotated[int, Query(ge=1, le=MAX_K, description="how many")]


class Body(BaseModel):
    """What every body keeps to: JSON types as they are ("10" is no number), no field we do not know."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ListBody(Body):
    """What the two main calls have in common."""

    k: int = Field(10, ge=1, le=MAX_K, description="how many items")
    shopper: Id = Field("", description="who asks; never seen before is fine")
    session: Id = ""
    segments: Segments = Field(
        default_factory=list,
        description="groups the shopper is in, for rules that ask for them, beside those of the shopper's record "
        '("loyalty:gold" for an attribute loyalty with the value gold)',
        examples=[["vip"]],
    )
    where: dict[str, Any] = Field(
        default_factory=dict,
        description='field → list of values (any of them) or {"min": x, "max": y}, with "below" for an end that is not '
        "in it; fields are joined by AND",
        examples=[{"brand": ["National"], "price": {"max": 5}}],
    )
    explain: bool = Field(False, description="score terms and a sentence with every item")

    @field_validator("where")
    @classmethod
    def _bounded(cls, where: dict[str, Any]) -> dict[str, Any]:
        if len(where) > MAX_FIELDS:
            raise ValueError(f"at most {MAX_FIELDS} fields")
        for name, condition in where.items():
            _check_condition(name, condition)
        return where


class SearchBody(ListBody):
    """POST /v1/search."""

    query: str = Field("", max_length=MAX_QUERY, description="what the shopper typed; empty browses", examples=["milk"])
    image: str = Field(
        "",
        description="a picture (JPEG, PNG, WebP, GIF, BMP or AVIF) in base64, as it is or as a data: address: lists "
        f"what looks like it, and with a query what of that the words match; at most {MAX_PICTURE:,} bytes",
    )
    image_of: Id = Field("", description="a product: lists what looks like its pictures, without itself")
    page: int = Field(0, ge=0, description="0 = first")
    sort: Literal["", "price", "-price", "-rating", "-created_at"] = ""
    facets: list[Annotated[str, Field(max_length=100)]] = Field(
        default_factory=list, max_length=MAX_FIELDS, description="fields to count", examples=[["brand", "categories"]]
    )

    disjunctive: bool = Field(
        False, description="count each field with every filter but its own, so that other ticks keep their counts"
    )
    highlight: bool = Field(False, description="mark the words of the query in each item's title and description")
    grouped: bool = Field(False, description="one item for all variants of a product (equal group_id)")
    facet_values: int = Field(100, ge=1, le=1000, description="how many values of each field, the most frequent ones")

    def picture(self) -> bytes | None:
        """What ``image`` stands for, None where it is empty; raises RequestError where it is no base64 or too long."""
        if not self.image:
            return None
        text = self.image.partition(",")[2] if self.image.startswith("data:") else self.image
        if len(text) > MAX_PICTURE * 4 // 3 + 4:
            hint = f"at most {MAX_PICTURE:,}; 512 pixels a side are plenty"
            raise RequestError("the picture has too many bytes", where="image", hint=hint)
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            hint = "encode the file's bytes as in RFC 4648, section 4"
            raise RequestError(f"the picture is not in base64: {error}", where="image", hint=hint) from error

    @model_validator(mode="after")
    def _not_too_deep(self) -> Self:
        if self.page * self.k > MAX_DEPTH:
            raise ValueError(f"page × k may be at most {MAX_DEPTH:,}: narrow the search instead")
        return self


class RecommendBody(ListBody):
    """POST /v1/recommend."""

    placement: str = Field(description="one of " + ", ".join(PLACEMENTS), examples=["home"])
    product: Id = Field("", description="what similar and together start from")
    cart: list[Id] = Field(default_factory=list, max_length=MAX_CART, description="product ids in the cart")

    @field_validator("placement")
    @classmethod
    def _known(cls, placement: str) -> str:
        if placement not in PLACEMENTS:
            raise ValueError(f"no placement {placement!r}; there are {', '.join(PLACEMENTS)}")
        return placement


class EventsBody(Body):
    """POST /v1/events; each event is checked by itself, so one bad event does not cost the others."""

    events: list[Any] = Field(
        description="type, shopper_id and, by type, product_id, quantity, value, query, slate_id, position, event_id …",
        examples=[[{"type": "detail-page-view", "shopper_id": "u1", "product_id": "p1"}]],
    )


class ProductsBody(Body):
    """POST /v1/products:import as JSON."""

    products: list[Any] = Field(description="products in the shape of CONTRACT's 'Data in'")


def _check_condition(name: str, condition: Any) -> None:
    if len(name) > 100:
        raise ValueError("a field's name has at most 100 characters")
    if isinstance(condition, Mapping):
        if set(condition) - {"min", "max", "below"} or not all(_is_number(bound) for bound in condition.values()):
            raise ValueError(f"{name}: a range is {{'min': number, 'max': number}}, or 'below' instead of 'max'")
    elif not isinstance(condition, list):
        raise ValueError(f"{name}: give a list of values, or a range {{'min', 'max'}}")
    elif len(condition) > MAX_VALUES or not all(_is_value(value) for value in condition):
        raise ValueError(f"{name}: at most {MAX_VALUES} values, each a number or a text up to {MAX_ID} characters")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_value(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and len(value) <= MAX_ID)


async def json_of(request: Request) -> Any:
    """The request's JSON. Raises MediaTypeError for another media type, RequestError for bytes that are no JSON.

    Only a declared application/json is read: a foreign web page cannot send that here without asking first (CORS).
    """
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise MediaTypeError("the body must be plain JSON", hint="send the header Content-Type: application/json")
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not valid JSON: {error}", where="body", hint="JSON is UTF-8 text") from error


BodyType = TypeVar("BodyType", bound=Body)


def checked(model: type[BodyType]) -> Callable[[Request], Awaitable[BodyType]]:
    """A FastAPI dependency that reads the body as ``model``."""

    async def read(request: Request) -> BodyType:
        return model.model_validate(await json_of(request))

    return read


def documented(model: type[Body]) -> dict[str, Any]:
    """The body's schema for the OpenAPI page, since ``checked`` reads it past FastAPI."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answer(value: Any, status: int = 200) -> Response:
    """``value`` as JSON, five times faster than FastAPI's own encoder."""
    return Response(dumps(value), status_code=status, media_type="application/json")
