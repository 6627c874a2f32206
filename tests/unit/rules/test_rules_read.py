"""Rules as JSON: what is written comes back, what makes no sense is refused with what, where and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.errors import RequestError
from mercato.rules import Rule, check_together, rule_from_dict, rule_to_dict, run_of, segments_of

FULL: dict[str, Any] = {
    "id": "summer-sofas",
    "enabled": False,
    "priority": -3,
    "when": {"query": "sofa", "match": "contains", "where": {"categories": ["Home > Living"]}},
    "start": "2026-06-01T00:00:00Z",
    "end": "2026-09-01T00:00:00Z",
    "note": "the supplier pays for it",
    "pins": [{"product": "p1", "position": 1}, {"product": "nobody", "position": 7}],
    "hide": {"products": ["p2"], "where": {"price": {"min": 900}}},
    "boosts": [{"where": {"brand": ["Acme"]}, "by": 0.3}, {"products": ["p3"], "by": -1.0}],
    "banner": {"text": "Sofas, 20 % off", "url": "/sale", "image": "https://shop.test/a.png"},
    "redirect": "https://shop.test/sofas?x=1",
    "synonyms": [{"words": ["sofa", "couch"]}, {"from": "tablet", "words": ["ipad", "galaxy tab"]}],
}
PIN = {"id": "r", "when": {"query": "sofa"}, "pins": [{"product": "p1", "position": 1}]}


def test_what_is_written_comes_back() -> None:
    rule = rule_from_dict(FULL)
    assert rule_to_dict(rule) == FULL
    assert rule.start == datetime(2026, 6, 1, tzinfo=UTC)
    assert rule.products == ("p1", "nobody", "p2", "p3")
    least = rule_from_dict({"id": "r", "synonyms": [{"words": ["a", "b"]}]})
    assert rule_to_dict(least) == {
        "id": "r", "enabled": True, "priority": 0, "when": {}, "synonyms": [{"words": ["a", "b"]}],
    }  # fmt: skip
    assert rule_from_dict(rule_to_dict(least)) == least


def test_who_asks_for_which_list_comes_back_too() -> None:
    when = {
        "where": {"brand": ["Acme"]}, "segments": ["VIP", "loyalty:gold"], "placements": ["similar", "cart"],
        "anchor": {"categories": ["Home > Living"], "price": {"max": 90}},
    }  # fmt: skip
    rule = rule_from_dict({**PIN, "when": {**when, "segments": ["VIP", "loyalty:gold", " vip "]}})
    assert rule.when.segments == ("VIP", "loyalty:gold"), "each once, as first written"
    assert rule_to_dict(rule)["when"] == when
    assert rule_from_dict(rule_to_dict(rule)) == rule
    assert rule_from_dict({**PIN, "when": {"query": "sofa"}}).when.places == ("search",)
    for told in ({"segments": ["vip"]}, {"placements": ["home"]}, {"always": True, "segments": ["vip"]}):
        assert rule_to_dict(rule_from_dict({**PIN, "when": told}))["when"] == told


def test_segments_are_compared_without_case_spaces_and_commas() -> None:
    assert segments_of(["VIP", " vip", "income: 35,000"]) == ("income: 35 000", "vip")
    assert segments_of(()) == ()
    for given_, field, what in (
        ([" "], "segments[0]", "no segment"),
        (["vip", "x" * 101], "segments[1]", "no segment"),
        ([None], "segments[0]", "no segment"),
        ([f"s{n}" for n in range(21)], "segments", "too many"),
    ):
        with pytest.raises(RequestError, match=what) as raised:
            segments_of(given_)
        assert raised.value.where == field


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"id": "two words"}, "id", "no id"),
    ({"id": "versions"}, "id", "no id"),
    ({"id": 7}, "id", "no id"),
    ({"when": None}, "when", "no condition"),
    ({"when": {}}, "when", "no condition"),
    ({"when": {"query": " "}}, "when", "no condition"),
    ({"when": {"query": "!!!"}}, "when.query", "no word"),
    ({"when": {"query": "sofa", "match": "fuzzy"}}, "when.match", "fuzzy"),
    ({"when": {"query": "sofa", "always": True}}, "when.always", "nothing to ask"),
    ({"when": {"where": {"price": {"max": 5}}}}, "when.where.price", "list of values"),
    ({"when": {"where": {"brand": []}}}, "when.where.brand", "list of values"),
    ({"when": {"segment": "vip"}}, "when.segment", "no field"),
    ({"when": {"segments": "vip"}}, "when.segments", "a list"),
    ({"when": {"segments": ["vip", " "]}}, "when.segments[1]", "nothing in it"),
    ({"when": {"segments": ["vip, gold"]}}, "when.segments[0]", "no segment"),
    ({"when": {"segments": ["x" * 101]}}, "when.segments[0]", "no segment"),
    ({"when": {"segments": [7]}}, "when.segments[0]", "no text"),
    ({"when": {"segments": [f"s{n}" for n in range(51)]}}, "when.segments", "too many"),
    ({"when": {"segments": []}}, "when", "no condition"),
    ({"when": {"placements": ["shelf"]}}, "when.placements[0]", "no placement"),
    ({"when": {"placements": "home"}}, "when.placements", "a list"),
    ({"when": {"placements": ["search", "home"], "query": "sofa"}}, "when.query", "no query"),
    ({"when": {"placements": ["similar", "home"], "anchor": {"brand": ["A"]}}}, "when.anchor", "starts from"),
    ({"when": {"anchor": {"brand": ["A"]}}}, "when.anchor", "starts from"),
    ({"when": {"placements": ["cart"], "anchor": {"brand": "A"}}}, "when.anchor.brand", "list of values"),
    ({"when": {"placements": ["cart"], "anchor": {"brand": ["A"]}, "always": True}}, "when.always", "nothing to ask"),
    ({"when": {"placements": ["home"]}, "redirect": "/sale"}, "redirect", "no redirect"),
    ({"when": {"placements": ["home"]}, "synonyms": [{"words": ["a", "b"]}]}, "synonyms", "no synonyms"),
    ({"pins": [{"product": "p1", "position": 0}]}, "pins[0].position", "position is 0"),
    ({"pins": [{"product": "p1", "position": 1001}]}, "pins[0].position", "1001"),
    ({"pins": [{"product": "p1", "position": True}]}, "pins[0].position", "True"),
    ({"pins": [{"product": "p1", "position": 1.5}]}, "pins[0].position", "1.5"),
    ({"pins": [{"product": "p1"}]}, "pins[0].position", "None"),
    ({"pins": [{"product": "", "position": 1}]}, "pins[0].product", "nothing in it"),
    ({"pins": [{"product": f"p{n}", "position": 3} for n in range(2)]}, "pins[1].position", "twice"),
    ({"pins": [{"product": "p1", "position": n + 1} for n in range(2)]}, "pins[1].product", "twice"),
    ({"pins": {"p1": 1}}, "pins", "a list"),
    ({"pins": [{"product": f"p{n}", "position": n + 1} for n in range(301)]}, "pins", "too many"),
    ({"hide": {"products": ["p1"]}}, "hide.products", "both pinned and hidden"),
    ({"hide": {"where": {}}}, "hide", "no product is meant"),
    ({"hide": {"where": {"brand": [None]}}}, "hide.where.brand", "a text or a number"),
    ({"boosts": [{"by": 1}]}, "boosts[0]", "no product is meant"),
    ({"boosts": [{"products": ["p1"], "by": 0}]}, "boosts[0].by", "not 0"),
    ({"boosts": [{"products": ["p1"], "by": 1.1}]}, "boosts[0].by", "1.1"),
    ({"boosts": [{"products": ["p1"], "by": float("nan")}]}, "boosts[0].by", "nan"),
    ({"boosts": [{"products": ["p1"], "by": "much"}]}, "boosts[0].by", "much"),
    ({"banner": {"text": " "}}, "banner.text", "nothing in it"),
    ({"banner": {"text": "x", "url": "javascript:alert(1)"}}, "banner.url", "no address"),
    ({"banner": {"text": "x" * 501}}, "banner.text", "no text"),
    ({"banner": {"text": "\ud800"}}, "banner.text", "no text"),
    ({"start": "2026-09-01", "end": "2026-06-01"}, "end", "before it starts"),
    ({"start": "2026-09-01", "end": "2026-09-01"}, "end", "before it starts"),
    ({"start": "yesterday"}, "start", "is not a time"),
    ({"priority": 1.5}, "priority", "1.5"),
    ({"enabled": "no"}, "enabled", "neither true nor false"),
    ({"pin": []}, "pin", "no field"),
    ({"synonyms": [{"words": ["sofa"]}]}, "synonyms[0].words", "another word"),
    ({"synonyms": [{"words": ["sofa", "Sofas"]}]}, "synonyms[0].words[1]", "synonym of itself"),
    ({"synonyms": [{"words": ["wd-40", "WD40"]}]}, "synonyms[0].words[1]", "synonym of itself"),
    ({"synonyms": [{"from": "sofa", "words": ["couch", "sofa"]}]}, "synonyms[0].words[1]", "synonym of itself"),
    ({"synonyms": [{"words": ["sofa", "?"]}]}, "synonyms[0].words[1]", "0 words"),
    ({"synonyms": [{"words": ["sofa", "a thing to sit on at home"]}]}, "synonyms[0].words[1]", "words"),
]


@pytest.mark.parametrize(("change", "where", "what"), REFUSED)
def test_nonsense_is_refused_with_what_where_and_what_to_do(change: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(RequestError) as refused:
        rule_from_dict({**PIN, **change}, "rules[4]")
    assert refused.value.where == f"rules[4].{where}"
    assert what in refused.value.what
    assert refused.value.hint


def test_a_rule_that_does_nothing_and_what_is_no_rule_are_refused() -> None:
    with pytest.raises(RequestError, match="does nothing"):
        rule_from_dict({"id": "r", "when": {"always": True}})
    for nonsense in ([], "rule", None, 3):
        with pytest.raises(RequestError, match="JSON object"):
            rule_from_dict(nonsense)


@pytest.mark.parametrize("url", ["/sale", "/search?q=a%20b#top", "http://shop.test", "https://shop.test:8443/a?b=c"])
def test_addresses_shoppers_may_be_sent_to(url: str) -> None:
    assert rule_from_dict({"id": "r", "when": {"always": True}, "redirect": url}).redirect == url


@pytest.mark.parametrize(
    "url",
    ["//evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "data:text/html,x", "ftp://a.test", "sale",
     "http://", "https:shop.test", "http:///path", "/a b", "/a\nb", "http://[::1", "mailto:a@b.c", "?q=1"],
)  # fmt: skip
def test_addresses_they_may_not(url: str) -> None:
    with pytest.raises(RequestError, match="no address") as refused:
        rule_from_dict({"id": "r", "when": {"always": True}, "redirect": url})
    assert refused.value.where == "redirect"


def synonyms(rule_id: str, *ways: tuple[str, str], enabled: bool = True) -> Rule:
    told = [{"from": source, "words": [word]} for source, word in ways]
    return rule_from_dict({"id": rule_id, "enabled": enabled, "synonyms": told})


def test_one_way_synonyms_in_a_circle_are_refused() -> None:
    with pytest.raises(RequestError) as refused:
        check_together([synonyms("a", ("tablet", "ipad")), synonyms("b", ("iPads", "pad"), ("pad", "tablets"))])
    assert "tablet" in refused.value.what
    assert "→" in refused.value.what
    assert refused.value.where == "synonyms of a, b"
    check_together([synonyms("a", ("tablet", "ipad")), synonyms("b", ("ipad", "tablet"), enabled=False)])
    check_together([synonyms("a", ("tablet", "ipad")), synonyms("b", ("ipad", "apple"), ("tablet", "apple"))])


def test_an_id_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="same id") as refused:
        check_together([synonyms("a", ("b", "c")), synonyms("a", ("d", "e"))])
    assert refused.value.where == "rules[1].id"


def reachable(edges: list[tuple[str, str]], start: str) -> set[str]:
    found: set[str] = set()
    queue = [start]
    while queue:
        here = queue.pop()
        for source, word in edges:
            if source == here and word not in found:
                found.add(word)
                queue.append(word)
    return found


@given(edges=st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde")), max_size=8))
def test_circles_are_found_as_by_walking(edges: list[tuple[str, str]]) -> None:
    edges = [(source, word) for source, word in edges if source != word]
    rules = [synonyms(f"r{n}", edge) for n, edge in enumerate(edges)]
    if any(letter in reachable(edges, letter) for letter in "abcde"):
        with pytest.raises(RequestError, match="circle"):
            check_together(rules)
    else:
        check_together(rules)


def test_a_rule_is_in_force_from_its_start_up_to_its_end() -> None:
    rule = rule_from_dict({**PIN, "start": "2026-06-01", "end": "2026-06-02"})
    day = datetime(2026, 6, 1, tzinfo=UTC)
    assert rule.state(day.replace(month=5)) == "waiting"
    assert rule.state(day) == "in force"
    assert rule.state(day.replace(hour=23)) == "in force"
    assert rule.state(day.replace(day=2)) == "over"
    assert rule_from_dict({**PIN, "enabled": False}).state(day) == "off"


def test_words_are_read_as_queries_are() -> None:
    assert run_of("Crème  Brûlées") == run_of("creme brulee")
    assert run_of("2 Litres") == run_of("2l")
    assert run_of("!!!") == ()
