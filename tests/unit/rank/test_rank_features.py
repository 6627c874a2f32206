"""What a shopper's history says of a product's category, group, brand and maker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.rank.features import Profile, columns
from mercato.schema import Product, Ranking
from shopping import BUY, CART, VIEW, asked


def catalog() -> Catalog:
    """60 products: six categories, 20 brands of three, one maker of half the shop, the first two of one group."""
    return Catalog.build(
        Product(
            id=str(row),
            title="x",
            categories=(f"c{row % 6}",) if row < 50 else (),
            brand=f"b{row % 20}",
            group_id="g" if row < 2 else "",
            attributes={"maker": ("big",) if row % 2 else (f"m{row % 10}", "other")},
        )
        for row in range(60)
    )


def test_columns_hold_the_main_value_unless_too_many_share_it() -> None:
    found = columns(catalog(), ("brand", "maker", "nobody"), common=0.2)
    assert set(found) == {"category", "group", "brand", "maker"}
    assert (found["category"][50:] == -1).all()
    assert len(np.unique(found["category"][:50])) == 6
    assert found["group"][0] == found["group"][1] != found["group"][2]
    assert (found["maker"][1::2] == -1).all(), "half the shop has this maker: that relates nothing"
    assert (found["maker"][0::2] >= 0).all()
    assert found["maker"][0] == found["maker"][10] != found["maker"][2], "the first value is the main one"


def test_a_field_with_one_value_relates_nothing() -> None:
    one = Catalog.build(Product(id=str(row), title="x", brand="b") for row in range(3))
    assert set(columns(one, ("brand",))) == {"category", "group"}


@given(
    did=st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0, VIEW, CART, BUY, 4]), st.integers(0, 200)), max_size=8
    ),
    codes=st.lists(st.integers(-1, 3), min_size=10, max_size=10),
)
def test_a_profile_against_a_double_loop(did: list[tuple[int, int, int]], codes: list[int]) -> None:
    profile = Profile({"brand": np.array(codes, np.int32)}, half_life_days=80.0)
    everything = Ranking(np.arange(10, dtype=np.int32), np.zeros(10), {"kept": np.ones(10)})
    noted = profile.note(asked(*did), everything)
    newest = min((days for _, _, days in did), default=0)
    expected = [
        sum(grade / 3 * 0.5 ** ((days - newest) / 80) for row, grade, days in did if codes[row] == codes[target])
        if codes[target] >= 0
        else 0.0
        for target in range(10)
    ]
    np.testing.assert_allclose(noted.notes["profile:brand"], expected, rtol=1e-9)
    assert noted.notes["kept"].all()


def test_the_source_is_the_newest_product_with_the_same_value() -> None:
    profile = Profile({"brand": np.array([0, 0, 0, 1, -1], np.int32)})
    request = asked((1, BUY, 9), (0, VIEW, 5), (2, 0, 1), (3, BUY, 0))
    assert profile.source(request, 2, "brand") == 0
    assert profile.source(request, 0, "brand") == 1, "a product is not its own source"
    assert profile.source(request, 3, "brand") is None
    assert profile.source(request, 4, "brand") is None
    assert profile.source(asked(), 0, "brand") is None


@pytest.mark.parametrize("rows", [[], [0]])
def test_no_history_and_no_pool_are_no_error(rows: list[int]) -> None:
    ranking = Ranking(np.array(rows, np.int32), np.zeros(len(rows)))
    noted = Profile({"brand": np.array([0], np.int32)}).note(asked(), ranking)
    assert noted.notes["profile:brand"].tolist() == [0.0] * len(rows)
