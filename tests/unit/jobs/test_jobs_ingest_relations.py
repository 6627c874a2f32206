"""Importing relations: counted, refused rows kept aside, twice the same as once, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from mercato.jobs.ingest import ingest
from mercato.stores.sqlite import ShopStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FRIENDS = [{"follower": "u1", "followee": "u2"}, {"follower": "u2", "followee": "u1"}, {"follower": "u3"}]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ShopStore]:
    with ShopStore.open(tmp_path / "shop", create=True) as opened:
        yield opened


def test_relations_are_kept_once_and_bad_rows_aside(store: ShopStore, tmp_path: Path) -> None:
    first = ingest(store, tmp_path, [FRIENDS], now=NOW, kind="relations").to_dict()
    assert (first["kept"], first["duplicates"]) == ({"relations": 1}, {"relations": 1})
    assert first["reasons"] == {"friend_id: missing": 1}
    refused = orjson.loads(Path(first["rejected_files"][0]).read_bytes())
    assert (refused["line"], refused["field"], refused["reason"]) == (3, "friend_id", "missing")
    again = ingest(store, tmp_path, [FRIENDS], now=NOW, kind="relations").to_dict()
    assert (again["kept"], again["duplicates"]) == ({"relations": 0}, {"relations": 2})
    assert len(list(store.relations())) == 1


def test_an_import_that_is_stopped_leaves_no_relation(store: ShopStore, tmp_path: Path) -> None:
    def stopped(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(store, tmp_path, [FRIENDS], now=NOW, kind="relations", tick=stopped)
    assert len(list(store.relations())) == 0
