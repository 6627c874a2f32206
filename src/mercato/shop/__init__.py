"""A shop on disk and everything one can ask of it: the facade that the command line and HTTP stand on."""

from mercato.shop.facade import Shop
from mercato.shop.opening import create, open_shop

__all__ = ["Shop", "create", "open_shop"]
