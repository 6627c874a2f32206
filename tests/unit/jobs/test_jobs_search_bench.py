"""Search is measured as trec_eval measures it, on every judged query, with every library on the same products."""

from __future__ import annotations

import gzip
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mercato.catalog import Catalog
from mercato.errors import DataError
from mercato.evaluate.metrics import graded_ndcg, recall, reciprocal_rank
from mercato.jobs.clicks import ClickModel
from mercato.jobs.judgments import read_judgments
from mercato.schema import Product
from mercato.settings import parse
from mercato.shop.bench import bench_search

TITLES = (
    "Blue velvet sofa", "Blue cotton cushion", "Velvet cushion", "Oak table", "Red velvet sofa", "Oak sofa table",
    "Garden chair", "Office chair", "Desk lamp", "Floor lamp", "Wool rug", "Kitchen rug",
    "红双喜 乒乓球拍", "乒乓球 三星",
)  # fmt: skip
MERCATO = {"mercato", "mercato, words only", "mercato, meaning only"}
PEERS = {
    "tantivy BM25 (peer)", "tantivy BM25, title × 3 (peer)", "bm25s (peer)", "dense alone (peer)",
    "RRF of bm25s and dense (peer)",
}  # fmt: skip
NO_ENCODER = parse({"encoder": {"source": "nowhere"}})
"""Letters stand in for meaning."""


def products(folder: Path, first: int = 1) -> Path:
    path = folder / "products.csv"
    lines = [f"{number:04d},{title}\n" for number, title in enumerate(TITLES, first)]
    path.write_text("id,title\n" + "".join(lines), encoding="utf-8")
    return path


def catalog() -> Catalog:
    return Catalog.build([Product(id=f"{number:04d}", title=title) for number, title in enumerate(TITLES, 1)])


def test_figures_are_those_of_trec_eval() -> None:
    """pytrec_eval-terrier 0.5.11 says ndcg_cut_10 .5783754, recall_10 .6666667, recip_rank .5 where
    {"a": 3, "b": 1, "c": 2, "d": 0} is judged and x (unjudged), a, d, c are shown."""
    grades = {0: 3.0, 1: 1.0, 2: 2.0, 3: 0.0}
    shown, wanted = np.array([9, 0, 3, 2], np.int32), np.array([0, 1, 2], np.int32)
    by_hand = (3 / np.log2(3) + 2 / np.log2(5)) / (3 / np.log2(2) + 2 / np.log2(3) + 1 / np.log2(4))
    assert graded_ndcg(shown, grades) == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.5783754, abs=1e-7)
    assert recall(shown, wanted) == pytest.approx(2 / 3)
    assert recall(shown, wanted, 2) == pytest.approx(1 / 3)
    assert reciprocal_rank(shown, wanted) == 0.5
    nothing = np.empty(0, np.int32)
    assert (graded_ndcg(nothing, grades), recall(nothing, wanted), reciprocal_rank(nothing, wanted)) == (0, 0, 0)
    assert graded_ndcg(shown, {3: 0.0}) == 0.0


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_judgments_are_read_from_any_table(tmp_path: Path, form: str) -> None:
    frame = pl.DataFrame({"query": ["sofa", "sofa", "sofa", "oak"], "Product ID": ["1", "0005", "0001", "99"],
                          "relevance": [1, 1, 2, 1]})  # fmt: skip
    path = tmp_path / f"judged.{form}"
    if form == "jsonl":
        frame.write_ndjson(path)
    elif form == "parquet":
        frame.write_parquet(path)
    else:
        text = frame.write_csv(separator="\t" if form == "tsv" else ",").encode()
        path.write_bytes(gzip.compress(text) if form.endswith("gz") else text)
    found = read_judgments(path, catalog())
    (one,) = found.queries
    assert (one.query, one.grades) == ("sofa", {0: 2.0, 4: 1.0})
    assert found.account == {"judged": 2, "of_unknown_products": 1, "queries_left_out": 1}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("query,product_id\nsofa,0001\n", "no column 'grade'"),
        ("query,product_id,grade\nsofa,0001,good\n", "line 2"),
        ("query,product_id,grade\nsofa,0001,-1\n", "from 0 up"),
        ("query,product_id,grade\n ,0001,1\n", "without a query"),
        ("query,product_id,grade\nsofa,77,1\n", "no judged product"),
    ],
)
def test_what_is_no_judgment_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "judged.csv"
    path.write_text(lines)
    with pytest.raises(DataError, match=said):
        read_judgments(path, catalog())


