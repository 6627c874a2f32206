"""The log in, lists with what was wanted out: a time-respecting replay of what the engine would have shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from mercato.engine import Engine
from mercato.feedback.histories import Events
from mercato.rank.train import Example
from mercato.schema import GRADES, Ranking, Request, Rows

DAY = 86_400
_BUY = GRADES["purchase-complete"]


@dataclass(frozen=True)
class Split:
    """The log cut in two at ``cut`` (UTC seconds): what may be learned from, and what came after."""

    cut: int
    past: Events
    future: Events


def split(events: Events, end: int, window_days: int, least: float = 0.2) -> Split:
    """Everything before ``end`` − window is the past; the window up to ``end`` the future. Later events are dropped.

    Where fewer than ``least`` of the shoppers have both (a short log, or made-up times), each shopper's last basket
    is the future instead, as of ``end`` (``last_out``); that may look at what other shoppers did later.
    """
    cut = end - window_days * DAY
    known = events.at < end
    past, future = events.where(known & (events.at < cut)), events.where(known & (events.at >= cut))
    both = np.intersect1d(past.owner, future.owner)
    if len(both) >= least * len(np.unique(events.owner)):
        return Split(cut, past, future)
    return last_out(events.where(known), end)


def last_out(events: Events, end: int) -> Split:
    """Each shopper's last basket as the future, all before it as the past; where that basket is more than half of what
    they did, their last event alone. A shopper with one event keeps it."""
    if not len(events):
        return Split(end, events, events)
    _, shopper, counts = np.unique(events.owner, return_inverse=True, return_counts=True)
    last = np.cumsum(counts) - 1
    held = events.baskets == events.baskets[last][shopper]
    large = 2 * np.bincount(shopper, weights=held) > counts
    place = np.arange(len(events))
    held = np.where(large[shopper], place == last[shopper], held) & (counts[shopper] > 1)
    return Split(end, events.where(~held), events.where(held))


def next_new(parts: Split) -> tuple[NDArray[np.int64], Rows]:
    """(owner, row): the first product new to each shopper who has a past that they took in the future."""
    past, future = parts.past, parts.future
    size = int(max(past.rows.max(initial=0), future.rows.max(initial=0))) + 1
    known = np.isin(future.owner * size + future.rows, past.owner * size + past.rows)
    fresh = np.flatnonzero(~known & np.isin(future.owner, past.owner) & (future.grades > 0))
    owners, first = np.unique(future.owner[fresh], return_index=True)
    return owners, future.rows[fresh[first]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one shopper wanted in the future window: all of it, the first basket, and what they had never had.

    Wanted is what was bought, or, in a log with hardly a purchase, whatever was touched.
    """

    shopper: int
    bought: Rows
    basket: Rows
    new: Rows


def wanted(parts: Split, most: int, seed: int, sellable: NDArray[np.bool_]) -> Iterator[Wanted]:
    """Up to ``most`` shoppers with a past who wanted something in the future, drawn by ``seed``."""
    purchased = parts.future.grades >= _BUY
    enough = purchased.sum() >= 0.02 * max(len(parts.future), 1)
    future = parts.future.where((purchased if enough else parts.future.grades > 0) & sellable[parts.future.rows])
    both = np.intersect1d(np.unique(future.owner), np.unique(parts.past.owner))
    chosen = np.random.default_rng(seed).permutation(both)[:most]
    for shopper in np.sort(chosen).tolist():
        history = future.history(shopper)
        bought = np.unique(history.rows)
        past = parts.past.history(shopper)
        before = past.bought() if enough else np.unique(past.rows)
        basket = np.unique(history.rows[history.baskets == history.baskets[0]])
        yield Wanted(shopper, bought, basket, np.setdiff1d(bought, before))


def request(placement: str, split: Split, shopper: int, k: int = 10, anchors: Rows | None = None) -> Request:
    """What the engine would have been asked for ``shopper`` at the cut."""
    return Request(
        placement=placement,
        at=datetime.fromtimestamp(split.cut, UTC),
        k=k,
        shopper=split.past.shoppers[shopper],
        anchors=np.empty(0, np.int32) if anchors is None else anchors,
        history=split.past.history(shopper),
    )


def examples(engine: Engine, parts: Split, most: int, seed: int) -> dict[str, list[Example]]:
    """Lists by the score they teach: *again* (next basket), *new* (first purchases), *basket* (a basket's rest).

    Lists without anything that was wanted are left out."""
    found: dict[str, list[Example]] = {"again": [], "new": [], "basket": []}
    random = np.random.default_rng(seed)
    for want in wanted(parts, most, seed, engine.catalog.sellable):
        home = request("home", parts, want.shopper)
        found["again"] += _example(engine, home, want.basket)
        if len(want.new):
            found["new"] += _example(engine, replace(home, placement="discover"), want.new)
        if len(want.basket) > 1:
            shuffled = random.permutation(want.basket).astype(np.int32)
            shown = shuffled[: max(1, min(3, len(shuffled) // 2))]
            asked = replace(home, placement="cart", anchors=shown)
            found["basket"] += _example(engine, asked, shuffled[len(shown) :])
    return found


def _example(engine: Engine, asked: Request, rows: Rows) -> list[Example]:
    """The list as one example, in half the memory; none when nothing that was wanted is in it: it teaches nothing."""
    ranking, _ = engine.pooled(asked, np.empty(0, np.int32))
    taken = np.isin(ranking.rows, rows)
    notes = {name: values.astype(np.float32) for name, values in ranking.notes.items()}
    return [Example(Ranking(ranking.rows, ranking.scores, notes), taken.astype(np.float64))] if taken.any() else []
