"""A general store of a few dozen products with brands, colours, sizes and films, to understand queries against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mercato.catalog import Catalog
from mercato.retrieve.lexical import Lexical
from mercato.retrieve.numbers import NumberIndex, Numbers
from mercato.retrieve.without import WithoutIndex
from mercato.schema import Product
from mercato.understand.conditions import Conditions
from mercato.understand.intent import Intents
from mercato.understand.titles import Titles
from mercato.words import Vocabulary

ROWS: list[tuple[str, str, str, dict[str, str]]] = [
    ("Sony Headphones MDR-ZX110", "Sony", "Audio > Headphones", {"color": "Black"}),
    ("Sony Bluetooth Speaker", "Sony", "Audio > Speakers", {"color": "Red"}),
    ("Sony Television 46 inch", "Sony", "Video > Televisions", {"screen_size": "46 in"}),
    ("Apple Phone 4 64GB", "Apple", "Phones", {"color": "White"}),
    ("Phone Case for Apple Phone 4", "Belkin", "Phones > Phone cases", {"color": "Red"}),
    ("Charger for Apple Phone 4", "Belkin", "Phones > Chargers", {}),
    ("Belkin Cable 6 ft", "Belkin", "Cables", {}),
    ("Red Apples", "", "Produce > Apples", {"size": "3 lb"}),
    ("Green Apples", "", "Produce > Apples", {"size": "3 lb"}),
    ("Apple Pie", "", "Bakery > Pies", {"size": "16 oz"}),
    ("Oat Milk", "Oaty", "Dairy > Milk", {"size": "1 L"}),
    ("Whole Milk", "Farm", "Dairy > Milk", {"size": "1 L"}),
    ("Sugar-Free Cookies", "Crumbs", "Bakery > Cookies", {"size": "8 oz"}),
    ("Sugar Cookies", "Crumbs", "Bakery > Cookies", {"size": "8 oz"}),
    ("Cookies without Sugar", "", "Bakery > Cookies", {"size": "16 oz"}),
    ("Peanut Butter", "", "Pantry > Spreads", {"size": "16 oz"}),
    ("Peanut Butter Cookies", "Crumbs", "Bakery > Cookies", {"size": "8 oz"}),
    ("Soup 16 oz", "", "Pantry > Soup", {"size": "16 oz"}),
    ("Dry Skin Lotion", "", "Beauty > Lotions", {}),
    ("Pain Relievers", "", "Health", {}),
    ("Running Shoes", "Fleet", "Shoes", {"color": "Red", "size": "10"}),
    ("Air Max 90 Shoes", "Fleet", "Shoes", {"color": "Dark blue", "size": "9"}),
    ("Dress", "Fleet", "Dresses", {"color": "Red", "size": "M"}),
    ("Return to Oz - DVD", "", "Films", {}),
    ("Batman Returns - DVD", "", "Films", {}),
    ("No Doubt - CD", "Island", "Music", {}),
    ("Castaways - CD", "Island", "Music", {}),
    ("Treasure Island - DVD", "", "Films", {}),
    ("Island Life - DVD", "", "Films", {}),
    ("Frailty - DVD", "", "Films", {}),
    ("无糖绿茶", "茶园", "饮料 > 绿茶", {"颜色": "绿色"}),
    ("无糖红茶", "茶园", "饮料 > 红茶", {"颜色": "红色"}),
    ("红色连衣裙", "", "服装 > 连衣裙", {"颜色": "红色"}),
    ("糖果", "", "零食", {}),
]


@dataclass(frozen=True)
class Store:
    """The store and everything that reads queries against it."""

    catalog: Catalog
    vocabulary: Vocabulary
    lacking: WithoutIndex
    titles: Titles
    numbers: NumberIndex
    conditions: Conditions
    intents: Intents


@cache
def store(prices: bool = True) -> Store:
    """The store; without ``prices`` nothing in it has one."""
    products = [
        Product(
            id=f"p{row}",
            title=title,
            brand=brand,
            categories=(category,),
            price=100 * (row + 1) if prices else None,
            currency="USD",
            attributes={name: (value,) for name, value in attributes.items()},
        )
        for row, (title, brand, category, attributes) in enumerate(ROWS)
    ]
    catalog = Catalog.build(products)
    fields = {
        "title": [product.title for product in products],
        "categories": [product.categories[0] for product in products],
        "brand": [product.brand for product in products],
        "attributes": [" ".join(" ".join(values) for values in product.attributes.values()) for product in products],
    }
    index = Lexical().index(fields)
    lacking, numbers = WithoutIndex.index(fields), Numbers().index(catalog.ids, {"title": fields["title"]})
    titles = Titles(catalog, index.match)
    conditions = Conditions(catalog, index.vocabulary, titles.hold, lacking=lacking)

    def numbered(query: str) -> str:
        found = numbers.find(query)
        return found.text if found is not None else ""

    intents = Intents(index.vocabulary, conditions.names, titles, numbered)
    return Store(catalog, index.vocabulary, lacking, titles, numbers, conditions, intents)
