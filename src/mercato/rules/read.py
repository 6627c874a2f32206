"""A rule's JSON in, the Rule out, or what is wrong with it, where, and what to do; and back."""

from __future__ import annotations

import re
from typing import Any

from mercato.codec import banner_to_dict, from_time
from mercato.errors import RequestError
from mercato.rules.fields import address, entries, fields, filter_of, flag, moment, needed_text, text, whole
from mercato.rules.rule import SEARCH, Boost, Pin, Rule, Run, Some, Synonym, run_of
from mercato.rules.when import when_from_dict, when_to_dict
from mercato.schema import Banner

LAST_POSITION = 1000
MOST_PINS = 300
MOST_PRODUCTS = 1000
MOST_BOOSTS = 50
MOST_SYNONYMS = 1000
MOST_WORDS = 50
LONGEST_RUN = 5
MOST_PRIORITY = 1000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = frozenset({"versions"})  # an address of its own: /v1/rules/versions
_FIELDS = (
    "id", "note", "enabled", "priority", "start", "end", "when", "pins", "hide", "boosts", "banner", "redirect",
    "synonyms",
)  # fmt: skip


def rule_from_dict(record: Any, where: str = "") -> Rule:
    """The rule that ``record`` (see ``rule_to_dict``) writes down; ``where`` is the path of the record itself.

    Raises RequestError for an unknown or missing field, a value of another kind or out of range, a rule without a
    condition or without anything to do, reversed dates, or a synonym of itself.
    """
    given = fields(record, where, _FIELDS)
    at = f"{where}." if where else ""
    hide = _some(given["hide"], f"{at}hide") if given.get("hide") is not None else Some()
    rule = Rule(
        id=_id(given.get("id"), f"{at}id"),
        when=when_from_dict(given.get("when"), f"{at}when"),
        pins=entries(given.get("pins"), f"{at}pins", MOST_PINS, _pin),
        hide=hide,
        boosts=entries(given.get("boosts"), f"{at}boosts", MOST_BOOSTS, _boost),
        banner=None if given.get("banner") is None else _banner(given["banner"], f"{at}banner"),
        redirect=address(given.get("redirect"), f"{at}redirect"),
        synonyms=entries(given.get("synonyms"), f"{at}synonyms", MOST_SYNONYMS, _synonym),
        priority=whole(given.get("priority", 0), f"{at}priority", -MOST_PRIORITY, MOST_PRIORITY),
        start=moment(given.get("start"), f"{at}start"),
        end=moment(given.get("end"), f"{at}end"),
        enabled=flag(given.get("enabled", True), f"{at}enabled"),
        note=text(given.get("note"), f"{at}note"),
    )
    _check_whole(rule, at)
    return rule


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """The rule as JSON; what is empty is left out, ``id``, ``enabled``, ``priority`` and ``when`` are always there."""
    record: dict[str, Any] = {
        "start": from_time(rule.start),
        "end": from_time(rule.end),
        "note": rule.note,
        "pins": [{"product": pin.product, "position": pin.position} for pin in rule.pins],
        "hide": _some_to_dict(rule.hide),
        "boosts": [{**_some_to_dict(boost.some), "by": boost.by} for boost in rule.boosts],
        "banner": None if rule.banner is None else banner_to_dict(rule.banner),
        "redirect": rule.redirect,
        "synonyms": [_synonym_to_dict(synonym) for synonym in rule.synonyms],
    }
    filled = {name: value for name, value in record.items() if value not in (None, "", [], {})}
    when = when_to_dict(rule.when)
    return {"id": rule.id, "enabled": rule.enabled, "priority": rule.priority, "when": when, **filled}


def _some_to_dict(some: Some) -> dict[str, Any]:
    products = {"products": list(some.products)} if some.products else {}
    return {**products, "where": dict(some.where)} if some.where else products


def _synonym_to_dict(synonym: Synonym) -> dict[str, Any]:
    source = {"from": synonym.source} if synonym.source else {}
    return {**source, "words": list(synonym.words)}


