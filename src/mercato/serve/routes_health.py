"""Is it up, is it ready, and how is it doing: for whoever watches the server."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from mercato.serve.bodies import answer
from mercato.serve.served import OneServed

router = APIRouter(tags=["health"])


@router.get("/health/live", summary="The process answers")
async def live() -> Response:
    """200 as long as the server runs."""
    return answer({"live": True})


@router.get("/health/ready", summary="Every shop answers")
def ready(served: OneServed) -> Response:
    """200 when every shop is ready, else 503; ``degraded`` parts do not make a shop unready."""
    shops = {name: tenant.shop.status() for name, tenant in served.tenants.items()}
    report = {name: {"ready": bool(s["ready"]), "degraded": list(s["degraded"])} for name, s in shops.items()}
    every = all(shop["ready"] for shop in report.values())
    return answer({"ready": every, "shops": report}, status=200 if every else 503)


@router.get("/metrics", summary="Prometheus metrics")
def metrics(served: OneServed) -> Response:
    """Requests, latencies, events, lists and sizes in Prometheus' text format."""
    shops = {name: tenant.shop for name, tenant in served.tenants.items()}
    return Response(served.meters.text(shops), media_type=CONTENT_TYPE_LATEST)
