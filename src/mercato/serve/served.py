"""What the routes share: the shops by name, each with its event trail, and the meters and limits of the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Depends, Header, Query
from starlette.requests import Request

from mercato.errors import NotFound, SettingsError
from mercato.schema import Slate
from mercato.serve.background import Background
from mercato.serve.errors import NotReadyError
from mercato.serve.limits import Limits
from mercato.serve.metrics import Meters
from mercato.serve.trail import Trail
from mercato.shop import Shop

Shops = Mapping[str, Shop] | Sequence[Shop] | Shop
"""What can be served: one shop, several by their own names, or several under given names."""


def by_name(shops: Shops) -> dict[str, Shop]:
    """Each shop under its name; raises SettingsError when two have the same one."""
    if isinstance(shops, Mapping):
        return dict(shops)
    several = [shops] if isinstance(shops, Shop) else list(shops)
    named = {shop.name: shop for shop in several}
    if len(named) < len(several):
        raise SettingsError("two shops have the same name", where="[shop] name", hint="change one in its mercato.toml")
    return named


class Tenant:
    """One shop as the routes see it."""

    def __init__(self, name: str, shop: Shop, meters: Meters) -> None:
        self.name, self.shop, self.meters, self.trail = name, shop, meters, Trail()
        self.measuring = Background()

    def trained(self) -> Shop:
        """The shop, once it has learned; raises NotReadyError before."""
        if not self.shop.learned():
            raise NotReadyError("this shop has not been trained yet", hint="mercato train SHOP, then start the server")
        return self.shop

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
