"""Which lanes fill each kind of list, and which signals its readable score is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mercato.catalog import Catalog
from mercato.rank.boosted import Boosted
from mercato.rank.features import FACT, columns
from mercato.rank.linear import Linear, Signal
from mercato.rank.mixed import TAKEN, Mixed
from mercato.settings import Settings

Score = Linear | Boosted
"""A score over notes that can be taken apart."""

NEW = ("sequence", "transitions", "ease", "content", "next", "neighbours", "taste", "social", "kin")
"""The lanes that find what a shopper never had."""

POOLS: Mapping[str, tuple[str, ...]] = {
    "home": ("lately", "habit", *NEW, "recent", "popular"),
    "email": ("lately", "habit", "popular"),
    "discover": (*NEW, "recent", "popular"),
    "tail": (*NEW, "recent"),
    "buy-again": ("lately", "habit"),
    "similar": ("similar", "beside"),
    "together": ("together",),
    "cart": ("together", "beside"),
    "session": ("recent", "together", "similar", "neighbours", "sequence", "transitions"),
}
"""Which lanes fill the pool of each placement."""

SCORES: Mapping[str, str] = {
    "home": "again",
    "email": "again",
    "buy-again": "again",
    "discover": "new",
    "tail": "tail",
    "similar": "similar",
    "together": "basket",
    "cart": "basket",
    "session": "session",
}
"""Which readable score orders each placement."""

NEW_EVERY = 3
"""Every which place of *home* is for what its shopper never bought, where nothing was learned."""

SEARCH = "search"
"""The score that orders what a query matches; no placement of its own."""

MATCHED = frozenset({"words", "exact", "looks"})
"""Terms of the search score that say how well a product matches; clicks on what was shown cannot tell their worth."""

FACTS: Mapping[str, str] = {"cheap": "price", "stock": "stock", "fresh": "freshness", "rating": "rating"}
"""What the catalogue says of a product (rank.features.Facts) → the term of the search score it counts under."""

MIXED = ("home",)
"""Placements that keep every few places for something new."""


def hints(settings: Settings, catalog: Catalog) -> dict[str, tuple[Signal, ...]]:
    """The signals of each score with the weights used until enough behaviour was seen to learn them."""
    shared = columns(catalog, settings.shop.relations)
    attribute = [Signal("profile:category", "attribute", 0.2), Signal("lane:content", "attribute", 1.0, 0.3)]
    relation = [Signal(f"profile:{name}", "relation", 0.1) for name in shared if name != "category"]
    behaviour = [
        Signal("lane:sequence", "behaviour", 0.5, 1.0),
        Signal("lane:next", "behaviour", 0.3, 0.1),
        Signal("lane:transitions", "behaviour", 0.5, 0.1),
        Signal("lane:ease", "behaviour", 0.3, 0.1),
        Signal("lane:social", "behaviour", 0.3, 0.01),
        Signal("lane:neighbours", "behaviour", 0.3, 0.1),
        Signal("lane:taste", "behaviour", 0.6, 0.1),
    ]
    popular = [Signal("lane:popular", "popularity", 0.2, 10.0)]
    repeat = [Signal("lane:lately", "behaviour", 0.5, 0.1), Signal("lane:habit", "behaviour", 1.0)]
    anchored = [
        Signal("lane:together", "behaviour", 1.0, 0.05),
        Signal("lane:beside", "behaviour", 0.3, 0.1),
        Signal("lane:taste", "behaviour", 0.1, 0.1),
        Signal("lane:habit", "behaviour", 0.1),
        *popular,
    ]
    return {
        "again": (*repeat, *popular),
        "new": (*behaviour, *attribute, *relation, *popular),
        "cold": (Signal("lane:kin", "behaviour", 0.5, 1.0), *attribute, *relation),
        "basket": tuple(anchored),
        "similar": (
            Signal("lane:similar", "attribute", 2.0, 0.3),
            Signal("lane:beside", "behaviour", 0.6, 0.1),
            *(Signal(signal.note, signal.term, 0.05) for signal in relation),
        ),
        SEARCH: (
            Signal("lane:exact", "exact", 20.0),
            Signal("lane:words", "words", 4.0),
            Signal("lane:every", "words", 0.6),
            Signal("lane:meaning", "meaning", 2.0),
            Signal("lane:need", "need", 9.0),
            Signal("lane:number", "exact", 2.0),
            Signal("lane:looks", "looks", 12.0),
            Signal("lane:asked", "attribute", 0.5),
            Signal("lane:popular", "popularity", 0.12, 10.0),
            Signal("lane:habit", "behaviour", 0.25),
            Signal("lane:taste", "behaviour", 0.4, 0.1),
            Signal("profile:category", "attribute", 0.03),
            *(Signal(signal.note, signal.term, 0.02) for signal in relation),
            # worth nothing until clicks say otherwise
            *(Signal(f"{FACT}{name}", term, 0.0) for name, term in FACTS.items()),
        ),
    }


def complete(
    settings: Settings,
    learned: Mapping[str, Linear],
    hinted: Mapping[str, Sequence[Signal]],
    trees: Mapping[str, Boosted] = MappingProxyType({}),
) -> dict[str, Score]:
    """Every score the placements need: the learned ones, the hinted ones, and what the shop's policy adds.

    Where ``trees`` were better they rank, of a search what the sum puts first (rank.cascade); *tail* and *session*
    leave signals out or add some, which trees cannot.

    ``recent`` (what the shopper just chose) has no labels in purchase data: its weight is the shop's choice.
    """
    now = Signal("lane:recent", "session", settings.lists.recent_weight, 0.05)
    scores: dict[str, Score] = {name: learned.get(name, Linear(tuple(signals))) for name, signals in hinted.items()}
    new, basket = scores["new"].signals, scores["basket"].signals
    for name in ("again", "new", "basket"):
        extra = (now,) if name != "basket" else ()
        found = trees.get(name)
        readable = Linear((*scores[name].signals, *extra))
        scores[name] = readable if found is None else replace(found, extra=Linear(extra), first=readable)
    if SEARCH in trees:
        scores[SEARCH] = trees[SEARCH]
    scores["tail"] = Linear((*(signal for signal in new if signal.term != "popularity"), now))
    scores["session"] = Linear((*basket, now, Signal("lane:similar", "attribute", 0.5, 0.3)))
    return scores


def ordering(
    settings: Settings, weights: Mapping[str, Score], placement: str, new_every: int = NEW_EVERY
) -> tuple[Score | Mixed, tuple[str, ...]]:
    """What orders a placement, and the names of the scores in it; ``new_every`` counts where the settings leave it to
    what was learned."""
    own = SCORES[placement]
    name = "new" if placement in MIXED else own
    if name not in ("new", "tail"):
        return weights[name], (name,)
    share = settings.lists.arrivals.get(placement, 0.0)
    fresh = Mixed(weights[name], weights["cold"], round(1 / min(share, 0.5)) if share > 0 else 0, TAKEN)
    if placement not in MIXED:
        return fresh, (name, "cold")
    return Mixed(weights[own], fresh, settings.lists.new_every or new_every), (own, name, "cold")


def silent_lanes(weights: Mapping[str, Score], names: Sequence[str]) -> set[str]:
    """Lanes that every one of the named scores learned to give no weight: asking them would only cost time."""
    said = [signal for name in names for signal in weights[name].signals]
    heard = {signal.note for signal in said if signal.weight > 0}
    return {signal.note.removeprefix("lane:") for signal in said if signal.note not in heard}
