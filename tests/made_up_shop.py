"""A made-up shop of 400 products with gaps in every field, and 40 regulars: data for tests of whole answers.

Forty regulars are too few to learn weights from, so every score stands on the built-in weights and does not hang on
the last digits of a fit.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import mercato

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AISLES: dict[str, tuple[str, ...]] = {
    "Home > Living > Sofas": ("sofa", "armchair", "sofa bed"),
    "Home > Living > Tables": ("coffee table", "side table"),
    "Home > Sleeping > Beds": ("bed frame", "mattress"),
    "Home > Light": ("floor lamp", "desk lamp", "light bulb"),
    "Kitchen > Cooking > Pans": ("frying pan", "wok", "sauce pan"),
    "Kitchen > Cooking > Knives": ("bread knife", "paring knife"),
    "Kitchen > Table": ("dinner plate", "soup bowl", "coffee mug"),
    "Kitchen > Appliances": ("kettle", "toaster", "coffee grinder"),
    "Garden > Tools": ("spade", "rake", "pruning shears"),
    "Garden > Plants": ("rose bush", "apple tree", "herb pot"),
    "Sport > Cycling": ("bike helmet", "bike light", "bike lock"),
    "Sport > Camping": ("tent", "sleeping bag", "camping stove"),
}
STYLES = ("plain", "velvet", "oak", "steel", "folding", "compact", "classic", "rustic", "striped")
COLOURS = ("red", "blue", "green", "black", "white")
SIZES = ("S", "M", "L", "XL")
BRANDS = (
    "Acme",
    "Apex",
    "Nordlys",
    "Casa Bella",
    "O'Neill",
    "Tool & Co",
    "Zenit",
    "Ürün",
    "Kiwi",
    "Lumen",
    "Bolt",
    "Fir",
)
REGULARS = tuple(f"u{n:02d}" for n in range(40))


class _Dice:
    """Choices that are the same on every Python: only ``random()`` is promised to stay."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, n: int) -> int:
        return int(self._random.random() * n)

    def one(self, values: Any) -> Any:
        return values[self.below(len(values))]

    def happens(self, chance: float) -> bool:
        return self._random.random() < chance


def _product(n: int, dice: _Dice) -> dict[str, Any]:
    """Product number ``n``; any field but the title may be missing."""
    aisle = dice.one(list(AISLES))
    style, thing = dice.one(STYLES), dice.one(AISLES[aisle])
    title = f"{style.capitalize()} {thing} {dice.one(('', 'set', 'pro'))}".strip()
    colours = sorted({dice.one(COLOURS) for _ in range(dice.below(3))})
    attributes = {"colour": colours, "size": [dice.one(SIZES)] if dice.happens(0.6) else []}
    gaps: list[tuple[float, dict[str, Any]]] = [
        (0.95, {"categories": [aisle, "Sale > Winter"][: 2 if dice.happens(0.1) else 1]}),
        (0.9, {"brand": dice.one(BRANDS)}),
        (0.9, {"price": dice.below(20_000) / 100, "currency": "EUR"}),
        (0.7, {"rating": 1 + dice.below(9) / 2, "rating_count": dice.below(500)}),
        (0.5, {"quantity": dice.below(50)}),
        (0.8, {"created_at": (NOW - timedelta(days=dice.below(900))).isoformat()}),
        (0.3, {"description": f"A {style} {thing} for every {aisle.split(' > ')[0].lower()}."}),
        (0.1, {"availability": "out-of-stock"}),
        (0.05, {"sellable": False}),
        (0.2, {"group_id": f"g{dice.below(25)}"}),
    ]
    product = {"id": f"p{n:03d}", "title": title, "attributes": {name: one for name, one in attributes.items() if one}}
    for chance, fields in gaps:
        product |= fields if dice.happens(chance) else {}
    return product


def _events(dice: _Dice) -> list[dict[str, Any]]:
    """Eight baskets of each regular: favourites of two aisles, now and then anything at all."""
    by_aisle = {aisle: [one for one in PRODUCTS if aisle in one.get("categories", ())] for aisle in AISLES}
    events = []
    for n, shopper in enumerate(REGULARS):
        aisles = [list(AISLES)[n % len(AISLES)], list(AISLES)[(n // 2 + 5) % len(AISLES)]]
        favourites = [dice.one(by_aisle[aisle][:12]) for aisle in aisles for _ in range(3)]
        for basket in range(8):
            at = NOW - timedelta(days=2 + 9 * (7 - basket), minutes=n)
            bought = [dice.one(favourites) for _ in range(3)] + ([dice.one(PRODUCTS)] if dice.happens(0.6) else [])
            events += [
                {
                    "type": "purchase-complete" if dice.happens(0.8) else "add-to-cart",
                    "shopper_id": shopper,
                    "product_id": product["id"],
                    "at": at.isoformat(),
                    "session_id": f"{shopper}-{basket}",
                    "event_id": f"{shopper}-{basket}-{line}",
                }
                for line, product in enumerate(bought)
            ]
    return events


PRODUCTS: list[dict[str, Any]] = [_product(n, dice) for dice in [_Dice(7)] for n in range(400)]
EVENTS: list[dict[str, Any]] = _events(_Dice(8))


def build(folder: Path, settings: str = "") -> mercato.Shop:
    """The shop, made and trained in ``folder``; its clock stands at NOW."""
    shop = mercato.create(folder, products=PRODUCTS, events=EVENTS, settings=settings, clock=lambda: NOW)
    shop.train()
    return shop
