"""Mercato: the open, self-hosted brain of an online shop."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mercato.errors import ArtifactError as ArtifactError
    from mercato.errors import BackendError as BackendError
    from mercato.errors import DataError as DataError
    from mercato.errors import MercatoError as MercatoError
    from mercato.errors import NotFound as NotFound
    from mercato.errors import RequestError as RequestError
    from mercato.errors import SettingsError as SettingsError
    from mercato.schema import Interaction as Interaction
    from mercato.schema import Item as Item
    from mercato.schema import Product as Product
    from mercato.schema import Review as Review
    from mercato.schema import Slate as Slate
    from mercato.shop import Shop as Shop
    from mercato.shop import create as create
    from mercato.shop import open_shop as open  # noqa: F401

__version__ = "0.1.0"

# Names load on first use, so that a module far down the house never drags in the whole of it.
_HOMES = {
    "mercato.errors": (
        "ArtifactError", "BackendError", "DataError", "MercatoError", "NotFound", "RequestError", "SettingsError",
    ),
    "mercato.schema": ("Interaction", "Item", "Product", "Review", "Slate"),
    "mercato.shop": ("Shop", "create", "open"),
}  # fmt: skip

__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), "open_shop" if name == "open" else name)
    raise AttributeError(f"module 'mercato' has no attribute {name!r}")
