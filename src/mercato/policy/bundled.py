"""Sets of products that go together in, what a page or a cart offers of them out: one kind once, one currency, one
total, one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mercato.catalog import Catalog
from mercato.policy.explain import short
from mercato.schema import Bundle, Mask, Product, Request, Rows

OFFERING = ("together", "cart")
"""Placements whose lists offer sets too."""
MOST = 3
"""Sets that one list offers."""


class Sets(Protocol):
    """What is known to go together (retrieve.bundles.BundleIndex)."""

    def complete(self, anchors: Rows, held: Rows, allowed: Mask) -> Iterable[tuple[Rows, Rows, int]]:
        """Sets of ``anchors``, the best first: the ``allowed`` rows to add, those ``held``, the baskets with all."""
        ...


def bundled(sets: Sets, catalog: Catalog, request: Request, allowed: Mask) -> tuple[Bundle, ...]:
    """The best sets of what ``request`` starts from, without what is in its cart; what is added is ``allowed`` and in
    stock.

    No addition is of the category or the group of variants of something in the cart or in a better set: the one would
    do for the other.
    """
    held = catalog.rows(request.cart)
    taken, found = _kinds(catalog, held), list[Bundle]()
    for rows, has, baskets in sets.complete(request.anchors, held, allowed):
        added = _kinds(catalog, rows[~(rows == request.anchors[:1])] if request.product else rows)
        if added & taken:
            continue
        bundle = _offered([catalog.product(row) for row in rows], [catalog.product(row) for row in has], baskets)
        if bundle is not None:
            found.append(bundle)
            taken |= added
        if len(found) == MOST:
            break
    return tuple(found)


def _kinds(catalog: Catalog, rows: Rows) -> set[tuple[str, int]]:
    """What would do for any of ``rows``: the same category, or a variant."""
    leaves = {("leaf", leaf) for leaf in catalog.leaf[rows].tolist() if leaf >= 0}
    return leaves | {("group", group) for group in catalog.group[rows].tolist()}


def _offered(added: list[Product], held: list[Product], baskets: int) -> Bundle | None:
    """The set as it is offered; None where something of it is sold out, or sold in another currency."""
    currencies = {product.currency for product in (*added, *held) if product.price is not None}
    if len(currencies) > 1 or any(_is_sold_out(product) for product in added):
        return None
    prices = [product.price for product in added]
    total = sum(price for price in prices if price is not None)
    beside = f" with {' and '.join(short(product.title) for product in held)}" if held else ""
    return Bundle(
        products=tuple(added),
        price=None if None in prices else total,
        currency=next(iter(currencies), ""),
        baskets=baskets,
        reason=f"Bought together{beside} in {baskets} baskets.",
    )


def _is_sold_out(product: Product) -> bool:
    left = product.quantity is None or product.quantity > 0
    return product.availability == "out-of-stock" or (product.availability == "in-stock" and not left)
