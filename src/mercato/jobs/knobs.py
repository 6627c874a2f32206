"""The past with what followed in, what each list knob costs and gives out: every setting on the same held-out sales."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato import build
from mercato.engine import Engine
from mercato.evaluate.metrics import bootstrap, head, ndcg, overlap, paired
from mercato.jobs.examples import Split, request, wanted
from mercato.lists import OFF
from mercato.parts import Parts
from mercato.policy.calibrated import Calibrated, branches
from mercato.policy.diverse import Likeness
from mercato.schema import Mask, Ranking, Request, Rows
from mercato.settings import Settings

Tick = Callable[[str], None]
Knobs = Mapping[str, float]
"""Some knobs of one placement by name (settings.Lists); those left out are off."""

UNTURNED: Knobs = {}
ONE_BY_ONE: tuple[Knobs, ...] = (
    *({"personal": value} for value in (95.0, 90.0, 75.0, 50.0, 25.0, 0.0)),
    *({"tail": value} for value in (0.1, 0.2, 0.3)),
    *({"calibrated": value} for value in (0.3, 0.5, 0.7)),
    *({"diverse": value} for value in (0.05, 0.1, 0.3)),
)
"""Every knob by itself, from gentle to far."""

PLACED = {"home": "basket", "email": "basket", "discover": "new"}
"""Placements whose lists can be judged by what was bought next, and by which part of it."""

_NOBODY = np.empty(0, np.int32)


@dataclass(frozen=True)
class Looks:
    """What tells how lists look: ``tail`` flags products outside those that hold 80 % of what sells, ``departments``
    knows a shopper's own proportions, ``likeness`` how alike two products are."""

    tail: Mask
    departments: Calibrated
    likeness: Likeness

    @staticmethod
    def of(parts: Parts) -> Looks:
        """As seen by one snapshot."""
        catalog, dense = parts.catalog, parts.dense
        likeness = Likeness(catalog.leaf) if dense is None else Likeness(dense.text_of, dense.vectors)
        return Looks(~head(parts.behaviour.popular.counts), Calibrated(branches(catalog)), likeness)

    def figures(self, asked: Sequence[Request], lists: Sequence[Rows]) -> dict[str, float]:
        """Means over lists: how much two shoppers' lists overlap (Jaccard), the share of tail products, the distance
        from the shopper's own departments (Steck's C_KL), and how different the products of a list are (1 - cosine)."""
        shown = np.concatenate(lists) if lists else _NOBODY
        far = [self.departments.divergence(one, rows) for one, rows in zip(asked, lists, strict=True) if len(rows)]
        apart = [self._apart(rows) for rows in lists if len(rows) > 1]
        return {
            "overlap": overlap(lists),
            "tail_share": round(float(self.tail[shown].mean()), 4) if len(shown) else 0.0,
            "off_departments": round(float(np.mean(far)), 4) if far else 0.0,
            "variety": round(float(np.mean(apart)), 4) if apart else 0.0,
        }

    def _apart(self, rows: Rows) -> float:
        alike = self.likeness.among(rows)
        matrix = np.array([alike(place) for place in range(len(rows))])
        return float(1 - matrix[np.triu_indices(len(rows), 1)].mean())


@dataclass(frozen=True)
class Asked:
    """One shopper at the cut: the request and what they wanted of the list."""

    request: Request
    wanted: Rows


def prices(past: Parts, replay: Split, settings: Settings, tick: Tick, most: int = 300) -> dict[str, Any]:
    """A table per placement of PLACED over up to ``most`` shoppers: NDCG@10 of every setting of ONE_BY_ONE, and of the
    one in force, with the paired difference to no knob at all, beside what the lists look like (``Looks.figures``).

    ``past`` is what was learned before the cut of ``replay``; the pools are the ones a setting would have.
    """
    found = list(wanted(replay, most, 0, past.catalog.sellable))
    looks = Looks.of(past)
    tasks = []
    for placement, part in PLACED.items():
        tick(f"the knobs of {placement}")
        asked = [Asked(request(placement, replay, one.shopper), getattr(one, part)) for one in found]
        asked = [one for one in asked if len(one.wanted)]
        if asked:
            tasks.append({"name": placement, "cases": len(asked), **_table(past, settings, placement, asked, looks)})
    return {
        "protocol": f"lists of 10 for up to {most} shoppers, judged by what they bought in the last "
        f"{settings.learn.window_days} days, everything learned from before; one knob at a time; differences are "
        f"paired, intervals 95 % bootstrap over shoppers",
        "tasks": tasks,
    }


def _table(past: Parts, settings: Settings, placement: str, asked: Sequence[Asked], looks: Looks) -> dict[str, Any]:
    """``rows`` in the shape of every other table, and beside them the ``knobs`` each stands for."""
    force = in_force(settings, placement)
    turns = [UNTURNED, *ONE_BY_ONE, *([force] if force and force not in ONE_BY_ONE else [])]
    ranked: dict[bool, list[Ranking]] = {}
    rows: list[dict[str, Any]] = []
    plain = np.empty(0)
    for knobs in turns:
        engine = build.engine(turned(settings, placement, knobs), past, None, {})
        keeps_tail = bool(knobs.get("tail"))  # such a pool holds rows of the tail, or there were none to show
        if keeps_tail not in ranked:
            ranked[keeps_tail] = [unturned(engine, one.request) for one in asked]
        policy = engine.placements[placement].policy
        lists = [policy.apply(one.request, own).rows[:10] for one, own in zip(asked, ranked[keeps_tail], strict=True)]
        gains = np.array([ndcg(shown, one.wanted) for one, shown in zip(asked, lists, strict=True)])
        plain = plain if rows else gains
        rows.append(_row(knobs, gains, plain, looks.figures([one.request for one in asked], lists)))
    return {"rows": rows, "knobs": turns}


def _row(knobs: Knobs, gains: NDArray[np.float64], plain: NDArray[np.float64], looks: Knobs) -> dict[str, Any]:
    name = ", ".join(f"{knob} {value:g}" for knob, value in knobs.items())
    row = {"model": name or "no knob turned", "ours": not knobs, "ndcg@10": bootstrap(gains).to_dict(), **looks}
    if knobs:
        ahead, p = paired(plain, gains)
        row["ours_ahead"] = {**ahead.to_dict(), "p": round(p, 4)}
    return row


def unturned(engine: Engine, asked: Request, hidden: Rows = _NOBODY) -> Ranking:
    """The whole list before its policy."""
    score = engine.placements[asked.placement].score
    pool, _ = engine.pooled(asked, hidden)
    scored = score.scored(score.worth(pool))
    return Ranking.best_first(scored.rows, scored.scores)


def in_force(settings: Settings, placement: str) -> dict[str, float]:
    """The knobs of ``placement`` that change its lists."""
    found = {knob: getattr(settings.lists, knob).get(placement, off) for knob, off in OFF.items()}
    return {knob: float(value) for knob, value in found.items() if value != OFF[knob]}


def turned(settings: Settings, placement: str, knobs: Knobs) -> Settings:
    """``settings`` with exactly ``knobs`` on ``placement``."""
    laid: dict[str, Any] = {}
    for name in OFF:
        others = {other: value for other, value in getattr(settings.lists, name).items() if other != placement}
        laid[name] = {**others, placement: knobs[name]} if name in knobs else others
    return replace(settings, lists=replace(settings.lists, **laid))
