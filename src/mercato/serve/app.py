"""Shops in, one ASGI application out: routes, errors, limits, metrics, pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware

from mercato.serve import (
    errors,
    routes_console,
    routes_events,
    routes_health,
    routes_judging,
    routes_later,
    routes_lists,
    routes_models,
    routes_pages,
    routes_products,
    routes_rules,
    routes_search,
    routes_shoppers,
)
from mercato.serve.edge import Edge, security_headers
from mercato.serve.limits import BodyLimit, InFlightLimit, KnownHost, Limits
from mercato.serve.served import Served, Shops, by_name

_ROUTES = (
    routes_search,
    routes_events,
    routes_products,
    routes_shoppers,
    routes_console,
    routes_lists,
    routes_rules,
    routes_judging,
    routes_models,
    routes_health,
    routes_later,
)


def create_app(
    shops: Shops,
    *,
    limits: Limits | None = None,
    hosts: Collection[str] = (),
    image_sources: tuple[str, ...] = ("https:",),
    on_stop: Callable[[], None] | None = None,
) -> FastAPI:
    """The server for one shop, or several by name (``?shop=`` or ``X-Shop`` chooses, the first is the default).

    ``hosts`` are the Host names answered (all when empty); ``image_sources`` the CSP sources of product pictures;
    ``on_stop`` runs when the server has answered its last request.
    """
    served = Served(by_name(shops), limits or Limits())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = served.limits.threads
        yield
        for tenant in served.tenants.values():
            tenant.measuring.stop()
        if on_stop is not None:
            on_stop()

    app = FastAPI(
        title="Mercato",
        description='Search and recommendations of one shop. Errors: `{"error":{code,type,message,field,hint}}`.',
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=[
            Middleware(Edge, served.meters, security_headers(image_sources)),
            Middleware(InFlightLimit, served.limits),
            Middleware(KnownHost, hosts),
            Middleware(BodyLimit, served.limits),
        ],
    )
    app.state.served = served
    errors.install(app)
    for module in _ROUTES:
        app.include_router(module.router)
    routes_pages.install(app)
    return app
