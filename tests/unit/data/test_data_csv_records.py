"""Reading delimited text: whatever is wrong with one record, its neighbours survive and it is told where it stood."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.data import open_source
from mercato.data.batch import Rejected
from mercato.data.csv_records import DELIMITERS, ends_quoted, read_records, sniff_delimiter
from mercato.data.lines import LONGEST, read_lines
from mercato.errors import DataError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=8)


def parse(data: bytes, delimiter: str = ",") -> list[tuple[int, list[str]] | Rejected]:
    return list(read_records(read_lines(io.BytesIO(data)), delimiter))


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=6), st.sampled_from(DELIMITERS))
def test_what_a_csv_writer_writes_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    assert [record[1] for record in parse(out.getvalue().encode(), delimiter) if isinstance(record, tuple)] == rows


@given(st.binary(max_size=200))
def test_any_bytes_give_records_or_reasons_and_line_numbers_ascend(data: bytes) -> None:
    lines = [found.line if isinstance(found, Rejected) else found[0] for found in parse(data)]
    assert lines == sorted(set(lines))


def test_line_numbers_count_the_lines_inside_quotes() -> None:
    assert parse(b'a,b\n"x\ny",1\nz,2\n') == [(1, ["a", "b"]), (2, ["x\ny", "1"]), (4, ["z", "2"])]


def test_an_unclosed_quote_costs_one_line_only() -> None:
    found = parse(b'1,"open\n2,b\n3,c\n')
    assert isinstance(found[0], Rejected)
    assert found[0].line == 1
    assert "never closed" in found[0].reason
    assert found[1:] == [(2, ["2", "b"]), (3, ["3", "c"])]


def test_text_after_a_closing_quote_is_refused() -> None:
    found = parse(b'1,"a"b\n2,c\n')
    assert isinstance(found[0], Rejected)
    assert found[1] == (2, ["2", "c"])


def test_a_quote_after_a_backslash_is_read_where_nothing_else_makes_sense() -> None:
    assert parse(b'1,"a 6.1\\" screen, \\"new\\"",x\n2,"C:\\",y\n') == [
        (1, ["1", 'a 6.1" screen, "new"', "x"]),
        (2, ["2", "C:\\", "y"]),
    ]


def test_a_quote_inside_a_cell_is_a_letter() -> None:
    assert parse(b'1,5" pipe\n2,b\n') == [(1, ["1", '5" pipe']), (2, ["2", "b"])]


def test_broken_utf8_says_line_and_byte() -> None:
    found = parse(b"1,a\n2,\xff\n3,c\n")
    assert found[0] == (1, ["1", "a"])
    assert isinstance(found[1], Rejected)
    assert found[1].line == 2
    assert "byte 7 of the file, byte 3 of the line" in found[1].reason
    assert found[2] == (3, ["3", "c"])


def test_nul_bytes_and_byte_order_mark() -> None:
    assert parse(b"\xef\xbb\xbfa,b\n") == [(1, ["a", "b"])]
    found = parse(b"\xef\xbb\xbfa,b\n1,\x00\n2,c\n")
    assert found[0] == (1, ["a", "b"])
    assert isinstance(found[1], Rejected)
    assert found[2] == (3, ["2", "c"])


class Endless(io.RawIOBase):
    """A gigabyte in one line, never held."""

    def __init__(self, size: int, after: bytes) -> None:
        self.left, self.after = size, after

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self.left)
        self.left -= length
        data = b"x" * length if length else self.after[: len(buffer)]
        self.after = self.after if length else self.after[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def test_a_huge_line_is_skipped_in_bounded_memory() -> None:
    stream = io.BufferedReader(Endless(200 << 20, b"\n7,after\n"), 1 << 18)
    tracemalloc.start()
    found = list(read_records(read_lines(stream), ","))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(found[0], Rejected)
    assert f"{(200 << 20) + 1:,} bytes" in found[0].reason
    assert found[1:] == [(2, ["7", "after"])]
    assert peak < 16 * LONGEST


@given(st.text('a",\n', max_size=12))
def test_open_quotes_agree_with_the_csv_module(text: str) -> None:
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
        said = "closed"
    except csv.Error as error:
        said = "open" if "unexpected end" in str(error) else "wrong"
    if said != "wrong" and "\n" not in text:
        assert ends_quoted(text, ",", False) == (said == "open")


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiters_are_told_by_the_header(delimiter: str) -> None:
    assert sniff_delimiter(delimiter.join(["id", "title", "price"])) == delimiter


def test_wrong_number_of_cells_keeps_the_row(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title\n1,a\n2\n3,c,d\n4,e\n")
    (batch,) = open_source(path, now=NOW).batches()
    assert batch.frame["id"].to_list() == ["1", "4"]
    assert [(one.line, one.reason, one.row) for one in batch.rejected] == [
        (3, "1 cells where the header has 2", "2"),
        (4, "3 cells where the header has 2", "3,c,d"),
    ]


def test_a_header_with_a_name_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("id,title,title\n1,a,b\n")
    with pytest.raises(DataError, match="named twice: title"):
        open_source(path, now=NOW)
