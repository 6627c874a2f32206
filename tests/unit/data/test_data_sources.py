"""Opening what users give: good tables of any make are the same rows; bad ones say what is wrong and what to do."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mercato.data import Batch, open_source
from mercato.data import compressed as compressed_module
from mercato.errors import DataError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = [
    {"user_id": "u1", "event": "Product Viewed", "item_id": "p1", "timestamp": "2025-05-01T10:00:00Z"},
    {"user_id": "u1", "event": "Order Completed", "item_id": "p1", "timestamp": "2025-05-01T10:05:00Z"},
    {"user_id": "u2", "event": "pv", "item_id": "p2", "timestamp": "2025-05-02T00:00:00Z"},
]


def read(source: Any, **options: Any) -> list[Batch]:
    return list(open_source(source, now=NOW, **options).batches())


def rows(source: Any, **options: Any) -> list[dict[str, Any]]:
    return pl.concat([batch.frame for batch in read(source, **options)]).to_dicts()


def test_every_make_of_table_gives_the_same_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame(EVENTS)
    frame.write_csv(tmp_path / "e.csv")
    frame.write_csv(tmp_path / "e.tsv", separator="\t")
    frame.write_parquet(tmp_path / "e.parquet")
    frame.write_ndjson(tmp_path / "e.jsonl")
    (tmp_path / "e.json").write_bytes(orjson.dumps(EVENTS))
    (tmp_path / "odd-name").write_bytes(gzip.compress((tmp_path / "e.csv").read_bytes()))
    with pa.CompressedOutputStream(str(tmp_path / "e.csv.zst"), "zstd") as out:
        out.write((tmp_path / "e.csv").read_bytes())
    wanted = rows(EVENTS)
    assert [row["type"] for row in wanted] == ["detail-page-view", "purchase-complete", "detail-page-view"]
    assert len({row["event_id"] for row in wanted}) == 3
    tables = [frame, frame.lazy(), frame.to_pandas(), frame.to_arrow(), iter(EVENTS), *sorted(tmp_path.iterdir())]
    for source in tables:
        assert rows(source) == wanted, source


def test_reading_twice_gives_the_same_ids_and_identical_rows_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    pl.DataFrame([EVENTS[0]] * 3 + [EVENTS[1]]).write_csv(path)
    ids = [row["event_id"] for row in rows(path)]
    assert len(set(ids)) == 4
    assert ids == [row["event_id"] for row in rows(path)]
    assert rows([EVENTS[0]])[0]["event_id"] == ids[0]


def test_a_given_event_id_is_kept_once_and_a_product_id_counts_last() -> None:
    (events,) = read([{**EVENTS[0], "event_id": "x"}, {**EVENTS[1], "event_id": "x"}])
    assert events.frame["type"].to_list() == ["detail-page-view"]
    assert events.repeated == 1
    (products,) = read([{"id": "1", "title": "old"}, {"id": "2", "title": "b"}, {"id": "1", "title": "new"}])
    assert dict(products.frame.select("id", "title").iter_rows()) == {"1": "new", "2": "b"}
    assert products.repeated == 1


def test_wrong_columns_say_what_was_found_and_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("colour,weight\nred,3\n")
    with pytest.raises(DataError) as caught:
        open_source(path, now=NOW)
    assert "colour, weight" in caught.value.what
    assert "shopper_id (or user_id" in caught.value.hint
    with pytest.raises(DataError, match="columns are missing") as caught:
        open_source([{"id": 1, "price": 3}], kind="products", now=NOW)
    assert "title (or name" in caught.value.hint
    assert "events" not in caught.value.hint


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n  \n", "nothing but blank lines"),
        ("empty.gz", gzip.compress(b"", mtime=0), "nothing but blank lines"),
        ("feed.xml", b"<rss/>", "XML"),
        ("book.xlsx", b"PK\x03\x04abcdef", "ZIP"),
        ("wide.csv", "id,title\n".encode("utf-16"), "UTF-16"),
        ("cut.parquet", b"PAR1abcd", "Parquet file cannot be read"),
        ("bad.jsonl", b"{nonsense}\n", "line 1: not JSON"),
        ("list.json", b"[1, 2", "not JSON"),
        ("cut.gz", gzip.compress(b"id,title\n" * 5000, mtime=0)[:60], "breaks off"),
        ("noise.gz", b"\x1f\x8b\x08\x00garbage-garbage", "breaks off or is damaged"),
        ("cut.zst", b"\x28\xb5\x2f\xfdgarbage", "breaks off or is damaged"),
    ],
)
def test_unreadable_files_say_why(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read(path)
    assert name in str(caught.value)


def test_missing_files_folders_and_things_that_are_no_table(tmp_path: Path) -> None:
    for source, message in [
        (tmp_path / "none.csv", "cannot be opened"),
        (tmp_path, "this is a folder"),
        ("id,title\n" * 1000, "is no path"),
        ("nul\x00byte", "is no path|cannot be opened"),
        (7, "int is no table"),
        (b"id,title", "bytes is no table"),
        ([], "table is empty"),
        (pd.DataFrame(), "table is empty"),
    ]:
        with pytest.raises(DataError, match=message):
            read(source)
    for options in ({"kind": "sandwiches"}, {"format": "telex"}):
        with pytest.raises(DataError, match="is called"):
            open_source(EVENTS, now=NOW, **options)


def test_a_decompression_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_module, "BOMB_BYTES", 1 << 20)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"id,title\n" + (b"1," + b"a" * 1500 + b"\n") * 4000))
    with pytest.raises(DataError, match="times its size"):
        read(path)


def test_bad_json_lines_are_kept_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    deep = b'{"id": "9", "title": "t", "attributes": ' + b"[" * 3000 + b"]" * 3000 + b"}"
    lines = [
        b'{"id": 1, "title": "a"}',
        b'{"id": 2, "title": "b", "price": NaN}',
        b"[3]",
        b"",
        deep,
        b'{"id": 5, "title": "e"}',
    ]
    path.write_bytes(b"\n".join(lines))
    (batch,) = read(path)
    assert batch.frame["id"].to_list() == ["1", "5"]
    assert [one.line for one in batch.rejected] == [2, 3, 5]
    assert all("JSON" in one.reason for one in batch.rejected)
    assert all(len(one.row) <= 2000 for one in batch.rejected)


def test_bad_rows_name_the_field_and_keep_the_row(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    cells = [
        "1,fine,3.50,USD",
        "2,,1,USD",
        "3,nan,NaN,USD",
        "4,minus,-1,USD",
        ",no id,1,USD",
        "6,huge,1e400,USD",
        "7,money,1,DOLLARS",
    ]
    path.write_text("id,title,price,currency\n" + "\n".join(cells))
    (batch,) = read(path)
    assert batch.frame["price"].to_list() == [350]
    assert [(one.line, one.field) for one in batch.rejected] == [
        (3, "title"), (4, "price"), (5, "price"), (6, "id"), (7, "price"), (8, "currency"),
    ]  # fmt: skip
    assert orjson.loads(batch.rejected[1].row)["title"] == "nan"


def test_own_columns_of_products_become_attributes() -> None:
    (batch,) = read([{"id": 1, "title": "Sofa", "colour": "blue", "attributes": {"seats": [3]}}])
    assert orjson.loads(batch.frame["attributes"][0]) == {"colour": ["blue"], "seats": ["3"]}


def test_a_mixed_import_over_many_batches_loses_nothing(tmp_path: Path) -> None:
    good = [f"u{number % 7},pv,p{number},{1700000000 + number}" for number in range(60_000)]
    good[1000] = "u,pv,,1700000000"
    good[59_999] = "u,pv,p,9999999999"
    path = tmp_path / "e.csv"
    path.write_text("user_id,event,item_id,timestamp\n" + "\n".join(good))
    batches = read(path)
    assert len(batches) == 2
    assert sum(len(batch.frame) for batch in batches) == 59_998
    assert [(one.line, one.field) for batch in batches for one in batch.rejected] == [
        (1002, "product_id"),
        (60_001, "at"),
    ]
