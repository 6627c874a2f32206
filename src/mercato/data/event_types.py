"""What other systems call an event in, Google Retail's name for it out: the one table of event aliases."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mercato.schema import EVENT_TYPES

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "search": (
        "search", "view_search_results", "products searched", "query", "search-performed", "product search",
    ),
    "home-page-view": ("view_homepage", "home", "homepage", "home page viewed"),
    "category-page-view": (
        "view_item_list", "product list viewed", "category", "category view", "view_category", "list viewed",
        "product list filtered",
    ),
    "detail-page-view": (
        "view_item", "select_item", "product viewed", "product clicked", "pv", "view", "click", "read", "watch",
        "detail", "product_view", "item_view", "page_detail", "open",
        "product added to wishlist", "add_to_wishlist", "wishlist", "fav", "favorite", "favourite", "like", "star",
    ),
    "impression": ("impression", "impressions", "view_items", "shown", "exposure", "product impression"),
    "add-to-cart": (
        "add_to_cart", "addtocart", "product added", "cart", "basket", "add_to_basket", "atc",
    ),
    "remove-from-cart": ("remove_from_cart", "removefromcart", "product removed", "remove_from_basket"),
    "purchase-complete": (
        "purchase", "purchased", "order completed", "order_completed", "buy", "transaction", "order", "sale",
    ),
    "review": ("review", "product reviewed", "rating", "rate", "comment"),
    "subscribe": ("subscribe", "sign_up", "signed up", "signup", "generate_lead", "email_subscribe", "newsletter"),
}  # fmt: skip


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


TYPES: Mapping[str, str] = {_key(alias): kind for kind in EVENT_TYPES for alias in (kind, *_ALIASES.get(kind, ()))}
"""Lower-case letters and digits of a name → its event type. Wishes and likes count as interest, like a view; what
cannot be told (any page, a checkout begun) has no alias and is refused by name."""


def event_type(name: str) -> str | None:
    """Google Retail's name for ``name`` in any common spelling; None when it is unknown.

    >>> event_type("Product Viewed"), event_type("add_to_cart"), event_type("Order Completed"), event_type("yodel")
    ('detail-page-view', 'add-to-cart', 'purchase-complete', None)
    """
    return TYPES.get(_key(name))
