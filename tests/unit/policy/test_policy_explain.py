"""Reasons: each signal has its sentence, and every product it names exists and is really where the signal came from."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
import scipy.sparse as sp

from mercato import build
from mercato.catalog import Catalog
from mercato.feedback.histories import Events
from mercato.models.hashed import HashEncoder
from mercato.policy.explain import Explain
from mercato.rank.features import Profile, columns
from mercato.retrieve.content import Content
from mercato.retrieve.dense import Dense
from mercato.retrieve.pairs import PairLane
from mercato.schema import Product, Request
from mercato.settings import Settings
from shopping import BUY, NOW, VIEW, asked

TITLES = ("Oat milk", "Rye bread", "Butter", "A title so long that nobody would ever want to read all of it aloud")
CATALOG = Catalog.build(
    Product(id=f"p{row}", title=title, categories=("Food > Dairy & eggs",), brand="b")
    for row, title in enumerate(TITLES)
)
BREAD_FROM_MILK = sp.csr_array(np.array([[0, 2, 0, 1], [0, 0, 0, 0], [0, 0, 0, 3], [0, 0, 0, 0]], np.float32))
EXPLAIN = Explain(CATALOG, {"lane:next": PairLane(BREAD_FROM_MILK).source})


def sentence(request: Request, row: int, *shares: tuple[str, float]) -> str:
    return EXPLAIN.reason(request, row, shares)[0]


def test_a_sentence_names_the_product_it_came_from() -> None:
    reason, evidence = EXPLAIN.reason(asked((0, BUY, 1)), 1, [("lane:next", 0.5)])
    assert reason == "Often bought with Oat milk."
    assert evidence == ("lane:next=0.5000 ← product p0",)


def test_a_long_title_is_cut() -> None:
    traced = Explain(CATALOG, {"lane:next": lambda request, row: 3})
    reason, _ = traced.reason(asked(), 1, [("lane:next", 1.0)])
    assert reason == f"Often bought with {TITLES[3][:47].rstrip()}…."


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("lane:popular", "Selling well right now."),
        ("lane:words", "Matches part of “milk”."),
        ("lane:meaning", "Close in meaning to “milk”."),
        ("lane:taste", "Fits what you usually buy."),
        ("lane:neighbours", "Bought by shoppers like you."),
        ("profile:category", "You often buy dairy & eggs."),
    ],
)
def test_signals_without_a_source_have_a_plain_sentence(note: str, said: str) -> None:
    assert sentence(asked(query="milk"), 1, (note, 1.0)) == said


def test_what_was_bought_before_says_how_often_and_when() -> None:
    for times, words in ((1, "once"), (2, "twice"), (3, "3 times")):
        request = asked(*((1, BUY, float(day)) for day in range(3, 3 + times)), (1, VIEW, 0))
        assert sentence(request, 1, ("lane:lately", 1.0)) == f"You bought this {words}, last on 26 February."
    assert sentence(asked((1, VIEW, 0)), 1, ("lane:habit", 1.0)) == ""


def test_a_second_clause_needs_a_fair_share_and_another_thing_to_say() -> None:
    request = asked((0, BUY, 1), query="bread")
    words, every, next_ = ("lane:words", 1.0), ("lane:every", 0.1), "lane:next"
    assert sentence(request, 1, words, (next_, 0.5), every) == "Matches “bread”; often bought with Oat milk."
    assert sentence(request, 1, words, (next_, 0.3), every) == "Matches “bread”."
    both = asked((1, BUY, 1))
    assert sentence(both, 1, ("lane:lately", 1.0), ("lane:habit", 0.9)) == "You bought this once, last on 28 February."
    three = (words, (next_, 0.9), ("lane:popular", 0.8))
    assert sentence(request, 1, *three).count(";") == 1, "two clauses at most"


def test_meaning_is_not_worth_a_clause_where_words_matched() -> None:
    shares = (("lane:meaning", 2.0), ("lane:words", 1.0), ("lane:every", 0.1))
    assert sentence(asked(query="rye"), 1, *shares) == "Matches “rye”."
    assert sentence(asked(query="rye loaf"), 1, *shares[:2]) == "Matches part of “rye loaf”."


def test_a_signal_that_nobody_can_trace_is_passed_over() -> None:
    request = asked((2, BUY, 1))
    assert sentence(request, 1, ("lane:next", 1.0), ("lane:popular", 0.5)) == "Selling well right now."
    assert EXPLAIN.reason(request, 1, [("lane:next", 1.0), ("lane:unheard-of", 0.9)]) == ("", ())
    assert EXPLAIN.reason(request, 1, []) == ("", ())


def test_a_product_is_never_its_own_reason() -> None:
    itself = Explain(CATALOG, {"lane:similar": lambda request, row: row})
    assert itself.reason(asked(), 1, [("lane:similar", 1.0)]) == ("", ())


def shop() -> tuple[Catalog, Explain]:
    """60 products, 30 shoppers, every traceable lane and field as the engine wires them."""
    random = np.random.default_rng(2)
    catalog = Catalog.build(
        Product(
            id=f"p{row}", title=f"thing {row % 9} no {row}", categories=(f"c{row % 9}",), brand=f"b{row % 20}",
            group_id=f"g{row // 3}", attributes={"maker": (f"m{row % 20}",)},
        )
        for row in range(60)
    )  # fmt: skip
    owner = np.sort(random.integers(0, 30, 900))
    rows = random.integers(0, 60, 900).astype(np.int32)
    at = int(NOW.timestamp()) - random.integers(0, 60 * 86_400, 900)
    order = np.lexsort((at, owner))
    shoppers = tuple(str(number) for number in range(30))
    grades = np.full(900, BUY, np.int8)
    events = Events(shoppers, owner, rows[order], grades, at[order], owner * 100 + at[order] // 86_400 % 100)
    settings = Settings()
    behaviour = build.learn_behaviour(settings, events, 60, int(NOW.timestamp()), lambda _: None)
    titles = [catalog.product(row).title for row in range(60)]
    dense = Dense().index(HashEncoder().encode(titles), np.arange(60, dtype=np.int32), 0.3)
    content = Content(width=16).fit(dense.vectors, dense.text_of)
    lanes = build.lanes(settings, behaviour, dense, content)
    profile = Profile(columns(catalog, settings.shop.relations))
    sources = {f"lane:{name}": lane.source for name, lane in lanes.items() if hasattr(lane, "source")}
    for name in profile.codes:
        sources[f"profile:{name}"] = lambda request, row, name=name: profile.source(request, row, name)
    return catalog, Explain(catalog, sources)


def told() -> Iterator[tuple[Catalog, Request, str, str, tuple[str, ...]]]:
    """(catalogue, request, note, sentence, evidence) of every traceable note on every product for three shoppers."""
    catalog, explain = shop()
    random = np.random.default_rng(4)
    for _ in range(3):
        did = [(int(row), BUY, float(days)) for row, days in zip(random.choice(60, 8), range(8), strict=True)]
        request = asked(*did, (int(random.integers(60)), VIEW, 0.01), anchors=(3, 7))
        for note in explain.sources:
            for row in range(60):
                yield catalog, request, note, *explain.reason(request, row, [(note, 1.0)])


def test_every_named_product_exists_and_was_in_the_past_or_the_cart() -> None:
    named: set[str] = set()
    for catalog, request, note, reason, evidence in told():
        assert bool(reason) == bool(evidence)
        for proof in evidence:
            for product_id in re.findall(r"← product (\S+)", proof):
                named.add(note)
                row = catalog.row(product_id)
                assert row is not None
                # a new product's relative is somebody's purchase, not the shopper's own
                assert note == "lane:kin" or row in {*request.history.rows.tolist(), *request.anchors.tolist()}
                assert catalog.product(row).title in reason
    expected = {
        f"lane:{name}"
        for name in ("next", "content", "transitions", "neighbours", "taste", "recent", "together", "similar", "kin")
    }
    assert named == expected | {"profile:group", "profile:brand", "profile:maker"}
