"""What the routes share: the shops by name, each with its event trail, and the meters and limits of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Header, Query
from starlette.requests import Request

from mercato.errors import NotFound
from mercato.schema import Slate
from mercato.serve.limits import Limits
from mercato.serve.metrics import Meters
from mercato.serve.trail import Trail
from mercato.shop import Shop


class Tenant:
    """One shop as the routes see it."""

    def __init__(self, name: str, shop: Shop, meters: Meters) -> None:
        self.name, self.shop, self.meters, self.trail = name, shop, meters, Trail()

    def answered(self, slate: Slate, *, placement: str, query: str = "", shopper: str = "") -> None:
        """Count a list and remember it for the event trail."""
        self.meters.slate(placement, slate)
        self.trail.shown(slate, placement, query, shopper)


class Served:
    """One running server."""

    def __init__(self, shops: Mapping[str, Shop], limits: Limits) -> None:
        self.limits, self.meters = limits, Meters()
        self.tenants = {name: Tenant(name, shop, self.meters) for name, shop in shops.items()}

    def tenant(self, name: str = "") -> Tenant:
        """The shop called ``name``, the first for an empty name; raises NotFound."""
        if not name:
            return next(iter(self.tenants.values()))
        if name not in self.tenants:
            raise NotFound(f"there is no shop {name!r}", where="shop", hint=f"served here: {', '.join(self.tenants)}")
        return self.tenants[name]


async def _served(request: Request) -> Served:
    served: Served = request.app.state.served
    return served


async def _tenant(
    request: Request,
    shop: Annotated[str, Query(max_length=100, description="which shop, when several are served")] = "",
    x_shop: Annotated[str, Header(max_length=100)] = "",
) -> Tenant:
    return (await _served(request)).tenant(shop or x_shop)


OneServed = Annotated[Served, Depends(_served)]
OneTenant = Annotated[Tenant, Depends(_tenant)]
