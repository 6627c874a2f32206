"""Published data sets, read as they are."""

from __future__ import annotations

import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mercato.data import Batch, open_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def count(path: Path, kind: str | None = None) -> tuple[str, Counter[str], list[Batch]]:
    source = open_source(path, kind, now=NOW)
    batches = list(source.batches())
    rows = Counter[str]()
    for batch in batches:
        rows[batch.kind] += len(batch.frame)
    return source.format, rows, batches


def test_movielens(shared_data: Path) -> None:
    assert count(shared_data / "ml100k/ml-100k.inter", "events")[:2] == ("recbole", Counter(events=100_000))
    assert count(shared_data / "ml100k/ml-100k.item")[:2] == ("recbole", Counter(products=1_682))
    assert count(shared_data / "ml100k/ml-100k.user")[:2] == ("recbole", Counter(shoppers=943))


def test_taobao_whose_last_line_was_cut(shared_data: Path) -> None:
    format, rows, batches = count(shared_data / "clicks/taobao.csv.gz")
    assert (format, rows["events"]) == ("taobao", 84_475)
    assert [one.line for batch in batches for one in batch.rejected] == [84_476]


def test_beauty_sequences(shared_data: Path) -> None:
    assert count(shared_data / "beauty/Beauty.txt")[:2] == ("sequences", Counter(events=198_502))


@pytest.mark.parametrize(
    ("archive", "kind", "least"),
    [
        ("reviews-en/Womens_Clothing_E-Commerce_Reviews.csv.zip", "reviews", 6_600),
        ("fashion/styles.csv.zip", "products", 7_900),
    ],
)
def test_csv_with_quotes_and_bad_rows(shared_data: Path, tmp_path: Path, archive: str, kind: str, least: int) -> None:
    with zipfile.ZipFile(shared_data / archive) as opened:
        path = Path(opened.extract(next(name for name in opened.namelist() if name.endswith(".csv")), tmp_path))
    path.write_text("".join(path.open(encoding="utf-8").readlines()[:8000]))
    format, rows, batches = count(path)
    rejected = sum(len(batch.rejected) for batch in batches)
    assert (format, set(rows)) == ("own", {kind})
    assert rows[kind] >= least
    assert rejected < 0.01 * rows[kind]


def test_invoices_by_parquet(shared_data: Path) -> None:
    """Returns are lines of negative quantity: refused as purchases, and kept with that reason."""
    frame = pl.read_parquet(shared_data / "online-retail/online_retail.parquet").head(20_000)
    sales = frame.with_columns(type=pl.lit("purchase"))
    batches = list(open_source(sales, "events", now=NOW).batches())
    assert sum(len(batch.frame) + len(batch.rejected) for batch in batches) == 20_000
