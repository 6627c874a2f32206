"""What the shopkeeper sees: what was learned, from what, and how well it works."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mercato.serve.bodies import K, answer
from mercato.serve.limits import MAX_ID
from mercato.serve.served import OneServed, OneTenant

router = APIRouter(prefix="/v1/console", tags=["console"])


@router.get("/status", summary="Sizes, versions and what is down")
def status(served: OneServed, tenant: OneTenant) -> Response:
    """The shop's state, and the names of all shops served."""
    return answer({**tenant.shop.status(), "shop": tenant.name, "shops": list(served.tenants)})


@router.get("/learned", summary="The training report")
def learned(tenant: OneTenant) -> Response:
    """What was learned from how much data; what was skipped and why."""
    return answer(tenant.shop.learned())


@router.get("/doctor", summary="What is wrong with catalogue and events")
def doctor(tenant: OneTenant) -> Response:
    """Findings with severity, count, what each costs and what to do."""
    return answer(tenant.shop.doctor())


@router.get("/metrics", summary="The latest offline evaluation")
def metrics(tenant: OneTenant) -> Response:
    """Metrics with confidence intervals, beside the nulls."""
    return answer(tenant.shop.metrics())


@router.get("/searches", summary="Searches: frequent, recent, without a result, without a click")
def searches(tenant: OneTenant, k: K = 50) -> Response:
    """Most frequent or newest first; those that are ``unclicked`` by the clicks that are missing."""
    shop = tenant.shop
    return answer({"empty": shop.empty_searches(k), "recent": shop.recent_searches(k), **shop.judging.reports(k)})


@router.get("/views", summary="What every retriever says for one shopper")
def views(tenant: OneTenant, shopper: Annotated[str, Query(max_length=MAX_ID)] = "") -> Response:
    """Each lane's own list beside the final slate with its score terms."""
    return answer(tenant.trained().views(shopper))


@router.get("/events", summary="The last events this process received")
def events(tenant: OneTenant) -> Response:
    """For each: accepted or refused, and which list it was joined to, or why to none."""
    return answer({"events": tenant.trail.recent()})
