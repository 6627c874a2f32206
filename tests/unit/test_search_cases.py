"""The hand-made search cases: enough of every kind, each rule readable, and the rules' own grammar."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mercato.schema import Product
from mercato.understand.intent import INTENTS
from mercato.understand.pages import TOPICS

TYPES = ("exact", "product-type", "feature", "use-case", "abbreviation", "compatibility", "symptom", "non-product")


@pytest.fixture
def search_cases(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    import search_cases

    return search_cases


def test_there_are_twenty_cases_of_every_type_over_both_catalogues(search_cases: Any) -> None:
    cases = search_cases.read()
    counted = Counter((case.catalogue, case.type) for case in cases)
    assert set(counted) == {(catalogue, kind) for catalogue in ("demo", "retrotech") for kind in TYPES}
    assert min(counted.values()) >= 20
    assert set(TYPES) <= set(INTENTS)
    assert len({(case.catalogue, case.query) for case in cases}) == len(cases)


def test_every_rule_can_be_read_and_every_page_exists(search_cases: Any) -> None:
    rules = [case.rule for case in search_cases.read()]
    assert all(rule.page in TOPICS for rule in rules if rule.page)
    assert all(rule.page or rule.one for rule in rules)


def test_a_rule_is_fulfilled_by_one_product_and_some_clauses_by_all(search_cases: Any) -> None:
    def passes(expect: str, *products: Product, page: str = "") -> bool:
        return bool(search_cases.Case("demo", "exact", "q", expect).rule.passes(products, page))

    milk = Product(
        "1", "Oat &#xAE; Milk", price=250, currency="USD", categories=("Dairy > Milk",), attributes={"size": ("1 L",)}
    )
    jam = Product("2", "Jam", price=900, currency="USD")
    assert passes("title~^oat ® milk & price<=2.5", jam, milk)
    assert not passes("title~milk & title~jam", jam, milk)
    assert not passes("title~milk & all.price<=5", jam, milk)
    assert passes("title~milk & all.price>=2 & all.title!~beer", jam, milk)
    assert passes("category~dairy & attributes~1 l", milk)
    assert not passes("title~milk", *[jam] * 5, milk)
    assert not passes("title~milk")
    assert passes("id=2", milk, jam)
    assert passes("page=returns", page="returns")
    assert not passes("page=returns", milk)
    with pytest.raises(ValueError, match="no clause"):
        passes("titel~milk")
