"""Whatever one throws at an import: an error that names it, or a row kept in rejected/; never a crash, never a loss."""

from __future__ import annotations

import gzip
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mercato
from mercato.errors import DataError, MercatoError, SettingsError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = [{"id": "milk", "title": "Oat milk", "price": 3.49}, {"id": "bread", "title": "Rye bread", "price": 2.0}]
EVENT = {"type": "purchase-complete", "shopper_id": "u1", "product_id": "milk", "at": "2026-02-01T10:00:00Z"}
LAST = '{"id": "last", "title": "Last of the file"}'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    """A trained shop of two products that every case of this file is thrown at."""
    home = tmp_path_factory.mktemp("bad") / "shop"
    with mercato.create(home, products=GOOD, events=[EVENT], clock=lambda: NOW) as made:
        made.train()
        yield made


@pytest.fixture(autouse=True)
def unharmed(shop: mercato.Shop) -> Iterator[None]:
    """After every case: what was there is there, and the shop answers."""
    yield
    assert shop.product("milk").title == "Oat milk"
    assert shop.search("oat milk").ids[0] == "milk"
    assert shop.recommend("home", shopper="u1").items
    assert shop.store.check() == []


def counts(shop: mercato.Shop) -> tuple[int, int]:
    """How much the shop holds."""
    return shop.store.product_count(), shop.store.last_seq()


