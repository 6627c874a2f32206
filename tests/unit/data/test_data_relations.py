"""Friends and follows as others write them in, clean relations out; bad rows refused with line, field and reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mercato.data import open_source, relation
from mercato.errors import DataError
from mercato.schema import Relation

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "record",
    [
        {"shopper_id": "u1", "friend_id": "u2"},
        {"userID": 1, "friendID": 2.0},
        {"Follower": "u1", "Followee": "u2"},
        {"source": "u1", "target": "u2"},
        {"source_id:token": "u1", "target_id:token": "u2"},
    ],
)
def test_both_ends_under_any_of_their_names(record: dict[str, Any]) -> None:
    found = relation(record, NOW)
    assert (found.shopper_id.strip("u"), found.friend_id.strip("u")) == ("1", "2")
    assert (found.type, found.weight, found.at) == ("friends", 1.0, None)


def test_type_weight_and_time_are_read() -> None:
    found = relation({"user": "a", "friend": "b", "type": "Follows", "weight": "0.5", "since": "2025-05-01"}, NOW)
    assert found == Relation("a", "b", "follows", 0.5, datetime(2025, 5, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"shopper_id": ""}, "shopper_id"),
        ({"friend_id": None}, "friend_id"),
        ({"friend_id": "u1"}, "friend_id"),
        ({"friend_id": "x" * 513}, "friend_id"),
        ({"type": "enemies"}, "type"),
        ({"weight": "heavy"}, "weight"),
        ({"weight": 0}, "weight"),
        ({"weight": -1}, "weight"),
        ({"weight": float("nan")}, "weight"),
        ({"at": "yesterday"}, "at"),
        ({"at": "2027-01-01"}, "at"),
    ],
)
def test_a_bad_row_is_refused_by_the_field_that_is_wrong(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(DataError) as refused:
        relation({"shopper_id": "u1", "friend_id": "u2", **wrong}, NOW)
    assert refused.value.where == field


@pytest.mark.parametrize("kind", ["relations", None])
def test_a_file_keeps_its_good_rows_and_the_lines_of_its_bad_ones(tmp_path: Path, kind: str | None) -> None:
    path = tmp_path / "friends.csv"
    path.write_text("userID,friendID\n1,2\n1,\n3,3\n2,1,9\n2,1\n")
    batches = list(open_source(path, kind, now=NOW).batches())
    assert [batch.kind for batch in batches] == ["relations"]
    kept = batches[0].frame.select("shopper_id", "friend_id", "type").rows()
    assert kept == [("1", "2", "friends"), ("2", "1", "friends")]
    refused = sorted((one.line, one.field) for one in batches[0].rejected)
    assert refused == [(3, "friend_id"), (4, "friend_id"), (5, "")]


def test_a_table_without_both_ends_says_what_is_needed() -> None:
    with pytest.raises(DataError, match=r"relations: shopper_id \(or user_id.*friend_id \(or friend"):
        open_source([{"user_id": "u1", "age": 3}], "relations", now=NOW)
    assert open_source([{"user_id": "u1", "age": 3}], now=NOW).kind == "shoppers"
