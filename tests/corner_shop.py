"""A corner shop of 48 products and 60 regulars with known habits: data for tests that need a whole, small shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mercato

SHELVES: dict[str, list[tuple[str, float]]] = {
    "Dairy > Milk": [("Whole milk", 2.49), ("Skim milk", 2.29), ("Chocolate milk", 2.79), ("Oat milk", 3.49)],
    "Dairy > Cheese": [("Cheddar cheese", 4.99), ("Swiss cheese", 5.49), ("Goat cheese", 6.25), ("Cream cheese", 2.19)],
    "Bakery > Bread": [("White bread", 1.99), ("Rye bread", 2.59), ("Garlic bread", 2.99), ("Corn bread", 2.39)],
    "Bakery > Cookies": [
        ("Oatmeal cookies", 3.19),
        ("Butter cookies", 2.89),
        ("Ginger cookies", 3.05),
        ("Rice cookies", 2.1),
    ],
    "Drinks > Soda": [("Cola soda", 1.29), ("Lemon soda", 1.19), ("Orange soda", 1.19), ("Ginger soda", 1.39)],
    "Drinks > Coffee": [
        ("Dark roast coffee", 7.99),
        ("Mild coffee", 7.49),
        ("Decaf coffee", 8.25),
        ("Instant coffee", 4.75),
    ],
    "Produce > Fruit": [("Bananas", 0.59), ("Red apples", 1.49), ("Oranges", 1.29), ("Strawberries", 3.99)],
    "Produce > Vegetables": [("Carrots", 0.99), ("Broccoli", 1.79), ("Tomatoes", 2.19), ("Potatoes", 1.59)],
    "Pantry > Cereal": [("Corn flakes", 3.29), ("Oat rings", 3.49), ("Granola", 4.19), ("Rice puffs", 2.99)],
    "Pantry > Pasta": [("Spaghetti", 1.49), ("Penne", 1.49), ("Tomato sauce", 2.29), ("Pesto sauce", 3.59)],
    "Snacks > Chips": [("Salted chips", 2.49), ("Paprika chips", 2.49), ("Corn chips", 2.69), ("Pretzels", 2.29)],
    "Household > Cleaning": [("Dish soap", 2.99), ("Glass cleaner", 3.29), ("Sponges", 1.99), ("Paper towels", 4.49)],
}
SIZES = ("8 OZ", "16 OZ", "1 LB", "2 L")
MAKERS = ("Maker 11", "Maker 24", "Maker 69")

PRODUCTS: list[dict[str, Any]] = [
    {
        "id": f"p{10 * shelf + place}",
        "title": f"{title} · {SIZES[place]}",
        "categories": [path],
        "brand": "Private" if (shelf + place) % 3 == 0 else "National",
        "price": price,
        "currency": "USD",
        "attributes": {"maker": [MAKERS[(shelf + place) % 3]], "size": [SIZES[place]]},
    }
    for shelf, (path, goods) in enumerate(SHELVES.items())
    for place, (title, price) in enumerate(goods)
]

HABITS = (
    ("Whole milk", "Corn flakes", "Bananas"),
    ("Spaghetti", "Tomato sauce", "Cheddar cheese"),
    ("Dark roast coffee", "Butter cookies", "Skim milk"),
    ("Cola soda", "Salted chips", "Paprika chips"),
)
"""What goes together: shopper n keeps habit n mod 4, and takes one other thing each time."""

REGULARS = tuple(f"s{n}" for n in range(60))
BASKETS = 6


def product_id(title: str) -> str:
    """The id of the product whose title begins with ``title``."""
    return next(product["id"] for product in PRODUCTS if product["title"].startswith(title))


def events(now: datetime) -> list[dict[str, Any]]:
    """Six weekly baskets of every regular, the last one yesterday."""
    return [
        {
            "type": "purchase-complete",
            "shopper_id": shopper,
            "product_id": product,
            "at": (now - timedelta(days=1 + 7 * (BASKETS - 1 - basket), minutes=n)).isoformat(),
            "quantity": 1,
            "session_id": f"{shopper}-{basket}",
            "event_id": f"{shopper}-{basket}-{product}",
        }
        for n, shopper in enumerate(REGULARS)
        for basket in range(BASKETS)
        for product in _basket(n, basket)
    ]


def _basket(n: int, basket: int) -> list[str]:
    extra = PRODUCTS[(7 * n + 5 * basket) % len(PRODUCTS)]["id"]
    return list(dict.fromkeys([*map(product_id, HABITS[n % 4]), extra]))


def build(folder: Path) -> mercato.Shop:
    """The shop, made and trained in ``folder``."""
    shop = mercato.create(folder, products=PRODUCTS, events=events(datetime.now(UTC)))
    shop.train()
    return shop
