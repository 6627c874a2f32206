"""What the catalogue says of a product is noted beside all that match, and only where it tells products apart."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from mercato.catalog import Catalog
from mercato.rank.features import Facts, Profile
from mercato.schema import Product, Ranking
from shopping import NOW, asked


def noted(rows: list[int], *products: Product) -> dict[str, list[float]]:
    """Fact → what it says of ``rows``."""
    facts = Facts.of(Catalog.build(products), Profile({}))
    found = facts.note(asked(), Ranking(np.array(rows, np.int32), np.zeros(len(rows)))).notes
    return {name.removeprefix("fact:"): values.tolist() for name, values in found.items()}


def test_cheap_is_how_often_the_price_goes_into_the_usual_of_what_matches() -> None:
    priced = [Product(str(n), "x", price=price) for n, price in enumerate((100, 200, 400, None, 0, 90_000))]
    assert noted([0, 1, 2, 3, 4], *priced)["cheap"] == pytest.approx([2.0, 1.0, 0.5, 0.0, 0.0])
    assert noted([2, 3], *priced)["cheap"] == pytest.approx([1.0, 0.0]), "beside what matches, not the whole shop"
    assert noted([3], *priced)["cheap"] == [0.0]
    assert noted([], *priced)["cheap"] == []


def test_stock_is_what_can_be_had_now() -> None:
    found = noted(
        [0, 1, 2, 3, 4], Product("a", "x"), Product("b", "x", quantity=3), Product("c", "x", quantity=0),
        Product("d", "x", availability="out-of-stock"), Product("e", "x", availability="preorder"),
    )  # fmt: skip
    assert found == {"stock": [1.0, 1.0, 0.0, 0.0, 0.0]}


def test_what_is_new_is_fresher_and_what_has_no_date_is_not() -> None:
    days = (0, 90, 900, -5)
    dated = [Product(str(n), "x", created_at=NOW - timedelta(days=one)) for n, one in enumerate(days)]
    found = noted([0, 1, 2, 3, 4], *dated, Product("9", "x", rating=4.5))
    assert found["fresh"] == pytest.approx([1.0, 0.5, 1 / 11, 1.0, 0.0])
    assert found["rating"] == [0.0, 0.0, 0.0, 0.0, 4.5]


def test_a_shop_that_says_nothing_or_the_same_of_everything_pays_nothing() -> None:
    assert noted([0, 1], Product("a", "x", price=5), Product("b", "x", price=5)) == {}
    assert noted([], *()) == {}