def rejected(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of rejected/ that one import wrote, each complete."""
    lines = [
        json.loads(line) for name in report["rejected_files"] for line in Path(name).read_text("utf-8").splitlines()
    ]
    assert len(lines) == report["rejected"] == sum(report["reasons"].values())
    for line in lines:
        assert set(line) == {"source", "line", "field", "reason", "row"}
        assert line["reason"]
        assert line["row"]
    return lines


def refused_whole(shop: mercato.Shop, source: Any, *words: str, kind: str | None = None) -> None:
    """The import raises a DataError that says ``words``, and leaves the shop as it was."""
    before = counts(shop)
    with pytest.raises(DataError) as error:
        shop.import_([source], kind)
    for word in words:
        assert word in str(error.value)
    assert counts(shop) == before


# ---- a source that is no table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("columns.csv", b"colour,weight\nred,3\n", ("colour, weight", "needed for products: id", "columns.csv")),
        ("empty.csv", b"", ("empty", "empty.csv")),
        ("blank.csv", b"\n \n\n", ("blank", "blank.csv")),
        ("cut.csv.gz", gzip.compress(b"id,title\na,b\n" * 9000)[:70], ("damaged", "cut.csv.gz")),
        ("noise.csv.gz", b"\x1f\x8b\x08\x00 no gzip at all", ("damaged", "noise.csv.gz")),
        ("noise.csv.zst", b"\x28\xb5\x2f\xfd no zstd at all", ("damaged", "noise.csv.zst")),
        ("sheet.xlsx", b"PK\x03\x04 and so on", ("ZIP", "CSV, JSONL or Parquet")),
        ("wide.csv", "id,title\na,b\n".encode("utf-16"), ("UTF-16",)),
        ("page.html", b"<html><body>id,title</body></html>", ("HTML",)),
        ("noise.bin", bytes(range(256)) * 40, ("noise.bin",)),
        ("objects.json", b'[{"id": "a", "title": "b"}', ("JSON", "objects.json")),
        ("bomb.json", b"[" * 100_000, ("JSON", "bomb.json")),
        ("twice.csv", b"id,title,price,price\na,b,1,2\n", ("named twice: price",)),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_file_that_is_no_table_is_refused_whole(shop, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused_whole(shop, tmp_path / name, *words)


def test_parquet_that_breaks_off_or_is_damaged_inside(shop, tmp_path):
    rows = pl.DataFrame({"id": [f"x{n}" for n in range(5000)], "title": [f"Thing {n}" for n in range(5000)]})
    rows.write_parquet(tmp_path / "whole.parquet")
    data = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "holes.parquet").write_bytes(data[:200] + bytes(2000) + data[2200:])
    refused_whole(shop, tmp_path / "cut.parquet", "Parquet", "cut.parquet")
    refused_whole(shop, tmp_path / "holes.parquet", "Parquet", "holes.parquet")


def test_a_folder_a_missing_file_and_a_device(shop, tmp_path):
    refused_whole(shop, tmp_path, "folder", str(tmp_path))
    refused_whole(shop, tmp_path / "none.csv", "none.csv")
    refused_whole(shop, "/dev/null", "empty")


@pytest.mark.parametrize(
    "table",
    [
        5,
        None,
        b"id,title",
        [],
        [1, 2],
        [{}],
        {"id": ["a"], "title": ["b"]},
        pl.DataFrame(),
        pl.DataFrame({"id": ["a"]}),
    ],
    ids=repr,
)
def test_what_is_no_table_in_memory_is_refused_whole(shop, table):
    refused_whole(shop, table, kind="products")


@pytest.mark.parametrize(("kind", "format"), [("nonsense", "auto"), (None, "excel"), ("events", "own")])
def test_a_kind_or_format_that_does_not_fit(shop, kind, format):
    before = counts(shop)
    with pytest.raises(DataError):
        shop.import_([GOOD], kind, format)
    assert counts(shop) == before


def test_good_sources_are_not_kept_when_a_later_one_is_refused(shop, tmp_path):
    (tmp_path / "bad.csv").write_text("colour\nred\n", encoding="utf-8")
    before = counts(shop)
    with pytest.raises(DataError):
        shop.import_([[{"id": "new", "title": "New"}], tmp_path / "bad.csv"])
    assert counts(shop) == before


# ---- rows that are wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", ["nan", "NaN", "inf", "-inf", "-2", "1e400", "9" * 30, "three"])
def test_a_price_that_is_none(shop, tmp_path, price):
    path = tmp_path / "prices.csv"
    path.write_text(f"id,title,price\nwrong,Wrong,{price}\nright,Right,3.5\n", encoding="utf-8")
    report = shop.import_([path])
    (line,) = rejected(report)
    assert (line["line"], line["field"]) == (2, "price")
    assert price in line["row"]
    assert shop.product("right").price == 350
    with pytest.raises(mercato.NotFound):
        shop.product("wrong")


@pytest.mark.parametrize("price", [float("nan"), float("inf"), -0.01, True, [3], {"a": 1}])
def test_a_price_that_is_none_in_memory(shop, price):
    report = shop.import_([[{"id": "wrong", "title": "W", "price": price}, {"id": "right", "title": "R", "price": 1}]])
    missing = isinstance(price, float) and math.isnan(price)
    assert report["rejected"] in ((0, 1) if missing else (1,))  # NaN is how frames say "none"
    assert shop.product("right").price == 100


def test_broken_utf8_costs_one_line(shop, tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes("id,title\nc1,Thé\n".encode() + b"c2,Caf\xe9\n" + "c3,Crème\n".encode())
    (line,) = rejected(shop.import_([path]))
    assert line["line"] == 3
    assert "not UTF-8 at byte" in line["reason"]
    assert (shop.product("c1").title, shop.product("c3").title) == ("Thé", "Crème")


def test_events_that_cannot_be(shop, tmp_path):
    soon, late = (NOW + timedelta(hours=12)).isoformat(), (NOW + timedelta(days=2)).isoformat()
    rows = {
        "at": [late, "1890-01-01", "yesterday", "", "1e300", "-5"],
        "type": ["fly", ""],
        "shopper_id": ["", "x" * 600, "a\tb"],
        "product_id": [""],
    }
    path, wanted = tmp_path / "events.jsonl", []
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**EVENT, "at": soon}) + "\n")
        for field, values in rows.items():
            for value in values:
                file.write(json.dumps({**EVENT, field: value}) + "\n")
                wanted.append(field)
        file.write(json.dumps({**EVENT, "product_id": "bread"}) + "\n")
    report = shop.import_([path])
    lines = rejected(report)
    assert [line["field"] for line in lines] == wanted
    assert [line["line"] for line in lines] == list(range(2, 2 + len(wanted)))
    assert report["kept"]["events"] == 2


def test_events_of_unknown_products_are_kept_and_doctor_counts_them(shop):
    counted = {one["what"]: one["count"] for one in shop.doctor()["events"]}["product not in the catalogue"]
    report = shop.import_([[{**EVENT, "product_id": f"unheard-{n}"} for n in range(7)]], "events")
    assert report["kept"] == {"events": 7}
    assert report["rejected"] == 0
    found = {one["what"]: one for one in shop.doctor()["events"]}["product not in the catalogue"]
    assert found["count"] == counted + 7
    assert found["severity"] == "warning"


def test_every_row_is_kept_or_rejected(shop, tmp_path):
    path = tmp_path / "mixed.csv"
    bad = {7: "", 19: ",", 23: "w23,", 31: 'w31,"open', 43: "w43,T,1,extra,extra", 57: "w57,T,-1"}
    rows = [bad.get(n, f"w{n},Thing {n},{n}.50") for n in range(100)]
    path.write_text("id,title,price\n" + "\n".join(rows) + "\n", encoding="utf-8")
    report = shop.import_([path])
    blank = 1
    assert report["kept"]["products"] + report["rejected"] == len(rows) - blank
    assert {line["line"] for line in rejected(report)} == {n + 2 for n in bad if bad[n]}
    assert shop.product("w99").price == 9950


@pytest.mark.parametrize("depth", [300, 900, 1000, 1500, 200_000])
@pytest.mark.parametrize("field", ["attributes", "categories", "title"])
def test_json_nested_beyond_reason_costs_one_line(shop, tmp_path, field, depth):
    deep = '{"a":' * depth + "1" + "}" * depth if field == "attributes" else "[" * depth + "]" * depth
    row = f'{{"id": "deep", "title": "Deep", "{field}": {deep}}}'
    (tmp_path / "bomb.jsonl").write_text(f"{row}\n{LAST}\n", encoding="utf-8")
    report = shop.import_([tmp_path / "bomb.jsonl"])
    assert report["rejected"] <= 1
    assert shop.product("last").title == "Last of the file"


def test_names_that_look_like_something_else(shop):
    names = ["../../etc/passwd", "'; DROP TABLE products; --", "<script>alert(1)</script>", "%00", "☃" * 100, "=1+1"]
    report = shop.import_([[{"id": name, "title": name} for name in names]])
    assert report["kept"]["products"] == len(names)
    assert [shop.product(name).title for name in names] == names


# ---- size -----------------------------------------------------------------------------------------------------

LONG_LINE = """
import resource, sys
from pathlib import Path
import mercato

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "linux" else 1024)

