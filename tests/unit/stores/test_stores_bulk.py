"""Imports: whole or not at all, the same as the same events one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.errors import BackendError, DataError
from mercato.ports import Receipt
from mercato.schema import Interaction, Product, Review
from mercato.stores import event_load, writer
from mercato.stores.sqlite import ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path, create=True) as opened:
        yield opened


def frame(ids: list[str], **columns: object) -> pl.DataFrame:
    fixed = {"type": "purchase-complete", "shopper_id": "u1", "at": NOON, "product_id": "p1", **columns}
    return pl.DataFrame({"event_id": ids}, schema={"event_id": pl.String}).with_columns(
        pl.lit(value).alias(name) for name, value in fixed.items()
    )


def load_all_kinds(store: ShopStore, *events: pl.DataFrame) -> None:
    with store.bulk() as bulk:
        bulk.products([Product("p1", "Sofa")])
        bulk.prices(pl.DataFrame({"product_id": ["p1"], "week": [1], "price": [100], "currency": ["USD"]}))
        for part in events:
            bulk.events(part)


@settings(max_examples=25, deadline=None)
@given(
    before=st.lists(st.integers(0, 9), max_size=2),
    batches=st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=5),
)
def test_batches_keep_what_a_dictionary_would(
    tmp_path_factory: pytest.TempPathFactory, before: list[int], batches: list[list[int]]
) -> None:
    oracle: dict[str, None] = {}
    with ShopStore.open(tmp_path_factory.mktemp("shop"), create=True) as store:
        store.append([Interaction("search", "u", NOON, event_id=str(name)) for name in before])
        oracle.update(dict.fromkeys(map(str, before)))
        with store.bulk() as bulk:
            for batch in batches:
                ids = [str(name) for name in batch]
                fresh = len(set(ids) - set(oracle))
                oracle.update(dict.fromkeys(ids))
                assert bulk.events(frame(ids)) == Receipt(fresh, len(ids) - fresh)
        assert [one.event_id for _, one in store.read()] == list(oracle)
        assert store.append([Interaction("search", "u", NOON, event_id=name) for name in oracle]).accepted == 0
        assert store.check() == []


def test_wide_statements_and_their_rest_keep_every_row(store: ShopStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_load, "_SLICE", 250)
    ids = [f"e{number}" for number in range(1033)]
    with store.bulk() as bulk:
        assert bulk.events(frame(ids)) == Receipt(1033, 0)
    assert store.events_frame()["event_id"].to_list() == ids


def test_missing_columns_and_nulls_become_defaults(store: ShopStore) -> None:
    naive = pl.DataFrame(
        {
            "event_id": ["e1"],
            "type": ["search"],
            "shopper_id": ["u1"],
            "at": [NOON.replace(tzinfo=None)],
            "query": [None],
        }
    )
    with store.bulk() as bulk:
        bulk.events(naive)
    assert [one for _, one in store.read()] == [Interaction("search", "u1", NOON, event_id="e1")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (frame(["e1"]).drop("at"), "at"),
        (frame(["e1"], at=7), "at"),
        (frame(["e1"], type=None), "type"),
        (frame(["e1"], type=""), "type"),
        (frame(["e1"], value=3.5), "value"),
        (frame(["e1"], quantity="many"), "events"),
    ],
)
def test_a_wrong_frame_is_refused_by_name(store: ShopStore, wrong: pl.DataFrame, field: str) -> None:
    with pytest.raises(DataError) as refusal:
        load_all_kinds(store, wrong)
    assert refusal.value.where == field
    assert store.product_count() == 0


def test_an_import_that_raises_leaves_the_shop_as_it_was(store: ShopStore) -> None:
    store.append([Interaction("search", "u", NOON, event_id="before")])
    with pytest.raises(DataError):
        load_all_kinds(store, frame([f"e{number}" for number in range(500)]), frame(["e1"], at=7))
    assert store.counts() == {"search": 1}
    assert store.product_count() == store.catalogue_version() == 0
    assert store.prices_frame().is_empty()
    assert store.append([Interaction("search", "u", NOON, event_id="after")]).accepted == 1


def test_a_first_import_that_raises_keeps_ids_unique(store: ShopStore) -> None:
    with pytest.raises(DataError):
        load_all_kinds(store, frame(["e1", "e2"]), frame(["e3"], at=7))
    event = Interaction("search", "u", NOON, event_id="e1")
    assert store.append([event]) == Receipt(1, 0)
    assert store.append([event]) == Receipt(0, 1)


def test_an_append_during_an_import_waits_and_is_kept(store: ShopStore) -> None:
    with store.bulk() as bulk:
        bulk.events(frame(["e1"]))
        waiting = store.submit([Interaction("search", "u", NOON, event_id="live")])
        assert store.last_seq() == 0
        assert not waiting.done()
    assert waiting.result(30) == Receipt(1, 0)
    assert [one.event_id for _, one in store.read()] == ["e1", "live"]


def test_an_append_gives_up_when_the_import_lasts_too_long(store: ShopStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "TURN_SECONDS", 0.01)
    with store.bulk(), pytest.raises(BackendError, match="an import has held the shop"):
        store.append([Interaction("search", "u", NOON, event_id="live")])
    assert store.append([Interaction("search", "u", NOON, event_id="live")]).accepted == 1


def test_two_imports_take_turns(store: ShopStore) -> None:
    def load(name: str) -> None:
        with store.bulk() as bulk:
            for part in range(5):
                bulk.events(frame([f"{name}{part}-{number}" for number in range(20)]))

    threads = [threading.Thread(target=load, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = [one.event_id[0] for _, one in store.read()]
    assert "".join(order) in ("a" * 100 + "b" * 100, "b" * 100 + "a" * 100)


def test_reviews_are_kept_once(store: ShopStore) -> None:
    reviews = [
        Review("p1", "u1", 4.5, "Good", "soft “cushions”", NOON, "en"),
        Review("p2"),
        Review("p1", "u2", None, "", "fine"),
    ]
    table = pl.DataFrame([{name: getattr(one, name) for name in Review.__slots__} for one in reviews])
    for _ in range(2):
        with store.bulk() as bulk:
            fresh = bulk.reviews(table)
    assert fresh == 0
    assert list(store.reviews()) == reviews
    assert list(store.reviews("p1")) == [reviews[0], reviews[2]]
    kept = store.reviews_frame()
    assert kept["rating"].to_list() == [4.5, None, None]
    assert kept["at"].to_list() == [NOON, None, None]
    with pytest.raises(DataError), store.bulk() as bulk:
        bulk.reviews(pl.DataFrame({"text": ["about nothing"]}))


def test_the_last_record_of_a_shopper_wins(store: ShopStore) -> None:
    with store.bulk() as bulk:
        bulk.shoppers(pl.DataFrame({"id": [1, 2], "age": ["25-34", None], "size": [3, 4]}))
        bulk.shoppers(pl.DataFrame({"id": ["2"], "size": [5]}))
    assert list(store.shoppers()) == [{"id": "1", "age": "25-34", "size": 3}, {"id": "2", "size": 5}]
    assert store.shopper("2") == {"id": "2", "size": 5}
    assert store.shopper("3") is None
    with pytest.raises(DataError), store.bulk() as bulk:
        bulk.shoppers(pl.DataFrame({"age": ["25-34"]}))


def test_the_last_price_of_a_week_wins(store: ShopStore) -> None:
    prices = pl.DataFrame({"product_id": ["p2", "p1"], "week": [1, 2], "price": [100, 250], "currency": ["USD", None]})
    with store.bulk() as bulk:
        assert bulk.prices(prices) == 2
        bulk.prices(prices.head(1).with_columns(price=90))
    assert store.prices_frame().rows() == [("p1", 2, 250, ""), ("p2", 1, 90, "USD")]
    assert store.record_counts() == {"reviews": 0, "shoppers": 0, "prices": 2, "slates": 0}
    with pytest.raises(DataError, match="another type"), store.bulk() as bulk:
        bulk.prices(prices.with_columns(price=pl.lit("cheap")))
