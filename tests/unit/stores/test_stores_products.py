"""Products put, changed, deleted, read back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mercato.errors import DataError
from mercato.schema import Product
from mercato.stores import products
from mercato.stores.sqlite import ShopStore

SOFA = Product(
    "sofa", "Sofa", "blue", ("home > sofas",), "Acme", 34900, "USD", attributes={"colour": ("blue", "navy")},
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
)  # fmt: skip
LAMP = Product("lamp", "Lamp", price=1000, currency="JPY", sellable=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path, create=True) as opened:
        yield opened


def test_products_come_back_whole_in_the_order_they_first_came(store: ShopStore) -> None:
    assert store.put_products([SOFA, LAMP]) == (2, 0)
    assert store.put_products([Product("sofa", "Sofa bed")]) == (0, 1)
    assert list(store.products()) == [Product("sofa", "Sofa bed"), LAMP]
    assert store.product("lamp") == LAMP
    assert store.product("none") is None
    assert store.product_count() == 2


def test_the_last_put_of_an_id_wins(store: ShopStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_SLICE", 2)
    assert store.put_products([Product("a", "1"), Product("a", "2"), Product("a", "3")]) == (1, 1)
    assert store.product("a") == Product("a", "3")


def test_every_change_has_a_higher_version_and_an_equal_put_is_none(store: ShopStore) -> None:
    assert store.catalogue_version() == 0
    store.put_products([SOFA, LAMP])
    assert store.catalogue_version() == 1
    assert store.put_products([SOFA]) == (0, 0)
    assert store.delete_product("none") is False
    assert store.catalogue_version() == 1
    assert store.delete_product("sofa") is True
    assert store.delete_product("sofa") is False
    store.put_products([Product("lamp", "Lamp 2")])
    assert store.catalogue_version() == 3
    assert store.changed_products(1) == [(2, "sofa", None), (3, "lamp", Product("lamp", "Lamp 2"))]
    assert store.changed_products(3) == []


def test_a_deleted_product_is_gone_and_can_return(store: ShopStore) -> None:
    store.put_products([SOFA, LAMP])
    store.delete_product("sofa")
    assert store.product("sofa") is None
    assert list(store.products()) == [LAMP]
    assert store.product_count() == 1
    assert store.put_products([SOFA]) == (0, 1)
    assert store.product("sofa") == SOFA


@pytest.mark.parametrize("wrong", [Product("", "no id"), Product("x", "\ud800"), Product("\ud800", "x")])
def test_a_wrong_product_refuses_the_whole_call(store: ShopStore, wrong: Product) -> None:
    with pytest.raises(DataError):
        store.put_products([SOFA, wrong])
    assert store.product_count() == store.catalogue_version() == 0
