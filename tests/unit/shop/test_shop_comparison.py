"""Search as it is beside search turned: figures agree with the lists they are of and say what they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import made_up_shop
import mercato
from mercato.errors import RequestError
from mercato.evaluate.metrics import graded_ndcg
from mercato.shop.comparison import SearchKnobs

SETTINGS = "[sequence]\ntrain = 'never'\n[encoder]\nsource = 'nowhere'\n"
"""Letters stand in for meaning: the same cosines on every machine."""
QUERIES = ["velvet sofa", "bike light", "coffee mug", "rose bush", "tent", "qqqzzz"]
AS_SERVED = SearchKnobs()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with made_up_shop.build(tmp_path_factory.mktemp("judging") / "shop", SETTINGS) as built:
        yield built


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "shop" in request.fixturenames:
        shop = request.getfixturevalue("shop")
        for one in shop.judging.sets():
            shop.judging.delete(one["name"])


def shown(shop: mercato.Shop, query: str, k: int = 10) -> tuple[str, ...]:
    return shop.search(query, k).ids


def test_of_a_product_the_most_trusted_source_counts(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.judging.put("weekly", ["tent"])
    a, b, c, d, *_ = shown(shop, "tent")
    lines = [(a, 1, "clicks"), (a, 3, "model"), (b, 2, "clicks"), (c, 3, "model"), (d, 0, "model")]
    path = tmp_path / "j.csv"
    path.write_text(
        "query,product_id,grade,source\n" + "".join(f"tent,{product},{grade},{by}\n" for product, grade, by in lines),
        encoding="utf-8",
    )
    shop.judging.import_("weekly", path)
    shop.judging.judge("weekly", "tent", a, 2)
    for sources, counts, left in (
        (("hand", "clicks"), {"hand": 1, "clicks": 1, "model": 0}, (3, 1)),
        (("hand", "clicks", "model"), {"hand": 1, "clicks": 1, "model": 2}, (0, 2)),
        (("model",), {"hand": 0, "clicks": 0, "model": 3}, (3, 0)),
        ((), {"hand": 0, "clicks": 0, "model": 0}, (6, 0)),
    ):
        found = shop.judging.compare("weekly", AS_SERVED, sources=sources)["overall"]
        assert found["judgments"] == counts
        assert (found["left_out"]["not_asked_for"], found["left_out"]["overruled"]) == left
        assert found["measured"] == bool(sources)
        assert (found["ndcg"] is None) == (not sources)
    item = shop.judging.side_by_side("tent", AS_SERVED, name="weekly")["a"][0]
    assert item["grades"] == {"hand": 2.0, "clicks": 1.0, "model": 3.0}
    assert item["counts"] == 2.0
    with pytest.raises(RequestError, match="no source"):
        shop.judging.compare("weekly", AS_SERVED, sources=["me"])


def test_nothing_turned_changes_nothing(shop: mercato.Shop) -> None:
    shop.judging.put("weekly", QUERIES)
    for query in QUERIES[:5]:
        shop.judging.judge("weekly", query, shown(shop, query)[1], 3)
    found = shop.judging.compare("weekly", AS_SERVED)
    assert found["overall"]["ndcg"]["difference"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    assert found["overall"]["changed"] == 0
    assert found["overall"]["measured"] == 5
    assert (found["overall"]["jaccard"], found["overall"]["rbo"]) == (1.0, 1.0)
    for row in found["queries"]:
        assert row["totals"]["a"] == row["totals"]["b"]
    assert found["queries"][-1]["ndcg"] is None, "nobody judged it"
    lists = shop.judging.side_by_side("tent", AS_SERVED)
    assert [item["id"] for item in lists["a"]] == [item["id"] for item in lists["b"]] == list(shown(shop, "tent"))
    assert [item["other"] for item in lists["a"]] == list(range(len(lists["a"])))


KNOBS = st.builds(
    SearchKnobs,
    weights=st.dictionaries(
        st.sampled_from(["words", "meaning", "popularity", "exact"]), st.sampled_from([0.0, 0.5, 3.0])
    ),
    meaning=st.booleans(),
    partial=st.sampled_from([None, 0.0, 1.0]),
)


@settings(max_examples=25)
@given(
    knobs=KNOBS,
    query=st.sampled_from(QUERIES),
    grades=st.dictionaries(st.integers(0, 399), st.integers(0, 3), max_size=40),
)
def test_figures_agree_with_the_lists_they_are_of(
    shop: mercato.Shop, tmp_path_factory: pytest.TempPathFactory, knobs: SearchKnobs, query: str, grades: dict[int, int]
) -> None:
    if shop.judging.sets():
        shop.judging.delete("drawn")
    shop.judging.put("drawn", [query])
    path = tmp_path_factory.mktemp("grades") / "j.csv"
    lines = [f"{query},p{n:03d},{grade}\n" for n, grade in grades.items()]
    path.write_text("query,product_id,grade\n" + "".join(lines), encoding="utf-8")
    if grades:
        shop.judging.import_("drawn", path)
    row = shop.judging.compare("drawn", knobs)["queries"][0]
    lists = shop.judging.side_by_side(query, knobs, name="drawn", k=10)
    assert {name: lists[name] for name in row if name not in ("a", "b")} == row
    sold = {n: grade for n, grade in grades.items() if made_up_shop.PRODUCTS[n].get("sellable", True)}
    for side in "ab":
        ids = [item["id"] for item in lists[side]]
        rows = np.array([int(product.removeprefix("p")) for product in ids], int)
        if any(sold.values()):
            assert row["ndcg"][side] == pytest.approx(graded_ndcg(rows, sold), abs=1e-4)
        else:
            assert row["ndcg"] is None
    places = {item["id"]: place for place, item in enumerate(lists["b"])}
    for item in lists["a"]:
        if item["id"] in places:
            assert item["other"] == places[item["id"]]
        else:
            assert item["other"] is None or item["other"] >= 10
    in_lists = {item["id"] for side in "ab" for item in lists[side]}
    assert {one["id"] for one in lists["wanted"]} == {f"p{n:03d}" for n, grade in sold.items() if grade} - in_lists
    assert all(one["counts"] >= other["counts"] for one, other in pairwise(lists["wanted"]))


def test_knobs_do_what_they_say(shop: mercato.Shop) -> None:
    told = shop.judging.knobs()
    assert {"words", "meaning", "popularity", "behaviour"} <= set(told["terms"])
    assert told["meaning"] is True
    logged = shop.store.record_counts()
    only = shop.judging.side_by_side("velvet sofa", SearchKnobs(meaning=False, partial=1.0))
    assert only["totals"]["b"] < only["totals"]["a"]
    best = shop.search("velvet sofa", 3, explain=True)
    without = shop.judging.side_by_side("velvet sofa", SearchKnobs(weights=dict.fromkeys(told["terms"], 0.0)))
    assert [item["id"] for item in without["b"]] == sorted(item["id"] for item in without["b"]), "nothing orders them"
    assert without["totals"]["a"] == without["totals"]["b"] == best.total
    shop.store.flush()
    assert shop.store.record_counts()["slates"] == logged["slates"] + 1, "only the search itself was logged"
    for wrong in (
        SearchKnobs(weights={"magic": 2.0}),
        SearchKnobs(weights={"words": -1.0}),
        SearchKnobs(weights={"words": float("nan")}),
        SearchKnobs(partial=1.5),
    ):
        with pytest.raises(RequestError):
            shop.judging.side_by_side("sofa", wrong)


def test_rules_can_be_left_out(shop: mercato.Shop) -> None:
    last = shown(shop, "tent")[-1]
    try:
        shop.rules.add({"id": "r", "when": {"query": "tent"}, "pins": [{"product": last, "position": 1}]})
        assert shop.judging.knobs()["rules"] == 1
        lists = shop.judging.side_by_side("tent", SearchKnobs(rules=False))
        assert lists["a"][0]["id"] == last
        assert lists["b"][0]["id"] != last
    finally:
        shop.rules.delete("r")


def test_what_is_taken_out_of_the_shop_counts_no_more(tmp_path: Path) -> None:
    with made_up_shop.build(tmp_path / "shop", SETTINGS) as shop:
        shop.judging.put("weekly", ["tent"])
        first, second, *_ = shown(shop, "tent")
        for product in (first, second):
            shop.judging.judge("weekly", "tent", product, 3)
        assert shop.judging.compare("weekly", AS_SERVED)["overall"]["ndcg"]["a"] == 1.0
        shop.delete_product(first)
        found = shop.judging.compare("weekly", AS_SERVED)["overall"]
        assert found["ndcg"]["a"] == 1.0, "no list could show it"
        assert found["left_out"]["of_unknown_products"] == 1


def test_without_typos_no_word_is_corrected(shop: mercato.Shop) -> None:
    shop.judging.put("weekly", ["tent", "kettel"])
    literal = SearchKnobs(meaning=False, typos=False)
    lists = shop.judging.side_by_side("kettel", literal)
    assert shop.search("kettel").corrected == "kettle"
    assert lists["totals"]["a"] > 0
    assert lists["totals"]["b"] == 0
    same = shop.judging.side_by_side("kettle", SearchKnobs(typos=False))
    assert [item["id"] for item in same["a"]] == [item["id"] for item in same["b"]]
    assert shop.judging.compare("weekly", literal)["overall"]["changed"] >= 1
    assert shop.search("kettel").corrected == "kettle", "what is served corrects as ever"
