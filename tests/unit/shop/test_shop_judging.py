"""Query sets and judgments: by hand, from clicks, by model, in and out of files, and what shoppers ask."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import made_up_shop
import mercato
from mercato.errors import DataError, NotFound, RequestError
from mercato.schema import Interaction
from mercato.shop.comparison import SearchKnobs
from mercato.shop.judges import Clicks, Model

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


def test_a_set_keeps_each_query_once_in_its_order(shop: mercato.Shop) -> None:
    kept = shop.judging.put("weekly", ["Velvet  sofa", "tent ", "velvet SOFA", "wok"])
    assert kept["queries"] == ["Velvet sofa", "tent", "wok"]
    assert shop.judging.sets() == [
        {"name": "weekly", "at": kept["at"], "judged": {"hand": 0, "clicks": 0, "model": 0}, "queries": 3}
    ]
    assert shop.judging.put("weekly", ["wok"])["queries"] == ["wok"]
    shop.judging.delete("weekly")
    for gone in (shop.judging.get, shop.judging.delete, shop.judging.from_clicks, shop.judging.export):
        with pytest.raises(NotFound):
            gone("weekly")


@pytest.mark.parametrize(
    ("name", "queries", "where"),
    [
        ("", ["tea"], "name"),
        ("a/b", ["tea"], "name"),
        ("a" * 81, ["tea"], "name"),
        ("a", [], "queries"),
        ("a", ["tea", " "], "query"),
        ("a", ["x" * 513], "query"),
        ("a", [f"q{n}" for n in range(1001)], "queries"),
    ],
)
def test_what_is_no_query_set_is_refused(shop: mercato.Shop, name: str, queries: list[str], where: str) -> None:
    with pytest.raises(RequestError) as refused:
        shop.judging.put(name, queries)
    assert refused.value.where == where
    assert refused.value.hint
    assert shop.judging.sets() == []


def test_a_person_judges_and_takes_it_back(shop: mercato.Shop) -> None:
    shop.judging.put("weekly", ["Tent"])
    first, second, *_ = shown(shop, "tent")
    shop.judging.judge("weekly", "tent", first, 3, by="me")
    shop.judging.judge("weekly", "tént", second, 1)
    shop.judging.judge("weekly", "bike lock", first, 0)
    kept = shop.judging.get("weekly")
    assert kept["queries"] == ["Tent", "bike lock"]
    found = {(one["query"], one["product_id"], one["grade"], one["by"]) for one in kept["judgments"]}
    assert found == {("Tent", first, 3.0, "me"), ("Tent", second, 1.0, ""), ("bike lock", first, 0.0, "")}
    shop.judging.judge("weekly", "TENT", first, None)
    assert len(shop.judging.get("weekly")["judgments"]) == 2
    for wrong in (-1, 3.5, float("nan")):
        with pytest.raises(RequestError, match="grade"):
            shop.judging.judge("weekly", "tent", first, wrong)
    with pytest.raises(NotFound):
        shop.judging.judge("weekly", "tent", "no such product", 1)
    with pytest.raises(NotFound):
        shop.judging.judge("monthly", "tent", first, 1)


def test_what_is_exported_is_imported_with_its_sources(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.judging.put("weekly", QUERIES)
    shop.judging.judge("weekly", "tent", shown(shop, "tent")[0], 2, by="me")
    shop.judging.from_model("weekly")
    path = tmp_path / "judgments.csv"
    path.write_text(shop.judging.export("weekly"), encoding="utf-8")
    shop.judging.put("copy", ["other"])
    told = shop.judging.import_("copy", path)
    kept = shop.judging.get("weekly")["judgments"]
    assert told == {"judged": len(kept), "queries": len({one["query"] for one in kept}), "of_unknown_products": 0}
    keys = ("query", "product_id", "grade", "source")
    copied = shop.judging.get("copy")["judgments"]
    assert [[one[key] for key in keys] for one in copied] == [[one[key] for key in keys] for one in kept]
    assert len(list(csv.DictReader(path.open(encoding="utf-8")))) == len(kept)


def test_an_import_is_all_or_nothing(shop: mercato.Shop, tmp_path: Path) -> None:
    shop.judging.put("weekly", ["tent"])
    path = tmp_path / "j.csv"
    path.write_text("q,sku,relevance\ntent,p001,1\ntent,nowhere,3\nTENT,p002,3\n", encoding="utf-8")
    assert shop.judging.import_("weekly", path) == {"judged": 2, "queries": 1, "of_unknown_products": 1}
    before = shop.judging.get("weekly")
    assert {one["source"] for one in before["judgments"]} == {"hand"}
    for line, error in (("tent,p003,4", RequestError), ("tent,p003,good", DataError), (" ,p003,1", DataError)):
        path.write_text(f"query,product_id,grade\ntent,p004,1\n{line}\n", encoding="utf-8")
        with pytest.raises(error):
            shop.judging.import_("weekly", path)
    assert shop.judging.get("weekly") == before


def test_clicks_judge_the_shops_own_lists(tmp_path: Path) -> None:
    """Twelve shoppers look past the first product at the third; two stop at the first."""
    with made_up_shop.build(tmp_path / "shop", SETTINGS) as shop:
        shop.judging.put("weekly", ["Sofa", "tent"])
        for n in range(14):
            slate = shop.search("sofa", 5, shopper=f"c{n}")
            place = 2 if n < 12 else 0
            view = Interaction("detail-page-view", f"c{n}", product_id=slate.ids[place], slate_id=slate.id)
            shop.record(
                [view, Interaction("detail-page-view", "somebody else", product_id=slate.ids[1], slate_id=slate.id)]
            )
            shop.search("tent", 5, shopper=f"c{n}")
        told = shop.judging.from_clicks("weekly", Clicks(least_lists=10, least_examined=5, prior=10))
        assert (told["judged"], told["queries"]) == (3, 1)
        assert "SDBN" in told["rule"]
        judged = {one["product_id"]: one for one in shop.judging.get("weekly")["judgments"]}
        first, second, third = (judged[product] for product in shown(shop, "sofa")[:3])
        mean = 14 / 38  # looks that ended a search: 14 of (14 + 12 + 12)
        worths = [(ended + 10 * mean) / (looks + 10) for ended, looks in ((2, 14), (0, 12), (12, 12))]
        assert [one["grade"] for one in (first, second, third)] == [round(3 * worth / worths[2], 1) for worth in worths]
        assert {one["source"] for one in judged.values()} == {"clicks"}
        assert third["by"] == "SDBN, 14 clicked lists"
        assert shop.judging.from_clicks("weekly", Clicks(least_lists=15))["judged"] == 0
        assert shop.judging.get("weekly")["judgments"] == [], "what clicks said before is forgotten"


def test_the_model_judges_by_the_shops_own_cutoff_and_is_marked(shop: mercato.Shop) -> None:
    shop.judging.put("weekly", QUERIES)
    told = shop.judging.from_model("weekly", Model(steps=(-0.1, 0.0, 0.1)))
    judgments = shop.judging.get("weekly")["judgments"]
    assert told["judged"] == len(judgments) > 20
    assert {one["source"] for one in judgments} == {"model"}
    assert all(one["by"] == told["rule"] for one in judgments)
    matcher: Any = shop._serving().engine.search_parts.matcher
    cosines = matcher.meaning.cosines("tent")
    cutoff = matcher.meaning.index.cutoff
    for one in (one for one in judgments if one["query"] == "tent"):
        cosine = cosines[shop._serving().parts.catalog.row(one["product_id"])]
        assert one["grade"] == sum(cosine >= cutoff + step * (1 - cutoff) for step in (-0.1, 0.0, 0.1))
    assert {one["product_id"] for one in judgments if one["query"] == "tent"} >= set(shown(shop, "tent"))


def test_what_shoppers_ask_and_do_not_click(tmp_path: Path) -> None:
    with made_up_shop.build(tmp_path / "shop", SETTINGS) as shop:
        assert shop.judging.suggestions() == []
        assert shop.judging.unclicked_searches() == {"rate": 0.0, "least": 5, "queries": []}
        for n in range(20):
            for query in ("sofa", "tent", "qqqzzz")[: 2 if n < 10 else 3]:
                slate = shop.search(query, shopper=f"c{n}")
                if query == "sofa":
                    took = Interaction(
                        "add-to-cart", f"c{n}", product_id=slate.ids[0], slate_id=slate.id, position=n % 2
                    )
                    shop.record([took])
        frequent = shop.judging.frequent_searches()
        assert [(one["query"], one["times"], one["found"], one["clicked"], one["first"]) for one in frequent] == [
            ("sofa", 20, 20, 20, 10), ("tent", 20, 20, 0, 0), ("qqqzzz", 10, 0, 0, 0),
        ]  # fmt: skip
        few = shop.judging.unclicked_searches()
        assert few["rate"] == 0.5
        assert [(one["query"], one["missing"]) for one in few["queries"]] == [("tent", 10.0)]
        assert shop.judging.unclicked_searches(least=21)["queries"] == []
        assert shop.judging.suggestions("frequent", 2) == ["sofa", "tent"]
        assert sorted(shop.judging.suggestions("random", 9)) == ["qqqzzz", "sofa", "tent"]


def test_an_untrained_shop_keeps_sets_and_says_what_is_missing(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "shop", products=made_up_shop.PRODUCTS[:3]) as shop:
        shop.judging.put("weekly", ["sofa"])
        shop.judging.judge("weekly", "sofa", "p001", 2)
        assert shop.judging.get("weekly")["judgments"][0]["grade"] == 2.0
        for ask in (shop.judging.knobs, lambda: shop.judging.compare("weekly", AS_SERVED)):
            with pytest.raises(RequestError, match="trained"):
                ask()
