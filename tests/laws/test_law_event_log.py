"""The law of ports.EventLog over every implementation."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mercato.stores
from mercato.errors import DataError
from mercato.ports import EventLog, Receipt
from mercato.schema import EVENT_TYPES, Interaction
from mercato.stores.memory import MemoryEventLog
from mercato.stores.sqlite import ShopStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IMPLEMENTATIONS = (MemoryEventLog, ShopStore)
Fresh = Callable[[], AbstractContextManager[EventLog]]


@contextmanager
def in_memory() -> Iterator[EventLog]:
    yield MemoryEventLog()


@contextmanager
def on_disk() -> Iterator[EventLog]:
    with tempfile.TemporaryDirectory() as folder, ShopStore.open(Path(folder), create=True) as store:
        yield store


every_log = pytest.mark.parametrize("fresh", [in_memory, on_disk])


def event(event_id: str, **fields: object) -> Interaction:
    return replace(Interaction("detail-page-view", "u1", NOON, "p1", event_id=event_id), **fields)


def ids(log: EventLog, after: int = 0) -> list[str]:
    return [kept.event_id for _, kept in log.read(after)]


def test_no_implementation_is_forgotten() -> None:
    modules = [
        importlib.import_module(f"mercato.stores.{found.name}")
        for found in pkgutil.iter_modules(mercato.stores.__path__)
    ]
    classes = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    assert {kind for kind in classes if hasattr(kind, "append") and hasattr(kind, "read")} - {list} == set(
        IMPLEMENTATIONS
    )


@every_log
def test_an_empty_log_reads_nothing(fresh: Fresh) -> None:
    with fresh() as log:
        assert log.append([]) == Receipt(0, 0)
        assert list(log.read()) == []


@every_log
def test_events_come_back_whole_and_in_order(fresh: Fresh) -> None:
    with fresh() as log:
        given_events = [
            Interaction("purchase-complete", "u1", NOON, "p1", 3, 1050, "EUR", "", "slate", 0, "basket", "e1"),
            Interaction(
                "search", "ü", NOON - timedelta(days=9000, microseconds=7), query='naïve "沙发"\n', event_id="e2"
            ),
            event("e3", value=-(2**40), position=None),
        ]
        assert log.append(given_events) == Receipt(3, 0)
        kept = list(log.read())
        assert [one for _, one in kept] == given_events
        assert all(earlier < later for (earlier, _), (later, _) in pairwise(kept))


@settings(max_examples=25, deadline=None)
@given(st.data())
@every_log
def test_an_event_id_twice_is_kept_once_and_the_first_wins(fresh: Fresh, data: st.DataObject) -> None:
    with fresh() as log:
        oracle: dict[str, Interaction] = {}
        for call in data.draw(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=6)):
            given_events = [event(name, quantity=data.draw(st.integers(1, 9))) for name in call]
            known = len(oracle)
            for one in given_events:
                oracle.setdefault(one.event_id, one)
            assert log.append(given_events) == Receipt(len(oracle) - known, len(call) - (len(oracle) - known))
        assert [one for _, one in log.read()] == list(oracle.values())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.builds(
            Interaction,
            type=st.sampled_from(EVENT_TYPES),
            shopper_id=st.text(),
            at=st.datetimes(timezones=st.just(UTC)),
            product_id=st.text(),
            quantity=st.integers(-(2**63), 2**63 - 1),
            value=st.none() | st.integers(-(2**63), 2**63 - 1),
            query=st.text(),
            position=st.none() | st.integers(0, 1000),
        ),
        max_size=5,
    )
)
@every_log
def test_whatever_text_and_numbers_hold_is_kept_exactly(fresh: Fresh, drawn: list[Interaction]) -> None:
    with fresh() as log:
        given_events = [replace(one, event_id=str(number)) for number, one in enumerate(drawn)]
        log.append(given_events)
        assert [one for _, one in log.read()] == given_events


@every_log
def test_read_goes_on_after_any_number(fresh: Fresh) -> None:
    with fresh() as log:
        for name in "abcde":
            log.append([event(name)])
        numbers = [seq for seq, _ in log.read()]
        for position, seq in enumerate(numbers):
            assert ids(log, after=seq) == list("abcde")[position + 1 :]
        assert ids(log, after=-5) == list("abcde")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (event("x", at=None), "at"),
        (event("x", at=datetime(2026, 1, 1)), "at"),  # noqa: DTZ001  that it has no zone is the point
        (event(""), "event_id"),
        (event("x", type=""), "type"),
        (event("x", query="\ud800"), "query"),
        (event("x", value=2**63), "value"),
        (event("x", quantity=1.5), "quantity"),
        (event("x", quantity=None), "quantity"),
        (event("x", product_id=7), "product_id"),
    ],
)
@every_log
def test_one_wrong_event_refuses_the_whole_call(fresh: Fresh, wrong: Interaction, field: str) -> None:
    with fresh() as log:
        log.append([event("kept")])
        with pytest.raises(DataError) as refusal:
            log.append([event("a"), wrong, event("b")])
        assert refusal.value.where == field
        assert ids(log) == ["kept"]
        assert log.append([event("a")]) == Receipt(1, 0)


@every_log
def test_many_threads_lose_and_double_nothing(fresh: Fresh) -> None:
    with fresh() as log:
        calls = [[f"{thread}-{number}", f"shared-{number}"] for thread in range(6) for number in range(30)]
        with ThreadPoolExecutor(6) as pool:
            receipts = list(pool.map(lambda call: log.append([event(name) for name in call]), calls))
        kept = ids(log)
        assert sorted(kept) == sorted({name for call in calls for name in call})
        assert sum(receipt.accepted for receipt in receipts) == len(kept)
        assert sum(receipt.duplicates for receipt in receipts) == 2 * len(calls) - len(kept)
