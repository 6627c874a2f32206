"""Products and shoppers that training never saw in, how good their lists are out: bench/results/cold.md.

python bench/cold.py FILE [TEXTS [ATTRIBUTES]]      as for `mercato bench recommend`

A tenth of the products and a tenth of the shoppers are set aside whole: none of their events trains, validates or
tunes anything. Cases are the last event of a shopper, as in leave-one-out:
- *new products among themselves*: the last event is a product set aside, and only such products are ranked (a
  "new arrivals" list);
- *new products among all*: the same cases, the whole catalogue ranked;
- *new shoppers*: shoppers set aside, asked with all that came before, and with their first event only.
Weights, settings and stopping are chosen on the other shoppers' last known event. Lists are *discover*, as a shop
serves them that keeps one place in ten for what nobody took yet (`[lists.arrivals] discover = 0.1`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import machine
from mercato import build
from mercato.engine import Engine
from mercato.evaluate.offline import Case, Rank, compare
from mercato.jobs.bench import validation
from mercato.jobs.examples import Split, request
from mercato.jobs.learn import learn
from mercato.jobs.sequences import LeaveOneOut, read_sequences
from mercato.jobs.train import drafted, load_encoder
from mercato.parts import Parts
from mercato.policy.rules import Narrow
from mercato.ports import Retriever
from mercato.retrieve.pairs import Neighbours, PairLane
from mercato.schema import Mask, Ranking, Request, Rows
from mercato.settings import Settings

RESULT = Path(__file__).resolve().parent / "results" / "cold.md"
SHARE, SEED = 0.1, 0
PLACES = 0.1
"""The share of places kept for products that nobody took (``[lists.arrivals] discover``)."""
OURS = "mercato"


@dataclass(frozen=True)
class Aside:
    """What training never sees: product rows and shopper numbers, flagged."""

    products: Mask
    shoppers: Mask

    @staticmethod
    def drawn(given: LeaveOneOut) -> Aside:
        """A tenth of each, by the seed."""
        random = np.random.default_rng(SEED)
        return Aside(random.random(len(given.catalog)) < SHARE, random.random(len(given.known.shoppers)) < SHARE)


def trained(given: LeaveOneOut, aside: Aside, settings: Settings, home: Path) -> tuple[Engine, Parts]:
    """The engine a shop would have that never saw what is ``aside``; the catalogue and its texts are whole."""
    encoder, _ = load_encoder(settings, home)
    warm = given.known.where(~aside.products[given.known.rows] & ~aside.shoppers[given.known.owner])
    owners = np.flatnonzero(np.bincount(warm.owner) >= 2)
    seen = LeaveOneOut(given.catalog, warm, owners, np.zeros(len(owners), np.int32), given.end)
    draft = drafted(settings, given.catalog, warm, home / "cache", tick, encoder)
    learned = learn(settings, draft, given.end, home / "cache", tick, replay=validation(seen))
    parts = learned.into(draft)
    return build.engine(settings, parts, None, {}), parts


def rankers(engine: Engine, parts: Parts, settings: Settings, allowed: Mask) -> dict[str, Rank]:
    """Mercato, its lanes that can speak for what is new, and the nulls, over the ``allowed`` rows."""
    hidden = np.flatnonzero(~allowed).astype(np.int32)
    narrow = Narrow(np.zeros(len(allowed), bool))
    found = build.lanes(settings, parts.behaviour, parts.dense, parts.content)
    events = parts.events
    counts = np.bincount(events.rows, minlength=len(allowed)).astype(float)
    pairs = Neighbours(neighbours=1000, shrink=0.0, largest=1000, support=1).fit(
        events.owner, events.rows, len(allowed)
    )
    random = np.random.default_rng(SEED)

    def ours(asked: Request) -> Rows:
        slate, _ = engine.recommend(asked, hidden, "")
        return engine.catalog.rows(slate.ids)

    def alone(lane: Retriever) -> Rank:
        return lambda asked: lane.retrieve(asked, narrow(asked, allowed), asked.k).rows

    def popular(asked: Request) -> Rows:
        rows = np.flatnonzero(narrow(asked, allowed))
        return Ranking.best_first(rows, counts[rows] + random.random(len(rows)) / 2, asked.k).rows

    knn = PairLane(pairs, "history", half_life_days=1e9, newest=1000)
    named = {"text of the history (content only)": "content", "sequence transformer": "sequence"}
    lanes = {said: alone(found[name]) for said, name in named.items() if name in found}
    return {"popularity": popular, "item-kNN": alone(knn), **lanes, OURS: ours}


def cases(given: LeaveOneOut, aside: Aside, chosen: NDArray[np.bool_], first: int | None = None) -> list[Case]:
    """The ``chosen`` leave-one-out cases, asked without the products set aside; ``first`` keeps that many events."""
    known = given.known.where(~aside.products[given.known.rows])
    replay = Split(given.end, known, known)
    found = []
    for owner, row in zip(given.owners[chosen].tolist(), given.wanted[chosen].tolist(), strict=True):
        asked = request("discover", replay, owner)
        if first is not None and len(asked.history):
            asked = replace(asked, history=asked.history.take(np.arange(first)))
        if len(asked.history):
            found.append(Case(asked, np.array([row], np.int32)))
    return found


def measured(given: LeaveOneOut, aside: Aside, settings: Settings, home: Path) -> Mapping[str, Any]:
    """Rows of each of the four tasks."""
    engine, parts = trained(given, aside, settings, home)
    counts = np.bincount(parts.events.rows, minlength=len(given.catalog)).astype(float)
    everything = given.catalog.sellable
    new, stranger = aside.products[given.wanted], aside.shoppers[given.owners]
    arrivals, all_of_it = (rankers(engine, parts, settings, mask) for mask in (everything & aside.products, everything))
    tasks = {
        "New products among themselves": (cases(given, aside, new & ~stranger), arrivals),
        "New products among all": (cases(given, aside, new & ~stranger), all_of_it),
        "New shoppers, all they did so far": (cases(given, aside, stranger & ~new), all_of_it),
        "New shoppers, their first event only": (cases(given, aside, stranger & ~new, 1), all_of_it),
    }
    return {f"{name} ({len(some):,} cases)": compare(some, by, OURS, counts) for name, (some, by) in tasks.items()}


def laid_out(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """One task as Markdown."""
    head = f"| | HR@10 | NDCG@10 | coverage@10 | {OURS} ahead in NDCG | p |"
    lines = [f"## {name}", "", head, "|---|---|---|---|---|---|"]
    for row in rows:
        hr, gain = (row[name] for name in ("hr@10", "ndcg@10"))
        ahead = row.get("ours_ahead")
        said = f"{ahead['mean']:+.4f} [{ahead['low']:+.4f}, {ahead['high']:+.4f}] | {ahead['p']}" if ahead else "|"
        figures = " | ".join(f"{one['mean']:.4f} [{one['low']:.4f}, {one['high']:.4f}]" for one in (hr, gain))
        lines.append(f"| {row['model']} | {figures} | {row['coverage@10']} | {said} |")
    return [*lines, ""]


def tick(step: str) -> None:
    """Say on stderr what is being done."""
    print(step, file=sys.stderr, flush=True)


def main() -> None:
    """Measure the file named on the command line."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    given = read_sequences(*sys.argv[1:4])
    settings = Settings()
    settings = replace(settings, learn=replace(settings.learn, refit=False))
    settings = replace(settings, lists=replace(settings.lists, arrivals={"discover": PLACES}))
    aside = Aside.drawn(given)
    lines = ["# Cold start: products and shoppers that training never saw", "", *machine.described()]
    lines += [f"- file: {Path(sys.argv[1]).name}; {int(aside.products.sum()):,} products and "
              f"{int(aside.shoppers.sum()):,} shoppers set aside, seed {SEED}", ""]  # fmt: skip
    with threadpool_limits(1):
        found = measured(given, aside, settings, Path(".bench"))
    for name, rows in found.items():
        lines += laid_out(name, rows)
    RESULT.write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
