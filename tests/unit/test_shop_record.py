"""Recording events: the next list knows them, an event sent twice counts once, nothing half-said is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

import mercato


def _shop(folder: Path) -> mercato.Shop:
    products = [{"id": f"p{n}", "title": f"Thing {n}", "categories": f"Things > Kind {n % 3}"} for n in range(12)]
    shop = mercato.create(folder / "shop", products=products)
    shop.train()
    return shop


def test_an_event_sent_twice_counts_once(tmp_path: Path) -> None:
    with _shop(tmp_path) as shop:
        sale = mercato.Interaction("purchase-complete", "ann", product_id="p3", event_id="e1")
        assert shop.record([sale]).accepted == 1
        assert shop.record([sale, sale]).duplicates == 2
        assert shop.shopper("ann")["purchases"] == 1
        assert shop.recommend("buy-again", shopper="ann").ids == ("p3",)
    with mercato.open(tmp_path / "shop") as again:
        assert again.shopper("ann")["purchases"] == 1


def test_an_event_of_nobody_is_refused_and_nothing_of_the_call_is_kept(tmp_path: Path) -> None:
    with _shop(tmp_path) as shop:
        events = [
            mercato.Interaction("purchase-complete", "ann", product_id="p1"),
            mercato.Interaction("purchase-complete", "", product_id="p2"),
        ]
        with pytest.raises(mercato.DataError, match="shopper_id"):
            shop.record(events)
        assert shop.status()["events"] == 0


def test_a_shop_that_never_saw_an_event_answers_sensibly(tmp_path: Path) -> None:
    with _shop(tmp_path) as shop:
        for placement in ("home", "discover", "email", "tail"):
            assert len(shop.recommend(placement, 5).ids) == 5
        assert shop.recommend("buy-again", 5).ids == ()
        assert shop.recommend("similar", 5, product="p1").ids
        assert shop.search("thing 3").ids[0] == "p3"
