"""What shoppers of the made-up shop see: a change in ids, order, scores or reasons shows up as a readable diff."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

import made_up_shop
import mercato
from made_up_shop import NOW, REGULARS

LETTERS = '[encoder]\nsource = "letters"\n'
"""Letters stand in for meaning: an int8 network's last digits differ from processor to processor."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with made_up_shop.build(tmp_path_factory.mktemp("golden") / "shop", LETTERS) as built:
        yield built


def told(title: str, slate: mercato.Slate) -> str:
    """A slate as a table a person can read."""
    facets = [
        f"{name}: {', '.join(f'{value} {n}' for value, n in counts.items())}" for name, counts in slate.facets.items()
    ]
    said = [("corrected", slate.corrected), ("relaxed", slate.relaxed), ("degraded", ", ".join(slate.degraded))]
    lines = [f"## {title}", f"total {slate.total}", *(f"{name}: {text}" for name, text in said if text), *facets]
    for place, item in enumerate(slate.items, start=1):
        terms = " + ".join(f"{name} {value:.3f}" for name, value in item.terms.items() if abs(value) >= 5e-4)
        lines.append(f"{place:2d}  {item.score:6.3f}  {item.product.id}  {item.product.title}")
        lines += [f"            {line}" for line in (f"= {terms}" if terms else "", item.reason) if line]
    return "\n".join(lines) + "\n"


def test_searches(shop: mercato.Shop, golden: Callable[[str, str], None]) -> None:
    regular = REGULARS[5]
    slates = [
        ("velvet sofa", shop.search("velvet sofa", 5, explain=True, facets=["brand", "colour"])),
        (f"velvet sofa, by {regular}", shop.search("velvet sofa", 5, shopper=regular, explain=True)),
        ("coffe grindr", shop.search("coffe grindr", 5, explain=True)),
        (
            "lamp, at most 50 EUR, cheapest first",
            shop.search("lamp", 5, where={"price": {"max": 50}}, sort="price", explain=True),
        ),
        ("steel rose bush mattress", shop.search("steel rose bush mattress", 5, explain=True)),
        ("browsing camping", shop.search("", 5, where={"categories": ["Sport > Camping"]}, explain=True)),
    ]
    golden("searches", "\n".join(told(*slate) for slate in slates))


def test_recommendations(shop: mercato.Shop, golden: Callable[[str, str], None]) -> None:
    regular = REGULARS[5]
    bought = shop.recommend("buy-again", 3, shopper=regular).ids
    slates = [
        (f"home of {regular}", shop.recommend("home", 6, shopper=regular, explain=True)),
        ("home of a stranger", shop.recommend("home", 5, shopper="nobody", explain=True)),
        (f"discover for {regular}", shop.recommend("discover", 6, shopper=regular, explain=True)),
        (f"buy again for {regular}", shop.recommend("buy-again", 5, shopper=regular, explain=True)),
        (f"similar to {bought[0]}", shop.recommend("similar", 5, product=bought[0], explain=True)),
        (f"together with {bought[0]}", shop.recommend("together", 5, product=bought[0], explain=True)),
        (f"cart of {bought[0]} and {bought[1]}", shop.recommend("cart", 5, cart=bought[:2], explain=True)),
        (f"tail for {regular}", shop.recommend("tail", 5, shopper=regular, explain=True)),
    ]
    golden("recommendations", "\n".join(told(*slate) for slate in slates))


def test_a_session(shop: mercato.Shop, golden: Callable[[str, str], None]) -> None:
    viewed = shop.recommend("home", 2, shopper="nobody").ids
    before = shop.recommend("home", 4, session="fresh", explain=True)
    views = [
        mercato.Interaction("detail-page-view", "visitor", NOW - timedelta(minutes=5 - n), one, session_id="fresh")
        for n, one in enumerate(viewed)
    ]
    shop.record(views)
    slates = [
        ("home before the session's first view", before),
        (f"home after views of {' and '.join(viewed)}", shop.recommend("home", 4, session="fresh", explain=True)),
        ("session", shop.recommend("session", 5, session="fresh", explain=True)),
    ]
    golden("session", "\n".join(told(*slate) for slate in slates))
