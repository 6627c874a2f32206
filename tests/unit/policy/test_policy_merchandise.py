"""Merchandising against a slow shopkeeper who sorts, hides and inserts by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.catalog import Catalog
from mercato.policy.applied import PIN, UNTOUCHED, Applied
from mercato.policy.explain import Explain
from mercato.policy.merchandise import SYNONYM_WEIGHT, Merchandise
from mercato.policy.rules import OnePerGroup
from mercato.rank.linear import Linear, Signal
from mercato.rules import rule_from_dict
from mercato.schema import Product, Ranking, Request

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
N = 14
BRANDS = ("Acme", "Bolt", "Casa")
PRODUCTS = [
    Product(
        f"p{n}",
        f"Sofa {n}",
        brand=BRANDS[n % 3],
        price=100 * n,
        currency="EUR",
        categories=("Home > Living > Sofas" if n % 2 else "Garden",),
        availability="out-of-stock" if n == 12 else "in-stock",
        quantity=0 if n == 11 else None,
        sellable=n != 13,
    )
    for n in range(N)
]
CATALOG = Catalog.build(PRODUCTS)
SELLABLE = range(11)
"""Rows that a pin may show: 11 and 12 are sold out, 13 is not for sale."""


def rules(*records: dict[str, Any]) -> Merchandise:
    filled = [{"id": f"r{n}", "when": {"always": True}, **record} for n, record in enumerate(records)]
    return Merchandise.build([rule_from_dict(record) for record in filled], CATALOG)


def active(*records: dict[str, Any], query: str = "", where: dict[str, Any] | None = None) -> Applied:
    return rules(*records).active(query, where or {}, NOON)


def pins(*placed: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {"pins": [{"product": f"p{row}", "position": position} for row, position in placed], **more}


def ranked(scores: dict[int, float]) -> Ranking:
    rows = np.array(sorted(scores), np.int32)
    values = np.array([scores[row] for row in sorted(scores)], float)
    return Ranking(rows, values, {"lane:words": values})


# --- where pins, hides and filters leave a list -----------------------------------------------------------------------


def by_hand(
    told: list[tuple[list[tuple[int, int]], list[int]]], matched: dict[int, float], allowed: set[int]
) -> list[int]:
    """The whole list: what matched, without what is hidden or filtered away, best first; then every pinned product that
    can be sold and passes the filter is taken out and put back at its place, in order of places."""
    hidden = {row for _, hides in told for row in hides}
    allowed = allowed - hidden
    wanted: dict[int, int] = {}
    for placed, _ in told:
        for row, position in placed:
            if row in allowed and row in SELLABLE and row not in wanted:
                wanted[row] = next(free for free in range(position, 99) if free not in wanted.values())
    found = sorted((row for row in matched if row in allowed), key=lambda row: (-matched[row], row))
    found = [row for row in found if row not in wanted]
    for row, position in sorted(wanted.items(), key=lambda pair: pair[1]):
        found.insert(position - 1, row)  # past the end: the end
    return found


ROWS = st.integers(0, N - 1)
TOLD = st.lists(
    st.tuples(
        st.lists(st.tuples(ROWS, st.integers(1, 9)), max_size=4, unique_by=(lambda pin: pin[0], lambda pin: pin[1])),
        st.lists(ROWS, max_size=2),
    ),
    max_size=3,
)
MATCHED = st.dictionaries(ROWS, st.sampled_from([0.0, 0.5, 1.0, 2.0]))
WHERE = st.sampled_from([{}, {"brand": ["Acme"]}, {"price": {"max": 6}}, {"brand": ["Acme", "Bolt"]}, {"brand": ["x"]}])


@given(told=TOLD, matched=MATCHED, where=WHERE, k=st.integers(1, 5))
def test_pins_hides_filters_and_pages_are_as_by_hand(
    told: list[tuple[list[tuple[int, int]], list[int]]], matched: dict[int, float], where: dict[str, Any], k: int
) -> None:
    told = [(placed, [row for row in hides if row not in dict(placed)]) for placed, hides in told]
    records = [
        pins(*placed, **({"hide": {"products": [f"p{row}" for row in hides]}} if hides else {}))
        for placed, hides in told
        if placed or hides
    ]
    told = [pair for pair in told if pair[0] or pair[1]]
    mask = CATALOG.allowed(where)
    expected = by_hand(told, matched, set(np.flatnonzero(mask).tolist()))

    applied = rules(*records).active("sofa", where, NOON)
    allowed = applied.narrowed(mask)
    everything = ranked(matched)
    joined = applied.joined(everything.take(allowed[everything.rows]), allowed)
    whole = applied.placed(joined)
    assert whole.rows.tolist() == expected
    assert sorted(joined.rows.tolist()) == sorted(expected), "what is counted is what is listed"
    pages: list[int] = []
    for page in range(len(expected) // k + 1):
        pages += applied.placed(joined, (page + 1) * k).take(slice(page * k, (page + 1) * k)).rows.tolist()
    assert pages == expected
    for row, score, note in zip(whole.rows, whole.scores, whole.notes["lane:words"], strict=True):
        assert score == note == (matched.get(int(row), 0.0)), "scores and notes travel with their rows"


def test_nothing_changes_without_rules_or_when_none_speaks() -> None:
    assert rules().active("sofa", {}, NOON) is UNTOUCHED
    assert rules({**pins((1, 1)), "when": {"query": "lamp"}}).active("sofa", {}, NOON) is UNTOUCHED
    ranking, mask = ranked({1: 1.0, 2: 2.0}), np.ones(N, bool)
    assert UNTOUCHED.narrowed(mask) is mask
    assert UNTOUCHED.joined(ranking, mask) is ranking
    assert UNTOUCHED.lifted(ranking) is ranking
    assert UNTOUCHED.placed(ranking).rows.tolist() == [2, 1]
    assert UNTOUCHED.faced(ranking, CATALOG.group) is ranking
    assert UNTOUCHED.explained(ranking, [[], []]) == (ranking, [[], []])


def test_a_pin_shows_only_what_can_be_sold_and_says_why_not() -> None:
    made = rules(pins((13, 1), (12, 2), (11, 3), (1, 4), (99, 5)))
    assert made.resting["r0"] == (
        ("p13", "not for sale"),
        ("p12", "out of stock"),
        ("p11", "out of stock"),
        ("p99", "not in the trained catalogue"),
    )
    applied = made.active("", {}, NOON)
    joined = applied.joined(ranked({0: 1.0, 12: 2.0}), CATALOG.allowed({}))
    placed = applied.placed(joined)
    assert placed.rows.tolist() == [12, 0, 1], "sold out stays where it belongs; past the end is the end"
    assert placed.notes[PIN].tolist() == [0, 0, 3]


def test_the_higher_priority_then_the_smaller_id_has_the_place() -> None:
    records = [pins((1, 1), id="b"), pins((2, 1), id="a"), pins((3, 1), id="c", priority=1), pins((1, 5), id="d")]
    scores = {row: float(-row) for row in range(6)}
    assert active(*records).placed(ranked(scores)).rows.tolist() == [3, 2, 1, 0, 4, 5]
    assert active(*records).rules == ("c", "a", "b", "d")


def test_a_pinned_variant_stands_for_its_group() -> None:
    groups = np.arange(N) // 3
    applied = active(pins((4, 2), (1, 1)), pins((2, 1)))
    scored = ranked({row: float(N - row) for row in range(9)})
    assert applied.faced(scored, groups).rows.tolist() == [1, 4, 6, 7, 8]


def test_a_filter_on_a_field_that_went_away_breaks_only_its_own_rule() -> None:
    made = rules({"hide": {"where": {"colour": ["red"]}}}, pins((1, 1)))
    assert made.broken["r0"][0][0] == "hide.where.colour"
    assert "colour" in made.broken["r0"][0][1]
    assert made.active("", {}, NOON).placed(ranked({0: 1.0, 1: 0.0})).rows.tolist() == [1, 0]


# --- boosts -----------------------------------------------------------------------------------------------------------


@given(
    boosts=st.lists(st.tuples(st.sampled_from(BRANDS), st.sampled_from([-1.0, -0.3, 0.25, 1.0])), max_size=4),
    words=st.dictionaries(st.integers(0, 12), st.floats(0, 50).map(lambda words: round(words, 3)), min_size=1),
)
def test_a_boost_adds_its_share_of_the_spread_and_the_terms_add_up(
    boosts: list[tuple[str, float]], words: dict[int, float]
) -> None:
    applied = active(*({"boosts": [{"where": {"brand": [brand]}, "by": by}]} for brand, by in boosts))
    score = Linear((Signal("lane:words", "words", 1.0),))
    scored = score.scored(ranked(words))
    spread = float(np.ptp(scored.scores)) or 1.0
    expected = {row: sum(by for brand, by in boosts if BRANDS[row % 3] == brand) * spread for row in words}

    placed = applied.placed(applied.lifted(scored))
    assert np.all(np.diff(placed.scores) <= 0)
    page, evidence = applied.explained(*score.explained(placed))
    assert len(evidence) == len(page)
    np.testing.assert_allclose(page.scores, placed.scores, atol=1e-9)
    terms = np.sum([values for name, values in page.notes.items() if name.startswith("term:")], axis=0)
    np.testing.assert_allclose(terms, page.scores, atol=1e-9)
    rule = page.notes.get("term:rule", np.zeros(len(page)))
    np.testing.assert_allclose(rule, [expected[int(row)] for row in page.rows], atol=1e-9)


def test_a_full_boost_lifts_the_last_to_the_first_and_a_full_bury_the_other_way() -> None:
    scored = ranked({0: 9.0, 1: 5.0, 2: 1.0})
    lifted = active({"boosts": [{"products": ["p2"], "by": 1}]}).lifted(scored)
    assert lifted.scores.tolist() == [9, 5, 9]
    buried = active({"boosts": [{"products": ["p0"], "by": -1}]}).lifted(scored)
    assert buried.scores.tolist() == [1, 5, 1]
    even = active({"boosts": [{"products": ["p2"], "by": 0.5}]}).lifted(ranked({0: 3.0, 2: 3.0}))
    assert even.scores.tolist() == [3, 3.5], "where nothing sets products apart, a boost still does"


def test_what_a_rule_did_comes_first_in_the_evidence() -> None:
    applied = active(pins((2, 1), id="pinning"), {"id": "lifting", "boosts": [{"products": ["p1", "p2"], "by": 0.5}]})
    page = applied.placed(applied.lifted(ranked({0: 2.0, 1: 1.0, 2: 0.0})))
    _, evidence = applied.explained(page, [[("lane:words", 1.0)]] * 3)
    assert evidence[0] == [("rule:pin:pinning", 0.0), ("rule:boost:lifting", 1.0), ("lane:words", 1.0)]
    assert evidence[1] == [("lane:words", 1.0)]
    assert evidence[2][0] == ("rule:boost:lifting", 1.0)
    buried = active({"boosts": [{"products": ["p1"], "by": -0.5}]})
    page = buried.placed(buried.lifted(ranked({0: 2.0, 1: 1.0})))
    assert buried.explained(page, [[], []])[1] == [[], []], "being buried speaks for nothing"


def test_what_the_shop_pushed_says_so() -> None:
    explain = Explain(CATALOG, {})
    request = Request("search", NOON, query="sofa")
    words = ("lane:words", 3.0)
    said, evidence = explain.reason(request, 1, [("rule:boost:summer", 0.2), words, ("lane:every", 1.0)])
    assert said == "Chosen by the shop; matches “sofa”."
    assert evidence[0] == "rule:boost:summer=0.2000"
    said, _ = explain.reason(request, 1, [("rule:pin:a", 0.0), ("rule:boost:b", 9.0), words, ("lane:every", 1.0)])
    assert said == "Chosen by the shop; matches “sofa”."
    assert explain.reason(request, 1, [("rule:boost:b", 9.0), words])[0] == "Chosen by the shop."


# --- when a rule holds ------------------------------------------------------------------------------------------------

HOLDS: list[tuple[dict[str, Any], str, dict[str, Any], bool]] = [
    ({"always": True}, "anything", {}, True),
    ({"query": "Red Sofas"}, "red sofa", {}, True),
    ({"query": "red sofa"}, "sofa red", {}, False),
    ({"query": "red sofa"}, "red sofa bed", {}, False),
    ({"query": "sofa", "match": "contains"}, "a red SOFA, please", {}, True),
    ({"query": "sofa red", "match": "contains"}, "red velvet sofas", {}, True),
    ({"query": "sofa red", "match": "contains"}, "blue sofa", {}, False),
    ({"query": "sofa"}, "", {}, False),
    ({"query": "绿茶", "match": "contains"}, "有机绿茶", {}, True),
    ({"query": "wd-40"}, "WD40", {}, True),
    ({"where": {"categories": ["Home > Living"]}}, "", {"categories": ["Home > Living"]}, True),
    ({"where": {"categories": ["Home > Living"]}}, "x", {"categories": ["Home > Living > Sofas"]}, True),
    ({"where": {"categories": ["Home > Living"]}}, "", {"categories": ["Home"]}, False),
    ({"where": {"categories": ["Home > Living"]}}, "", {"categories": ["Home > Living", "Garden"]}, False),
    ({"where": {"categories": ["Garden", "Home"]}}, "", {"categories": ["Home > Living", "Garden"]}, True),
    ({"where": {"categories": ["Home > Liv"]}}, "", {"categories": ["Home > Living"]}, False),
    ({"where": {"brand": ["Acme"]}}, "", {"brand": "Acme"}, True),
    ({"where": {"brand": ["Acme"]}}, "", {"brand": ["Acme"], "price": {"max": 3}}, True),
    ({"where": {"brand": ["Acme"]}}, "", {"price": {"max": 3}}, False),
    ({"where": {"brand": ["Acme"], "categories": ["Home"]}}, "", {"brand": ["Acme"]}, False),
    ({"query": "sofa", "where": {"brand": ["Acme"]}}, "sofa", {"brand": ["Acme"]}, True),
    ({"query": "sofa", "where": {"brand": ["Acme"]}}, "sofa", {}, False),
    ({"query": "sofa", "where": {"brand": ["Acme"]}}, "lamp", {"brand": ["Acme"]}, False),
]


@pytest.mark.parametrize(("when", "query", "where", "holds"), HOLDS)
def test_a_rule_holds_when_its_condition_does(
    when: dict[str, Any], query: str, where: dict[str, Any], holds: bool
) -> None:
    others = [{**pins((n, 1)), "id": f"o{n}", "when": one} for n, (one, _, _, _) in enumerate(HOLDS[:9])]
    applied = rules({**pins((1, 1)), "id": "it", "when": when}, *others).active(query, where, NOON)
    assert ("it" in applied.rules) == holds


def test_a_rule_for_the_corrected_query_holds_and_so_does_one_for_the_typed() -> None:
    made = rules({**pins((1, 1)), "when": {"query": "sofa"}}, {**pins((2, 1)), "when": {"query": "sofaa"}})
    assert made.active("sofaa", {}, NOON).rules == ("r1",)
    assert made.active("sofaa", {}, NOON, corrected="sofa").rules == ("r0", "r1")


def test_dates_and_the_switch_are_looked_at_for_every_request() -> None:
    hour = timedelta(hours=1)
    dated = pins((1, 1), start=NOON.isoformat(), end=(NOON + hour).isoformat())
    made = rules(dated, pins((2, 1), enabled=False))
    assert made.active("", {}, NOON - hour) is UNTOUCHED
    assert made.active("", {}, NOON).rules == ("r0",)
    assert made.active("", {}, NOON + hour) is UNTOUCHED


def test_banners_all_and_the_first_redirect() -> None:
    applied = active(
        {"banner": {"text": "one"}, "redirect": "/one"},
        {"banner": {"text": "two"}, "redirect": "/two", "priority": 5},
    )
    assert [banner.text for banner in applied.banners] == ["two", "one"]
    assert applied.redirect == "/two"


# --- synonyms ---------------------------------------------------------------------------------------------------------


def told(query: str, *records: dict[str, Any], where: dict[str, Any] | None = None) -> dict[str, list[str]]:
    found = active(*records, query=query, where=where).synonyms
    assert all(weight == SYNONYM_WEIGHT < 1 for others in found.values() for _, weight in others)
    return {" ".join(run): [" ".join(other) for other, _ in others] for run, others in found.items()}


def test_synonyms_go_both_ways_or_one() -> None:
    both = {"when": None, "synonyms": [{"words": ["Sofas", "couch", "settee"]}]}
    assert told("red couches", both) == {"couch": ["sofa", "settee"]}
    assert told("sofa", both) == {"sofa": ["couch", "settee"]}
    one = {"when": None, "synonyms": [{"from": "tablet", "words": ["ipad", "galaxy tab"]}]}
    assert told("tablet", one) == {"tablet": ["ipad", "galaxi tab"]}
    assert told("ipad", one) == {}
    assert told("sofa tablet", both, one) == {"sofa": ["couch", "settee"], "tablet": ["ipad", "galaxi tab"]}


def test_the_longest_words_from_the_left_are_taken() -> None:
    synonyms = [{"words": ["coffee", "java"]}, {"words": ["coffee maker", "brewer"]}, {"words": ["maker", "machine"]}]
    record = {"when": None, "synonyms": synonyms}
    assert told("coffee maker", record) == {"coffee maker": ["brewer"]}
    assert told("coffee machine", record) == {"coffee": ["java"], "machine": ["maker"]}


def test_synonyms_are_those_of_the_query_as_it_was_read() -> None:
    made = rules({"when": None, "synonyms": [{"words": ["sofa", "couch"]}]})
    assert made.active("sofaa", {}, NOON) is UNTOUCHED
    assert list(made.active("sofaa", {}, NOON, corrected="sofa").synonyms) == [("sofa",)]


def test_synonyms_keep_to_their_condition_and_dates() -> None:
    record = {"when": {"where": {"categories": ["Garden"]}}, "synonyms": [{"words": ["pot", "planter"]}]}
    assert told("pot", record) == {}
    assert told("pot", record, where={"categories": ["Garden"]}) == {"pot": ["planter"]}
    over = {"when": None, "synonyms": [{"words": ["pot", "planter"]}], "end": NOON.isoformat()}
    assert told("pot", over) == {}
    assert active({"synonyms": [{"words": ["pot", "planter"]}]}, query="lamp") is UNTOUCHED


QUERY = st.lists(st.sampled_from(["red", "blue", "sofa", "lamp"]), max_size=3).map(" ".join)
VALUES = st.lists(
    st.sampled_from(["Home", "Home > Living", "Home > Living > Sofas", "Garden"]), max_size=2, unique=True
)
SEGMENTS = st.lists(st.sampled_from(["vip", "Loyalty:Gold", "b2b"]), max_size=2, unique=True)
LISTS = ("search", "home", "similar", "cart")
CONDITION = st.builds(
    lambda query, match, categories, segments, placements, anchor: {
        **({"query": query, "match": match} if query and set(placements) <= {"search"} else {}),
        **({"where": {"categories": categories}} if categories else {}),
        **({"segments": segments} if segments else {}),
        **({"placements": placements} if placements else {}),
        **({"anchor": {"categories": anchor}} if anchor and placements and set(placements) <= {*LISTS[2:]} else {}),
    },
    QUERY,
    st.sampled_from(["exact", "contains"]),
    VALUES,
    SEGMENTS,
    st.lists(st.sampled_from(LISTS), max_size=3, unique=True),
    VALUES,
)


def holds(when: dict[str, Any], query: str, chosen: list[str], who: list[str], list_: str, start: list[int]) -> bool:
    """One condition, by hand."""

    def within(path: str, wanted: list[str]) -> bool:
        return any(path == one or path.startswith(f"{one} > ") for one in wanted)

    words, asked = when.get("query", "").split(), query.split()
    said = not words or (words == asked if when["match"] == "exact" else set(words) <= set(asked))
    narrowed = not when.get("where") or (
        bool(chosen) and all(within(path, when["where"]["categories"]) for path in chosen)
    )
    meant = not when.get("segments") or bool({one.lower() for one in when["segments"]} & {*who})
    begun = not when.get("anchor") or any(
        within(path, when["anchor"]["categories"]) for row in start for path in PRODUCTS[row].categories
    )
    return list_ in (when.get("placements") or ["search"]) and said and narrowed and meant and begun


@given(
    conditions=st.lists(CONDITION, max_size=8),
    query=QUERY,
    categories=VALUES,
    who=st.lists(st.sampled_from(["vip", "loyalty:gold", "nobody"]), max_size=2, unique=True),
    list_=st.sampled_from(LISTS),
    start=st.lists(ROWS, max_size=2),
)
def test_the_rules_found_are_those_that_hold_one_by_one(
    conditions: list[dict[str, Any]], query: str, categories: list[str], who: list[str], list_: str, start: list[int]
) -> None:
    where = {"categories": categories} if categories else {}
    query, start = (query, []) if list_ == "search" else ("", start if list_ in ("similar", "cart") else [])
    given_ = [when or {"always": True} for when in conditions]
    made = rules(*({**pins((n, n + 1)), "when": when} for n, when in enumerate(given_)))
    alone = [f"r{n}" for n, when in enumerate(given_) if holds(when, query, categories, who, list_, start)]
    segments = frozenset(who)
    if list_ == "search":
        found = made.active(query, where, NOON, segments=segments)
    else:
        asked = Request(list_, NOON, where=where, anchors=np.array(start, np.int32))
        found = made.recommended(asked, NOON, segments)
    assert found.rules == tuple(alone)
    assert made.segmented == any("segments" in when for when in given_)


# --- lists that a policy ordered --------------------------------------------------------------------------------------

GROUPS = np.array([0, 0, 1, 1, 1, *range(2, N - 3)], np.int32)


@given(
    order=st.permutations(range(N)),
    one_each=st.booleans(),
    placed=st.lists(
        st.tuples(st.integers(0, 10), st.integers(1, 20)),
        max_size=4,
        unique_by=(lambda pin: pin[0], lambda pin: pin[1]),
    ),
)
def test_pins_take_their_places_in_what_a_policy_ordered(
    order: list[int], one_each: bool, placed: list[tuple[int, int]]
) -> None:
    scored = ranked({row: float(N - row) for row in range(N)})
    ordered = scored.take(np.array(order))
    if one_each:
        ordered = OnePerGroup(GROUPS).apply(Request("home", NOON), ordered)
    applied = rules(*([pins(*placed)] if placed else [])).active("", {}, NOON)
    found = applied.arranged(ordered, scored, GROUPS)
    kept = ordered.rows.tolist()
    lost = {int(GROUPS[row]) for row, _ in placed if row not in kept}
    expected = [row for row in kept if row not in dict(placed) and GROUPS[row] not in lost]
    for row, position in sorted(placed, key=lambda pin: pin[1]):
        expected.insert(position - 1, row)
    assert found.rows.tolist() == expected
    assert all(found.scores == N - found.rows)
    if not placed:
        assert found is ordered


def test_what_rules_add_can_be_taken_off_again() -> None:
    scored = ranked({0: 1.0, 1: 3.0, 2: 2.0})
    applied = active({"boosts": [{"products": ["p0"], "by": 1}, {"products": ["p1"], "by": -0.5}]})
    lifted = applied.lifted(scored)
    assert lifted.scores.tolist() == [3.0, 2.0, 2.0]
    assert applied.plain(lifted.take([2, 0])).scores.tolist() == [2.0, 1.0]
    assert applied.plain(scored) is scored


def test_rules_of_rows_that_a_list_does_not_reach_do_nothing_there() -> None:
    applied = active(pins((2, 1), (9, 2), hide={"products": ["p3", "p10"]}))
    near = applied.within(9)
    assert [pin.row for pin in near.pins] == [2]
    assert near.hidden.tolist() == [3]
    assert near.narrowed(np.ones(9, bool)).tolist() == [True] * 3 + [False] + [True] * 5
    assert applied.within(N) is applied
    assert near.pinned(np.zeros(9, bool)).tolist() == []


def test_a_list_of_products_is_sent_nowhere_and_a_lost_field_silences_its_rule() -> None:
    told = {"redirect": "/x", "banner": {"text": "Both"}, "when": {"placements": ["search", "home"]}}
    made = rules(told, {**pins((1, 1)), "when": {"placements": ["similar"], "anchor": {"colour": ["red"]}}})
    assert made.active("", {}, NOON).redirect == "/x"
    home = made.recommended(Request("home", NOON), NOON)
    assert home.redirect == ""
    assert [banner.text for banner in home.banners] == ["Both"]
    assert made.broken["r1"][0][0] == "when.anchor.colour"
    assert made.recommended(Request("similar", NOON, anchors=np.array([1], np.int32)), NOON) is UNTOUCHED


def test_synonyms_are_those_of_the_segments_that_ask() -> None:
    made = rules({"when": {"segments": ["VIP"]}, "synonyms": [{"words": ["pot", "planter"]}]})
    assert made.active("pot", {}, NOON) is UNTOUCHED
    assert list(made.active("pot", {}, NOON, segments=frozenset(["vip"])).synonyms) == [("pot",)]
