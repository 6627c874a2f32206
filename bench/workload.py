"""A shop in, what one asks it in a benchmark out: queries, filters, shoppers and products, drawn by a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

import numpy as np

from mercato.parts import Parts
from mercato.schema import GRADES

FACETS = ("categories", "brand")
_SHORTEST_MISSPELT = 5


@dataclass(frozen=True)
class Query:
    """What is typed, and where it came from: "category", "title" or "typo"."""

    text: str
    origin: str


def queries(parts: Parts, count: int, seed: int = 0) -> list[Query]:
    """``count`` distinct queries of one to four words.

    A third are the last names of categories, the others stretches of the titles of products drawn by what sells; in
    every fourth one letter of a word of five or more is dropped, doubled, replaced or swapped with the next.
    """
    random = np.random.default_rng(seed)
    found: dict[str, Query] = {}
    for origin, text in _texts(parts, random):
        misspelt = _misspelt(text, random) if random.random() < 0.25 else text
        query = Query(misspelt, origin if misspelt == text else "typo")
        found.setdefault(query.text, query)
        if len(found) == count:
            return list(found.values())
    return list(found.values())


def _texts(parts: Parts, random: np.random.Generator) -> Iterator[tuple[str, str]]:
    names = [path.split(" > ")[-1].lower() for path in parts.catalog.facets["categories"].values]
    sold = parts.behaviour.popular.counts * parts.catalog.sellable
    for _ in range(100_000):
        if random.random() < 1 / 3:
            yield "category", " ".join(names[random.integers(len(names))].split()[:4])
            continue
        title = parts.catalog.product(int(random.choice(len(sold), p=sold / sold.sum()))).title.lower().split(" · ")[0]
        words = title.replace("/", " ").split()
        length = int(random.integers(1, 5))
        start = int(random.integers(max(len(words) - length, 0) + 1))
        yield "title", " ".join(words[start : start + length])


def _misspelt(text: str, random: np.random.Generator) -> str:
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) >= _SHORTEST_MISSPELT and word.isalpha()]
    if not long:
        return text
    place = long[random.integers(len(long))]
    word, at = words[place], int(random.integers(1, len(words[place]) - 1))
    letter = ascii_lowercase[random.integers(26)]
    edits = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    )
    words[place] = edits[random.integers(len(edits))]
    return " ".join(words)


def filters(parts: Parts, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """``count`` filters in turn: a brand, a price range, a department, a brand within a price range."""
    random = np.random.default_rng(seed)
    facets, catalog = parts.catalog.facets, parts.catalog
    prices = catalog.numbers["price"][catalog.sellable & ~np.isnan(catalog.numbers["price"])]
    departments = [path for path in facets["categories"].values if " > " not in path]
    made: list[dict[str, Any]] = []
    for number in range(count):
        low, high = np.sort(np.round(random.choice(prices, 2), 2)).tolist()
        brand = {"brand": [facets["brand"].values[random.integers(len(facets["brand"].values))]]}
        price = {"price": {"min": low, "max": high}}
        department = {"categories": [departments[random.integers(len(departments))]]}
        made.append((brand, price, department, {**brand, **price})[number % 4])
    return made


def shoppers(parts: Parts, count: int, seed: int = 2) -> list[str]:
    """``count`` different shoppers with a history."""
    random = np.random.default_rng(seed)
    chosen = random.permutation(len(parts.events.shoppers))[:count]
    return [parts.events.shoppers[number] for number in chosen]


def baskets(parts: Parts, shopper_ids: list[str], seed: int = 3) -> list[list[str]]:
    """For each shopper one to five products they once bought: an anchor product, and a cart."""
    random = np.random.default_rng(seed)
    number = {shopper: place for place, shopper in enumerate(parts.events.shoppers)}
    found = []
    for shopper in shopper_ids:
        history = parts.events.history(number[shopper])
        bought = np.unique(history.rows[history.grades >= GRADES["purchase-complete"]])
        bought = bought[parts.catalog.sellable[bought]]
        size = min(int(random.integers(1, 6)), len(bought))
        found.append([parts.catalog.ids[row] for row in random.choice(bought, size, replace=False)] if size else [])
    return found
