"""Leave-one-out cuts every file the same way, and the texts beside it are found."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from mercato.errors import DataError
from mercato.jobs.bench import validation
from mercato.jobs.sequences import LeaveOneOut, read_sequences


def named(given: LeaveOneOut) -> dict[str, tuple[list[str], str | None]]:
    """Shopper → what is known of them in order, and the test item."""
    held = {int(owner): given.catalog.ids[row] for owner, row in zip(given.owners, given.wanted, strict=True)}
    found = {}
    for number, shopper in enumerate(given.known.shoppers):
        history = given.known.history(number)
        found[shopper] = ([given.catalog.ids[row] for row in history.rows], held.get(number))
    return found


def test_a_sequence_file(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text("1 10 11 12 13\n2 11 10\n3 12 12 13 12 14\n")
    assert named(read_sequences(path)) == {
        "1": (["10", "11", "12"], "13"),
        "2": (["11", "10"], None),
        "3": (["12", "13"], "14"),
    }


def test_a_table_with_a_target(tmp_path: Path) -> None:
    path = tmp_path / "some.tsv.gz"
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    path.write_bytes(gzip.compress(f"{header}0\t5 6 7\t8\n".encode()))
    assert named(read_sequences(path)) == {"0": (["5", "6", "7"], "8")}


def test_events_of_one_second_keep_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "some.inter"
    lines = [f"u\t{item}\t{1_500_000_000 + at}" for item, at in (("b", 5), ("a", 5), ("c", 4), ("d", 9))]
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "\n".join(lines) + "\n")
    assert named(read_sequences(path)) == {"u": (["c", "b", "a"], "d")}


def test_real_times_are_cut_by_the_protocol_too_and_not_at_a_date(tmp_path: Path) -> None:
    path = tmp_path / "some.inter"
    lines = [f"u{n}\ti{n + step}\t{1_500_000_000 + step * 86_400 * 30}" for n in range(20) for step in range(6)]
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "\n".join(lines) + "\n")
    given = read_sequences(path)
    cut = validation(given)
    pairs = zip(cut.future.owner, cut.future.rows, strict=True)
    held = {given.known.shoppers[owner]: given.catalog.ids[row] for owner, row in pairs}
    assert held == {f"u{n}": f"i{n + 4}" for n in range(20)}
    assert len(cut.past) == 20 * 4


def test_texts_and_attributes_by_other_ids(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("1 10 11 12\n")
    (tmp_path / "texts.txt").write_text("B10 red lipstick\nB11 nail polish\nB12 hair oil\n")
    (tmp_path / "id2asin.json").write_text(json.dumps({"10": "B10", "11": "B11", "12": "B12"}))
    (tmp_path / "attributes.json").write_text(json.dumps({"10": [1, 2]}))
    (tmp_path / "derived_attribute_names.json").write_text(json.dumps({"1": "OPI", "2": "Lips"}))
    given = read_sequences(tmp_path / "some.txt", tmp_path / "texts.txt", tmp_path / "attributes.json")
    products = {product.id: product for product in (given.catalog.product(row) for row in range(3))}
    assert products["11"].title == "nail polish"
    assert products["10"].attributes["attribute"] == ("OPI", "Lips")
    assert products["10"].description == "OPI, Lips"


def test_what_is_no_sequence_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello world\nthis is prose\n")
    with pytest.raises(DataError):
        read_sequences(tmp_path / "x.txt")
    (tmp_path / "s.txt").write_text("1 2 3 4\n")
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="object"):
        read_sequences(tmp_path / "s.txt", attributes=tmp_path / "a.json")
    with pytest.raises(DataError):
        read_sequences(tmp_path / "s.txt", texts=tmp_path / "nowhere.txt")
