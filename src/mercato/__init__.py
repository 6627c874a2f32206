"""Mercato: the open, self-hosted brain of an online shop."""

from mercato.errors import (
    ArtifactError,
    BackendError,
    DataError,
    MercatoError,
    NotFound,
    RequestError,
    SettingsError,
)
from mercato.schema import Interaction, Item, Product, Review, Slate
from mercato.shop import Shop, create
from mercato.shop import open_shop as open

__all__ = [
    "ArtifactError",
    "BackendError",
    "DataError",
    "Interaction",
    "Item",
    "MercatoError",
    "NotFound",
    "Product",
    "RequestError",
    "Review",
    "SettingsError",
    "Shop",
    "Slate",
    "create",
    "open",
]
__version__ = "0.1.0"