path = Path(sys.argv[2])
with mercato.create(sys.argv[1]) as shop:
    shop.import_([[{"id": "first", "title": "First"}]])
    before = peak()
    report = shop.import_([path], "products")
    assert report["rejected"] == 1, report
    assert shop.product("last").title == "Last"
    assert shop.product("before").title == "Before"
    print(peak() - before)
"""


def test_a_line_of_200_mb_costs_one_line_and_little_memory(tmp_path):
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"id,title\nbefore,Before\nlong,")
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast,Last\n")
    done = subprocess.run(
        [sys.executable, "-c", LONG_LINE, str(tmp_path / "shop"), str(path)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    path.unlink()
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64 * 1024, f"{done.stdout} KiB more at the peak"
    (kept,) = (tmp_path / "shop" / "rejected").iterdir()
    assert kept.stat().st_size < 10_000
    assert json.loads(kept.read_bytes())["line"] == 3


# ---- making a shop --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("[shop]\nnmae = 'x'\n", ("[shop]", "'nmae'", "known: name, currency")),
        ("[shoop]\nname = 'x'\n", ("'shoop'", "known: shop")),
        ("[dense]\nfloor = 'low'\n", ("[dense] floor", "'low'")),
        ("shop = [", ("TOML",)),
    ],
)
def test_settings_that_are_wrong_name_their_place(tmp_path, settings, words):
    with pytest.raises(SettingsError) as error:
        mercato.create(tmp_path / "shop", settings=settings)
    for word in (str(tmp_path / "shop" / "mercato.toml"), *words):
        assert word in str(error.value)


def test_a_shop_whose_first_import_failed_can_be_opened_and_filled(tmp_path):
    with pytest.raises(DataError):
        mercato.create(tmp_path / "shop", products=tmp_path / "none.csv")
    with mercato.open(tmp_path / "shop") as shop:
        assert shop.import_([GOOD])["kept"] == {"products": 2}


def test_a_shop_in_a_file(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MercatoError):
            mercato.create(place)
    assert (tmp_path / "file").read_bytes() == b""


def test_a_database_that_is_none(tmp_path):
    mercato.create(tmp_path / "shop", products=GOOD).close()
    (tmp_path / "shop" / "shop.db").write_bytes(b"this is no database, whatever it says" * 100)
    with pytest.raises(MercatoError, match=r"shop\.db"):
        mercato.open(tmp_path / "shop")