def sessions(folder: Path) -> Path:
    """Early sessions click product 4; later ones see 1 and 5 in turn at the top and click only ever 5, below 1 or not;
    product 3 stands below every click, so nobody is known to have looked at it."""
    inside = folder / "sessions"
    inside.mkdir()
    lines = ["sess_id,query,rank,clicked_doc_id,clicked\n"]
    for session in range(400):
        shown = ["4", "1", "5", "3"] if session < 200 else [*(["1", "5"] if session % 2 else ["5", "1"]), "4", "3"]
        clicked = "4" if session < 200 else "5"
        lines += [f"{session},sofa,{place}.0,{one},{one == clicked}\n" for place, one in enumerate(shown)]
    (inside / "sofa.gz").write_bytes(gzip.compress("".join(lines).encode()))
    return inside


def test_later_clicks_judge_and_places_do_not(tmp_path: Path) -> None:
    folder = sessions(tmp_path)
    (one,) = ClickModel().judge(folder, catalog()).queries
    # 200 of 200 and 0 of 100, each with a prior of 100 at 2/3: .889 and .333
    assert (one.query, one.grades) == ("sofa", {4: 10.0, 0: 4.0})
    (one,) = ClickModel(later=1.0, prior=0.0).judge(folder, catalog()).queries
    assert one.grades == {4: 10.0, 3: 10.0, 0: 0.0}
    with pytest.raises(DataError, match="enough clicked sessions"):
        ClickModel(least_sessions=201).judge(folder, catalog())


def test_everybody_is_asked_the_same(tmp_path: Path) -> None:
    judged = tmp_path / "judged.jsonl"
    lines = [
        {"query": "velvet sofa", "product_id": "0001", "grade": 2, "slice": "words"},
        {"query": "velvet sofa", "product_id": "0005", "grade": 2, "slice": "words"},
        {"query": "velvet sofa", "product_id": "0003", "grade": 1, "slice": "words"},
        {"query": "velvte sofa", "product_id": "0001", "grade": 1, "slice": "typo"},
        {"query": "乒乓球", "product_id": "0013", "grade": 1, "slice": "words"},
        {"query": "乒乓球", "product_id": "0014", "grade": 1, "slice": "words"},
    ]
    judged.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = bench_search(products(tmp_path), judgments=judged, home=tmp_path, settings=NO_ENCODER, worst=2)
    assert [(task["name"], task["cases"]) for task in report["tasks"]] == [
        ("all queries", 3),
        ("words", 2),
        ("typo", 1),
    ]
    for task in report["tasks"]:
        rows = {row["model"]: row for row in task["rows"]}
        assert rows.keys() == MERCATO | PEERS
        assert all((name == "mercato") != ("ours_ahead" in row) for name, row in rows.items())
        assert all(row["p99_ms"] >= row["p50_ms"] > 0 for row in rows.values())
    words = {row["model"]: row for row in report["tasks"][1]["rows"]}
    for name in ("mercato, words only", "tantivy BM25 (peer)", "bm25s (peer)"):
        assert words[name]["recall@10"]["mean"] >= 0.8, name
        assert words[name]["mrr"]["mean"] == 1.0, name
    assert words["dense alone (peer)"]["no_result"] == 0.0
    assert {"build_s", "tokenizer"} <= report["peers"]["tantivy BM25 (peer)"].keys()
    assert len(report["worst"]) == 2
    assert {"query", "corrected", "relaxed", "shown", "wanted", "ndcg@10"} <= report["worst"][0].keys()
    json.dumps(report)


def test_a_folder_of_sessions_judges_itself_also_from_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    sessions(folder)
    with tarfile.open(folder / "products.tgz", "w:gz") as archive:
        archive.add(products(tmp_path), "products.csv")
    report = bench_search(folder, home=tmp_path / "home", settings=NO_ENCODER, peers=False)
    assert {row["model"] for row in report["tasks"][0]["rows"]} == MERCATO
    assert report["data"]["products"] == len(TITLES)
    assert report["data"]["judged"] == 2
    assert report["data"]["refused_rows"] == 0
    with pytest.raises(DataError, match="nothing to judge by"):
        bench_search(products(tmp_path), home=tmp_path, settings=NO_ENCODER)


def test_a_peer_that_is_not_installed_is_named_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bm25s", None)
    judged = tmp_path / "judged.csv"
    judged.write_text("query,product_id,grade\nsofa,1,1\n")
    with pytest.raises(DataError, match=r"bm25s.*mercato\[bench\]"):
        bench_search(products(tmp_path), judgments=judged, home=tmp_path, settings=NO_ENCODER)
