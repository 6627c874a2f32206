"""How lists are made: the knobs of each placement, turned, tried out, and priced on held-out sales."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from mercato.serve.bodies import Body, Id, answer, checked, documented
from mercato.serve.limits import MAX_K
from mercato.serve.served import OneTenant, Tenant

router = APIRouter(prefix="/v1", tags=["lists"])

_SAMPLE = 200


class KnobsBody(Body):
    """PATCH /v1/lists/{placement}: what is left out stays, null goes back to mercato.toml (RFC 7396)."""

    personal: float | None = Field(None, description="0 the same for everybody … 100 the shopper's own", examples=[80])
    tail: float | None = Field(None, description="share of places kept for products outside the head, 0 to 1")
    calibrated: float | None = Field(None, description="0 to 1: towards the shopper's own mix of departments")
    diverse: float | None = Field(None, description="0 to 1: away from products that are alike")

    def given(self) -> dict[str, float | None]:
        """The knobs that were named, null included."""
        return {knob: getattr(self, knob) for knob in KnobsBody.model_fields if knob in self.model_fields_set}


class PreviewBody(KnobsBody):
    """POST /v1/lists/{placement}:preview."""

    k: int = Field(10, ge=1, le=MAX_K)
    shopper: Id = ""
    product: Id = Field("", description="what similar, together and cart start from; else the shopper's last")


class SampleBody(KnobsBody):
    """POST /v1/lists/{placement}:sample."""

    shoppers: int = Field(24, ge=2, le=_SAMPLE, description="for how many shoppers lists are made")


class MeasureBody(Body):
    """POST /v1/lists:measure takes an empty object."""


@router.get("/lists", summary="The knobs of every placement")
def lists(tenant: OneTenant) -> Response:
    """In force, in mercato.toml, and the last turns, the newest first."""
    return answer(tenant.shop.lists())


@router.patch("/lists/{placement}", summary="Turn knobs of one placement", openapi_extra=documented(KnobsBody))
def turn(tenant: OneTenant, placement: str, body: Annotated[KnobsBody, Depends(checked(KnobsBody))]) -> Response:
    """Kept on disk and in force for the next list when this answers; the answer is that of GET /v1/lists."""
    return answer(tenant.shop.set_lists(placement, **body.given()))


@router.post("/lists/{placement}:preview", summary="One list now and turned", openapi_extra=documented(PreviewBody))
def preview(tenant: OneTenant, placement: str, body: Annotated[PreviewBody, Depends(checked(PreviewBody))]) -> Response:
    """Changes nothing and logs nothing; ``was`` is an item's place now, null when it was not in the list."""
    trial = tenant.trained().try_lists(placement, **body.given())
    return answer(trial.compared(body.k, body.shopper, body.product))


@router.post("/lists/{placement}:sample", summary="Many lists now and turned", openapi_extra=documented(SampleBody))
def sample(tenant: OneTenant, placement: str, body: Annotated[SampleBody, Depends(checked(SampleBody))]) -> Response:
    """How much two shoppers' lists overlap, the share of tail products, and what stays; takes a list each, twice."""
    return answer(tenant.trained().try_lists(placement, **body.given()).sampled(body.shoppers))


@router.post(
    "/lists:measure", summary="Measure what knobs cost", status_code=202, openapi_extra=documented(MeasureBody)
)
def measure(tenant: OneTenant, body: Annotated[MeasureBody, Depends(checked(MeasureBody))]) -> Response:
    """Starts ``mercato evaluate --part lists`` in the background, unless it runs: it learns from the past anew, which
    takes about as long as a training. GET tells how far it is."""
    shop = tenant.trained()
    tenant.measuring.start(lambda tick: shop.evaluate("lists", tick))
    return answer(_prices(tenant), status=202)


@router.get("/lists:measure", summary="What knobs cost, as measured last")
def measured(tenant: OneTenant) -> Response:
    """The state of the measurement and its last result, with its date; {} before the first."""
    return answer(_prices(tenant))


def _prices(tenant: Tenant) -> dict[str, object]:
    return {**tenant.measuring.state(), "result": tenant.shop.metrics().get("lists", {})}