def _check_whole(rule: Rule, at: str) -> None:
    """What no single field can tell."""
    if not rule.acts and not rule.synonyms:
        hint = "give it pins, hide, boosts, a banner, a redirect or synonyms"
        raise RequestError("the rule does nothing", where=at.rstrip(".") or "rule", hint=hint)
    if rule.acts and not rule.when.asks:
        hint = 'give a query, a where, segments, placements, or {"always": true}; only synonyms do without'
        raise RequestError("the rule has no condition", where=f"{at}when", hint=hint)
    for name in ("redirect", "synonyms") if SEARCH not in rule.when.places else ():
        if getattr(rule, name):
            hint = "take it out, or name search among the placements"
            raise RequestError(f"a list that nobody searched has no {name}", where=f"{at}{name}", hint=hint)
    if rule.start is not None and rule.end is not None and rule.start >= rule.end:
        what = f"the rule ends ({from_time(rule.end)}) before it starts ({from_time(rule.start)})"
        raise RequestError(what, where=f"{at}end", hint="the dates are reversed?")
    _unlike([pin.product for pin in rule.pins], f"{at}pins", "product", "pin a product once")
    _unlike([pin.position for pin in rule.pins], f"{at}pins", "position", "one place holds one product")
    if both := sorted({pin.product for pin in rule.pins} & set(rule.hide.products)):
        raise RequestError(f"{both[0]!r} is both pinned and hidden", where=f"{at}hide.products", hint="choose one")


def _unlike(values: list[Any], where: str, name: str, hint: str) -> None:
    seen: dict[Any, int] = {}
    for place, value in enumerate(values):
        if value in seen:
            what = f"{value!r} stands there twice (also in {where}[{seen[value]}])"
            raise RequestError(what, where=f"{where}[{place}].{name}", hint=hint)
        seen[value] = place


def _pin(value: Any, where: str) -> Pin:
    given = fields(value, where, ("product", "position"))
    product = needed_text(given.get("product"), f"{where}.product")
    return Pin(product, whole(given.get("position"), f"{where}.position", 1, LAST_POSITION))


def _some(value: Any, where: str, *, also: tuple[str, ...] = ()) -> Some:
    given = fields(value, where, ("products", "where", *also))
    products = entries(given.get("products"), f"{where}.products", MOST_PRODUCTS, needed_text)
    some = Some(tuple(dict.fromkeys(products)), filter_of(given.get("where"), f"{where}.where"))
    if not some:
        raise RequestError("no product is meant", where=where, hint="give products (ids) or a where (a filter)")
    return some


def _boost(value: Any, where: str) -> Boost:
    some = _some(value, where, also=("by",))
    by = value.get("by")
    if isinstance(by, bool) or not isinstance(by, int | float) or not -1 <= by <= 1 or by == 0:
        hint = "0.5 lifts by half of the list's spread of scores, -1 buries"
        raise RequestError(f"by goes from -1 to 1 and is not 0, not {by!r}", where=f"{where}.by", hint=hint)
    return Boost(some, float(by))


def _banner(value: Any, where: str) -> Banner:
    given = fields(value, where, ("text", "url", "image"))
    said = needed_text(given.get("text"), f"{where}.text")
    return Banner(said, address(given.get("url"), f"{where}.url"), address(given.get("image"), f"{where}.image"))


def _synonym(value: Any, where: str) -> Synonym:
    given = fields(value, where, ("words", "from"))
    source = text(given.get("from"), f"{where}.from")
    words = entries(given.get("words"), f"{where}.words", MOST_WORDS, needed_text)
    if len(words) + bool(source) < 2:
        hint = 'give two words or more, or {"from": word, "words": [what also stands for it]}'
        raise RequestError("a synonym needs another word", where=f"{where}.words", hint=hint)
    seen: dict[Run, str] = {_run(source, f"{where}.from"): source} if source else {}
    for place, one in enumerate(words):
        run = _run(one, f"{where}.words[{place}]")
        if run in seen:
            what = f"{one!r} would be a synonym of itself: the shop reads {seen[run]!r} as the same word"
            raise RequestError(what, where=f"{where}.words[{place}]", hint="leave it out")
        seen[run] = one
    return Synonym(words, source)


def _run(words: str, where: str) -> Run:
    run = run_of(words)
    if not 1 <= len(run) <= LONGEST_RUN:
        hint = f"one to {LONGEST_RUN} words"
        raise RequestError(f"{words!r} is read as {len(run)} words", where=where, hint=hint)
    return run


def _id(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in _RESERVED:
        hint = "letters, digits, dot, dash and underscore, at most 64, such as summer-sofas"
        raise RequestError(f"{value!r} is no id of a rule", where=where, hint=hint)
    return value
