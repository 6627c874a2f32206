"""What teaches an encoder and what examines it: where pairs come from, and that nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import mercato
from mercato.catalog import Catalog
from mercato.errors import DataError, RequestError
from mercato.jobs.bought import Taken, basket_evidence
from mercato.jobs.evidence import NOBODY, Evidence, Texts, fewer, field_evidence, review_evidence
from mercato.jobs.exams import Size, marks
from mercato.jobs.lessons import Teach, course, folded, lessons, whole
from mercato.jobs.material import Material
from mercato.jobs.sought import event_evidence, judged_by, list_evidence
from mercato.jobs.splits import Folds, after, before, held, leaks, sealed, shared
from mercato.models.hashed import HashEncoder
from mercato.schema import Impression, Product
from small_bert import COLOURS
from small_tuning import BEGIN, GOES_WITH, THINGS, click_log, products, shop

CATALOG = Catalog.build(iter(products()), "test")
TEXTS = Texts.read(CATALOG)
TEACH = Teach(size=Size(queries=40, corpus=40))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mercato.Shop]:
    with shop(tmp_path_factory.mktemp("lessons") / "shop") as made:
        yield made


@pytest.fixture(scope="module")
def material(home: mercato.Shop) -> Material:
    return Material.read(home.store, lambda _: None)


def place(product_id: str) -> int:
    row = CATALOG.row(product_id)
    assert row is not None
    return int(TEXTS.of[row])


def test_what_is_bought_together_teaches_and_what_comes_last_examines(material: Material) -> None:
    given = course(material, TEACH)
    assert {"basket", "sequence", "field"} == set(given.train.sources.tolist())
    baskets = given.train.take(given.train.sources == "basket")
    for anchor, wanted in zip(baskets.anchors.tolist(), baskets.wanted.tolist(), strict=True):
        one, other = (TEXTS.products[text].title.split() for text in (anchor, wanted))
        assert one[0] == other[0], "of one colour"
        assert GOES_WITH[one[1]] == other[1]
    assert set(given.test) == set(given.validation) == {"together", "types"}
    assert given.account["pairs"]["basket"] == len(baskets)
    assert "all that is wanted" in given.account["corpus"]


def test_a_course_is_the_same_for_a_seed_and_another_for_another(material: Material) -> None:
    teach = replace(TEACH, most=50)
    encoder = HashEncoder()
    one, same = (lessons(course(material, teach), material, teach, encoder) for _ in range(2))
    other = replace(teach, seed=1)
    assert one == same
    assert one != lessons(course(material, other), material, other, encoder)


def test_nothing_after_the_cut_teaches_and_no_basket_is_on_both_sides(material: Material) -> None:
    given = course(material, TEACH)
    assert given.train.at.max() < material.cuts.validation < material.cuts.test < material.cuts.end
    for window in ("validation", "test"):
        for told in given.leaks[window].values():
            assert told["later"] == told["session"] == 0
    learned = material.taken.within(*material.cuts.span("train"))
    tested = material.taken.within(*material.cuts.span("test"))
    assert shared(learned, tested)["session"] == 0
    assert len(tested.texts), "and something is left to be tested by"


def test_a_visit_over_the_cut_is_on_neither_side() -> None:
    taken = Taken(*(np.array(one, np.int64) for one in ([0, 0, 0], [1, 2, 3], [10, 20, 30], [7, 7, 8])))
    assert taken.within(0, 15).texts.tolist() == [1]
    assert taken.within(15, 40).texts.tolist() == [3], "basket 7 was begun before"
    seen = evidence([("a", 1, 10, 7), ("b", 2, 20, 7), ("c", 3, 20, 8), ("d", 4, 20, NOBODY)])
    assert before(seen, 15).wanted.tolist() == [1]
    assert after(seen, 15, 40).wanted.tolist() == [3, 4]


def evidence(rows: list[tuple[str, int, int, int]]) -> Evidence:
    """Of (query, text, time, session)."""
    wanted, at, sessions = (np.array([row[column] for row in rows], np.int64) for column in (1, 2, 3))
    return Evidence.of(TEXTS, "click", wanted, queries=[row[0] for row in rows], at=at, sessions=sessions)


def test_held_categories_teach_nothing(material: Material) -> None:
    given = course(material, TEACH)
    asked = {query for window in (given.validation, given.test) for query in window["types"].queries}
    assert asked < set(THINGS)
    assert set(given.validation["types"].queries).isdisjoint(given.test["types"].queries)
    fields = given.train.take(given.train.sources == "field")
    assert asked.isdisjoint(fields.queries.tolist())
    for text in fields.wanted.tolist():
        assert TEXTS.leaf(text) not in asked, "nor do their products"


def test_fields_leave_out_what_is_asked() -> None:
    found = field_evidence(TEXTS, TEXTS.names(), 0)
    for query, said in zip(found.queries.tolist(), found.said.tolist(), strict=True):
        assert query != said
        assert query.casefold() not in said.casefold() or query in THINGS, "a title never finds itself"
    assert len(set(found.queries.tolist()) & set(THINGS)) == len(THINGS)


@pytest.mark.parametrize("by", [("product",), ("session",), ("query",), ("product", "session")])
def test_folds_share_nothing_that_is_kept_apart(material: Material, by: tuple[str, ...]) -> None:
    random = np.random.default_rng(0)
    rows = [
        (f"word{random.integers(30)}", int(random.integers(len(TEXTS))), 5, int(random.integers(200)))
        for _ in range(500)
    ]
    whole_ = evidence(rows)
    tested = []
    for fold in range(4):
        train, test = Folds(4, by).evidence(whole_, fold)
        found = leaks(train, test)
        assert all(found[name] == 0 for name in by)
        assert len(train)
        assert len(test)
        learned, kept = Folds(4, by).taken(material.taken, fold)
        assert all(shared(learned, kept)[name] == 0 for name in by if name != "query")
        tested += test.wanted.tolist()
    if len(by) == 1:
        assert sorted(tested) == sorted(whole_.wanted.tolist()), "everything is tested once"


def test_a_leak_is_found_and_refused() -> None:
    train, test = evidence([("red", 1, 10, 7)]), evidence([("RED", 1, 5, 7)])
    assert leaks(train, test) == {"product": 1, "session": 1, "query": 1, "pair": 0, "later": 1}
    assert leaks(evidence([("blue ray", 1, 1, 1)]), evidence([("bluray", 2, 9, 2)]))["query"] == 1
    with pytest.raises(DataError, match="'session'"):
        sealed(leaks(train, test), ("session",))
    for wrong in (lambda: Folds(1, ("query",)), lambda: Folds(3, ("colour",)), lambda: Folds(3, ())):
        with pytest.raises(RequestError):
            wrong()


def test_products_of_one_text_are_one_product() -> None:
    twins = Texts.read(Catalog.build((Product(str(n), "red sofa" if n < 3 else "blue sofa") for n in range(5)), "t"))
    assert twins.texts == ("blue sofa", "red sofa")
    assert twins.of.tolist() == [1, 1, 1, 0, 0]


def test_a_fold_by_product_hides_what_it_examines(material: Material) -> None:
    teach = replace(TEACH, sources=("basket", "field"))
    seen = 0
    for given in folded(material, teach, 3, ("product",)):
        hidden = {TEXTS.texts[text] for text in given.barred}
        made = lessons(given, material, teach, HashEncoder())
        assert hidden
        assert hidden.isdisjoint(made.texts)
        assert not hidden & {text for pair in made.pairs for text in (pair.query, pair.text, *pair.negatives)}
        for name, exam in given.test.items():
            assert name == "together"
            seen += len(exam.queries)
            assert set(exam.queries) <= hidden
    assert seen


def test_an_exam_holds_all_that_is_wanted_and_masks_what_asked(material: Material) -> None:
    together = course(material, TEACH).test["together"]
    assert 40 <= len(together.corpus) < 48, "all that is wanted may be more"
    for query, wanted, masked in zip(together.queries, together.wanted, together.masked, strict=True):
        assert [together.corpus[own] for own in masked] == [query]
        assert max(wanted.values()) == 1.0
        assert not set(masked) & set(wanted)
    every = whole(course(material, TEACH).test)
    assert len(every.queries) == len(every.wanted) == len(every.masked)


class Knowing:
    """Knows what goes with what: two texts have one vector if they belong together."""

    dimension, fingerprint = 64, "knowing"

    def encode(self, texts: list[str]) -> np.ndarray:
        found = np.zeros((len(texts), 64), np.float32)
        for line, text in enumerate(texts):
            colour, thing = text.split(".")[0].split()
            pair = min(THINGS.index(thing), THINGS.index(GOES_WITH[thing]))
            found[line, COLOURS.index(colour) * 8 + pair] = 1.0
        return found


def test_who_knows_gets_the_best_mark(material: Material) -> None:
    together = course(material, TEACH).test["together"]
    assert marks(together, HashEncoder()).mean() < 0.9
    plain = {line: {max(wanted, key=lambda text: wanted[text]): 1.0} for line, wanted in enumerate(together.wanted)}
    only = replace(together, wanted=tuple(plain.values()))
    assert marks(only, Knowing()).mean() == pytest.approx(1.0)


def test_a_click_counts_by_how_seldom_its_place_is_seen() -> None:
    shown = Impression(
        "l1", "search", BEGIN, "u1", "s1", "sofa", ("red-sofa", "blue-sofa", "green-sofa", "white-sofa"), (4, 3, 2, 1),
        {}, 4, {},
    )  # fmt: skip
    did = [("blue-sofa", "detail-page-view", "u1"), ("white-sofa", "detail-page-view", "somebody else")]
    (found,) = list_evidence([(shown, did)], CATALOG, TEXTS, np.array([1.0, 0.5, 0.25]))
    assert found.wanted.tolist() == [place("blue-sofa")]
    assert found.weights.tolist() == [2.0]
    assert found.sources.tolist() == ["click"]
    assert found.passed == ((place("red-sofa"), place("green-sofa")),), "above it and right below it"
    (bought,) = list_evidence([(shown, [("red-sofa", "purchase-complete", "u1")])], CATALOG, TEXTS, np.ones(4))
    assert bought.sources.tolist() == ["purchase"]
    (one,) = judged_by(found, TEXTS)
    assert one.grades == {CATALOG.row("blue-sofa"): 2.0}


def test_what_follows_a_search_counts_for_it() -> None:
    def event(kind: str, minutes: int, product: str = "", query: str = "", who: str = "u1") -> dict[str, object]:
        at = BEGIN + timedelta(minutes=minutes)
        return {"type": kind, "shopper_id": who, "product_id": product, "at": at, "session_id": "", "query": query,
                "slate_id": ""}  # fmt: skip

    rows = [
        event("search", 0, query="sofa"),
        event("detail-page-view", 1, "red-sofa"),
        event("search", 2, query="lamp"),
        event("add-to-cart", 3, "red-lamp"),
        event("detail-page-view", 50, "blue-lamp"),
        event("detail-page-view", 3, "green-lamp", who="u2"),
    ]
    (found,) = event_evidence(pl.DataFrame(rows), CATALOG, TEXTS)
    assert dict(zip(found.queries.tolist(), found.wanted.tolist(), strict=True)) == {
        "sofa": place("red-sofa"), "lamp": place("red-lamp"),
    }  # fmt: skip
    assert found.weights.tolist() == [1.0, 2.0]


def test_review_titles_that_stand_over_everything_say_nothing() -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    said = [("red-sofa", "Softest sofa ever"), *((f"{c}-lamp", "Great!") for c in ("red", "blue", "green", "white"))]
    frame = pl.DataFrame(
        [(one, "u", title, at) for one, title in said], ["product_id", "shopper_id", "title", "at"], orient="row"
    )
    found = review_evidence(TEXTS, frame, CATALOG.row)
    assert found.queries.tolist() == ["Softest sofa ever"]
    assert found.at.tolist() == [int(at.timestamp())]


def test_reviews_say_how_much_a_text_is_liked() -> None:
    texts = Texts.read(CATALOG, pl.DataFrame({"product_id": ["red-sofa", "red-sofa"], "rating": [5.0, 4.0]}))
    assert texts.sentiment[place("red-sofa")] == 0.75
    assert np.isnan(texts.sentiment[place("blue-sofa")])


def test_a_click_log_is_cut_within_its_queries(home: mercato.Shop, tmp_path: Path) -> None:
    path = click_log(tmp_path / "log.csv", 1200)
    material = Material.read(home.store, lambda _: None, sessions=(path,))
    given = course(material, replace(TEACH, sources=("click",)))
    assert set(given.train.queries.tolist()) == {"phone", "shirt"}
    exam = given.test["searches"]
    best = {query: exam.corpus[max(own, key=lambda one: own[one])] for query, own in
            zip(exam.queries, exam.wanted, strict=True)}  # fmt: skip
    assert best["phone"].startswith("red phone")
    assert best["shirt"].startswith("blue shirt")
    left = list(folded(material, replace(TEACH, sources=("click",)), 2, ("query",)))
    assert len(left) == 2
    for one in left:
        (query,) = set(one.train.queries.tolist())
        assert one.test["searches"].queries == tuple({"phone", "shirt"} - {query})


def test_judgments_are_shared_out_by_query(home: mercato.Shop, tmp_path: Path) -> None:
    path = tmp_path / "judgments.csv"
    path.write_text("query,product_id,grade\n" + "\n".join(f"{t},red-{t},1\n{t},blue-{t},0" for t in THINGS))
    given = course(Material.read(home.store, lambda _: None, judgments=path), TEACH)
    one, other = (set(window["searches"].queries) for window in (given.validation, given.test))
    assert len(one) == len(other) == 4
    assert one | other == set(THINGS)
    assert "click" not in given.train.sources


def test_a_shop_without_behaviour_says_what_was_looked_for(tmp_path: Path) -> None:
    with mercato.create(tmp_path / "shop") as made:
        with pytest.raises(DataError, match="no product"):
            Material.read(made.store, lambda _: None)
        made.put_products(products())
        with pytest.raises(DataError, match=r"no behaviour.*0 events.*48 products.*baskets.*--sessions"):
            course(Material.read(made.store, lambda _: None), TEACH)


def test_a_popular_text_is_left_out_of_some_baskets() -> None:
    many, rest = 400, np.arange(1, 11)
    baskets = np.repeat(np.arange(many), 3)
    texts = np.stack([np.zeros(many, np.int64), 1 + np.arange(many) % 10, 11 + np.arange(many) % 10], 1).ravel()
    taken = Taken(baskets, texts, baskets * 100, baskets)
    found = basket_evidence(taken, TEXTS, 10_000, 0)
    share = float(((found.anchors == 0) | (found.wanted == 0)).mean())
    assert share < 0.6, "of two pairs a basket 1.33 would have it"
    assert np.isin(rest, np.concatenate([found.anchors, found.wanted])).all()


def test_fewer_takes_at_most_so_many_of_each_source() -> None:
    both = Evidence.join([evidence([("a", 1, 1, 1)] * 10), field_evidence(TEXTS, TEXTS.names(), 0)])
    some = fewer(both, 5, 0)
    assert sorted(np.unique(some.sources.astype(str), return_counts=True)[1].tolist()) == [5, 5]


def test_held_names_are_disjoint() -> None:
    one, other = held([str(n) for n in range(50)], 0.1, 0)
    assert len(one) == len(other) == 5
    assert not set(one) & set(other)
