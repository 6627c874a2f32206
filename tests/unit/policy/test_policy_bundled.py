"""What of the sets that go together is offered: one kind once, in stock, one currency, one total."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mercato.catalog import Catalog
from mercato.policy.bundled import MOST, bundled
from mercato.schema import Bundle, Mask, Product, Rows
from shopping import asked

TITLES = ("bread", "butter", "jam", "honey", "milk", "cheese", "salt")
KINDS = {"jam": "spread", "honey": "spread"}


@dataclass(frozen=True)
class Listed:
    """Sets as they are given: (to add, held, baskets)."""

    sets: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...]

    def complete(self, anchors: Rows, held: Rows, allowed: Mask) -> Iterable[tuple[Rows, Rows, int]]:
        """All of them, whatever is asked."""
        for added, has, baskets in self.sets:
            yield np.array(added, np.int32), np.array(has, np.int32), baskets


def catalog(**changed: dict[str, Any]) -> Catalog:
    """Seven products at 1.01, 2.01, … USD, some of them changed."""
    plain = [
        {"id": name, "title": name, "categories": (KINDS.get(name, name),), "price": 101 + 100 * n, "currency": "USD"}
        for n, name in enumerate(TITLES)
    ]
    return Catalog.build(Product(**{**one, **changed.get(str(one["id"]), {})}) for one in plain)  # type: ignore[arg-type]


def offered(*sets: tuple[tuple[int, ...], tuple[int, ...], int], cart: tuple[str, ...] = (), **changed: Any) -> Any:
    """Of ``sets`` those offered on the page of bread, or in a cart."""
    known = catalog(**changed)
    product, placement = ("", "cart") if cart else ("bread", "together")
    anchors = tuple(known.rows(cart or ["bread"]).tolist())
    request = asked(placement=placement, product=product, cart=cart, anchors=anchors)
    return bundled(Listed(sets), known, request, np.ones(len(known), bool))


def test_a_bundle_says_what_it_costs_and_why() -> None:
    (bundle,) = offered(((0, 1, 4), (), 31))
    assert bundle == Bundle(bundle.products, 101 + 201 + 501, "USD", 31, "Bought together in 31 baskets.")
    assert bundle.ids == ("bread", "butter", "milk")


def test_in_a_cart_the_sentence_names_what_is_there() -> None:
    (bundle,) = offered(((4,), (0, 1), 12), cart=("bread", "butter"))
    assert bundle.ids == ("milk",)
    assert bundle.reason == "Bought together with bread and butter in 12 baskets."


def test_one_set_of_a_kind_and_at_most_three() -> None:
    found = offered(((0, 2), (), 9), ((0, 3), (), 8), ((0, 1, 2), (), 8), *(((0, row), (), 7) for row in (1, 4, 5, 6)))
    assert [one.ids for one in found] == [("bread", "jam"), ("bread", "butter"), ("bread", "milk")]
    assert len(found) == MOST


def test_nothing_that_would_do_for_something_in_the_cart() -> None:
    assert not offered(((3,), (0,), 9), cart=("bread", "jam"))
    grouped = {"honey": {"group_id": "sweet", "categories": ()}, "milk": {"group_id": "sweet"}}
    assert not offered(((4,), (0,), 9), cart=("bread", "honey"), **grouped)


def test_a_product_without_a_price_leaves_no_total() -> None:
    (bundle,) = offered(((0, 1), (), 9), butter={"price": None, "currency": ""})
    assert (bundle.price, bundle.currency) == (None, "USD")


@pytest.mark.parametrize(
    "change", [{"currency": "EUR"}, {"availability": "out-of-stock"}, {"quantity": 0}], ids=lambda one: next(iter(one))
)
def test_no_set_with_another_currency_or_with_what_is_sold_out(change: dict[str, Any]) -> None:
    assert not offered(((0, 1), (), 9), butter=change)
    assert offered(((0, 4), (), 9), butter=change)


def test_what_is_held_already_may_be_sold_out() -> None:
    assert offered(((4,), (0,), 9), cart=("bread",), bread={"availability": "out-of-stock"})
