"""Other libraries' lists count for the shopper and the products they were made for, or not at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mercato.errors import DataError
from mercato.evaluate.offline import Case, compare
from mercato.jobs.bench import validation
from mercato.jobs.examples import Split, request
from mercato.jobs.peers import read_peers
from mercato.jobs.sequences import LeaveOneOut, read_sequences


@pytest.fixture
def given(tmp_path: Path) -> LeaveOneOut:
    """Shopper 2 has too little for a case."""
    path = tmp_path / "some.txt"
    path.write_text("1 10 11 12 13\n2 11 10\n3 12 13 14\n")
    return read_sequences(path)


def made_up() -> dict[str, Any]:
    """In another order than the data: 1 wants 13 and has it second, 3 wants 14 and has it first."""
    return {
        "products": ["14", "13", "12", "11", "10"],
        "shoppers": ["3", "1"],
        "wanted": [0, 1],
        "peers": {"some kNN": {"lists": [[0, 3], [0, 1]], "settings": {"K": 20}, "peak_mb": 7}},
    }


def written(folder: Path, **other: Any) -> Path:
    path = folder / "peers.json"
    path.write_text(json.dumps(made_up() | other))
    return path


def test_a_peer_is_measured_on_the_cases_of_the_data(tmp_path: Path, given: LeaveOneOut) -> None:
    peers = read_peers(written(tmp_path), given)
    assert peers.accounts == {"some kNN (peer)": {"settings": {"K": 20}, "peak_mb": 7}}
    replay = Split(given.end, given.known, given.known)
    cases = [
        Case(request("discover", replay, int(owner)), np.array([row], np.int32))
        for owner, row in zip(given.owners, given.wanted, strict=True)
    ]
    ours = {"ours": lambda asked: np.empty(0, np.int32)}
    rows = compare(cases, {**peers.rankers, **ours}, "ours", np.ones(len(given.catalog)))
    assert rows[0]["model"] == "some kNN (peer)"
    assert rows[0]["hr@10"]["mean"] == 1.0
    assert rows[0]["ndcg@10"]["mean"] == pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-4)
    assert rows[0]["ours_ahead"]["mean"] < 0


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"products": ["14", "13", "12", "11"]}, "products"),
        ({"products": ["14", "13", "12", "11", "99"]}, "products"),
        ({"products": ["14", "13", "12", "11", "11"]}, "products"),
        ({"products": [14, 13, 12, 11, 10]}, "ids"),
        ({"shoppers": ["3", "2"]}, "other cases: of the 2 in the data 1 are missing"),
        ({"shoppers": ["3"], "wanted": [0]}, "other cases"),
        ({"shoppers": ["3", "1", "1"], "wanted": [0, 1, 1]}, "other cases"),
        ({"wanted": [0, 2]}, "want another product"),
        ({"wanted": [0]}, "2 cases with 1 wanted"),
        ({"wanted": [0, 5]}, "whole numbers below 5"),
        ({"peers": {}}, "no peers"),
        ({"peers": {"x": [[0], [1]]}}, "an object with lists"),
        ({"peers": {"x": {"lists": [[0]]}}}, "1 lists for 2 cases"),
        ({"peers": {"x": {}}}, "no lists for 2 cases"),
        ({"peers": {"x": {"lists": [[0], [-1]]}}}, "whole numbers"),
        ({"peers": {"x": {"lists": [[0], [1.0]]}}}, "whole numbers"),
        ({"peers": {"x": {"lists": [[0], [1, 1]]}}}, "twice"),
    ],
)
def test_lists_of_other_cases_are_refused(tmp_path: Path, given: LeaveOneOut, other: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_peers(written(tmp_path, **other), given)


def test_what_is_no_such_file_is_refused(tmp_path: Path, given: LeaveOneOut) -> None:
    with pytest.raises(DataError, match="read"):
        read_peers(tmp_path / "nowhere.json", given)
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(DataError, match="object"):
        read_peers(tmp_path / "list.json", given)


def test_peers_are_cut_as_mercato_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "bench"))
    from leave_one_out import read

    plain = tmp_path / "some.txt"
    plain.write_text("1 10 11 12 13\n2 11 10\n3 12 12 13 12 14\n4 15\n")
    table = tmp_path / "some.tsv.gz"
    header = "user_id:token\titem_id_list:token_seq\titem_id:token\n"
    table.write_bytes(gzip.compress(f"{header}0\t5 6 7\t8\n1\t8\t5\n".encode()))
    for path in (plain, table):
        given, cut = read_sequences(path), read(path, judges=1)
        held = validation(given)
        for ours, theirs in ((given.known, cut.known), (held.past, cut.train)):
            named = {cut.shoppers[number]: [cut.products[one] for one in taken] for number, taken in enumerate(theirs)}
            assert named == {
                shopper: [given.catalog.ids[row] for row in ours.history(number).rows]
                for number, shopper in enumerate(ours.shoppers)
            }
        wanted = {cut.shoppers[case]: cut.products[one] for case, one in zip(cut.cases, cut.wanted, strict=True)}
        assert wanted == {
            given.known.shoppers[owner]: given.catalog.ids[row]
            for owner, row in zip(given.owners, given.wanted, strict=True)
        }
