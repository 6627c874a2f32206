"""Listens and friendships in, what friends add to recommendations out: bench/results/social.md.

python bench/social.py FOLDER     FOLDER holds user_artist.tsv.gz and user_user_original_.tsv.gz (Last.fm, HetRec 2011)

Each of three seeds sets 10 % of the users aside with all their listens (cold, for the test) and 5 % more (cold, for
validation); of every other user 80 % of the artists are for training, 10 % for validation, 10 % for the test. All
artists are ranked, those of training and validation masked. Weights of the fusions are picked on validation; BPR
is a peer outside them. A friend alone says nothing (``circle``): "people you follow" must not be one person.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bpr import Bpr
from machine import described
from mercato.evaluate.metrics import bootstrap, coverage, hit, ndcg, paired
from mercato.ports import Retriever
from mercato.retrieve.pairs import Neighbours, PairLane
from mercato.retrieve.popular import Popular
from mercato.retrieve.social import Social, Ties
from mercato.retrieve.taste import Taste
from mercato.schema import GRADES, History, Ranking, Relation, Request, Rows

RESULTS = Path(__file__).parent / "results" / "social.md"
SEEDS, K, POOL = (0, 1, 2), 10, 200
NOW = datetime(2011, 5, 1, tzinfo=UTC)
LANES = ("popularity", "item-kNN", "ALS", "social", "BPR")
STEPS = (0.0, 0.05, 0.15, 0.35, 0.7, 1.5)
TASTE = Taste(factors=128, regularization=50.0, alpha=10.0, support=2)
"""Best of nine settings on the validation artists of seed 0, where Social's ``likeness`` was picked too."""


@dataclass(frozen=True)
class Case:
    """One user's list to make: what each lane says of the ``rows`` any lane knows (rows × lanes, best = 1), and what
    was wanted."""

    user: int
    rows: Rows
    said: NDArray[np.float64]
    wanted: Rows

    def best(self, weights: NDArray[np.float64]) -> Rows:
        """The ``K`` best rows by weighted sum; what no lane speaks for is left out."""
        scores = self.said @ weights
        best = Ranking.best_first(self.rows, scores, K)
        return best.rows[best.scores > 0]


@dataclass(frozen=True)
class World:
    """Who listened to what (parallel arrays), and who knows whom; ``n`` artists."""

    users: NDArray[np.int64]
    rows: Rows
    ties: Ties
    n: int

    @staticmethod
    def read(folder: Path) -> World:
        """The three-column listens (user, artist, weight) and the two-column friendships."""
        listens, friends = (
            pl.read_csv(folder / f"{name}.tsv.gz", separator="\t", has_header=False).to_numpy().astype(np.int64)
            for name in ("user_artist", "user_user_original_")
        )
        names, rows = np.unique(listens[:, 1], return_inverse=True)
        relations = (Relation(str(one), str(other)) for one, other in friends[:, :2].tolist())
        order = np.argsort(listens[:, 0], kind="stable")
        return World(listens[order, 0], rows[order].astype(np.int32), Ties.of(relations), len(names))


@dataclass(frozen=True)
class Split:
    """One seed's parts: 0 training, 1 validation, 2 test for every listen; the users set aside whole."""

    part: NDArray[np.int8]
    cold: frozenset[int]

    @staticmethod
    def of(world: World, seed: int) -> Split:
        """80/10/10 per user; of all users 10 % cold for the test and 5 % cold for validation."""
        random = np.random.default_rng(seed)
        part = np.zeros(len(world.users), np.int8)
        everyone = random.permutation(np.unique(world.users))
        tenth = len(everyone) // 10
        for user in everyone.tolist():
            mine = random.permutation(np.flatnonzero(world.users == user))
            part[mine[: len(mine) // 10]] = 2
            part[mine[len(mine) // 10 : len(mine) // 5]] = 1
        part[np.isin(world.users, everyone[:tenth])] = 2
        part[np.isin(world.users, everyone[tenth : tenth + tenth // 2])] = 1
        return Split(part, frozenset(everyone[: tenth + tenth // 2].tolist()))


def lanes(world: World, split: Split, social: Social) -> dict[str, Retriever]:
    """Every lane fitted on the training listens."""
    train = split.part == 0
    users, rows = world.users[train], world.rows[train]
    ids, owner = np.unique(users, return_inverse=True)
    now = int(NOW.timestamp())
    at, grades = np.full(len(rows), now), np.full(len(rows), GRADES["purchase-complete"], np.int8)
    shoppers = [str(user) for user in ids.tolist()]
    near = Neighbours(support=2).fit(owner, rows, world.n)
    return {
        "popularity": Popular().fit(rows, grades, at, n=world.n, now=now),
        "item-kNN": PairLane(near, "history"),
        "ALS": TASTE.fit(owner, rows, at, n=world.n, now=now),
        "social": social.fit(world.ties, shoppers, owner, rows, grades, at, n=world.n, now=now),
        "BPR": Bpr(decay=1.0).fit(owner, rows, world.n),
    }


def cases(world: World, split: Split, found: Mapping[str, Retriever], part: int) -> Iterator[Case]:
    """A case per user with anything in ``part``; what lies in earlier parts is masked."""
    now = int(NOW.timestamp())
    for user in np.unique(world.users[split.part == part]).tolist():
        mine = world.users == user
        wanted, seen = world.rows[mine & (split.part == part)], world.rows[mine & (split.part < part)]
        past = world.rows[mine & (split.part == 0)]
        same = np.full(len(past), now)
        history = History(past, np.full(len(past), GRADES["purchase-complete"], np.int8), same, same)
        request = Request("home", NOW, shopper=str(user), history=history)
        allowed = np.ones(world.n, bool)
        allowed[seen] = False
        rows = np.unique(np.concatenate([lane.retrieve(request, allowed, POOL).rows for lane in found.values()]))
        said = np.stack([lane.score(request, rows) for lane in found.values()], axis=1)
        yield Case(user, rows, said / np.maximum(said.max(axis=0, initial=0), 1e-12), wanted)


def tuned(known: Sequence[Case], names: Sequence[str]) -> NDArray[np.float64]:
    """Weights of ``names`` (0 for the others) by coordinate search on the mean NDCG, from equal weights."""
    weights = np.array([float(name in names) for name in LANES])

    def worth(tried: NDArray[np.float64]) -> float:
        return float(np.mean([ndcg(case.best(tried), case.wanted, K) for case in known]))

    best = worth(weights)
    for _ in range(2):
        for name in names:
            for step in STEPS:
                tried = weights.copy()
                tried[LANES.index(name)] = step
                if (value := worth(tried)) > best:
                    best, weights = value, tried
    return weights


def methods(known: Sequence[Case]) -> dict[str, NDArray[np.float64]]:
    """Weights of every line of the table; the tuned ones from validation cases."""
    alone = {name: np.array([float(other == name) for other in LANES]) for name in LANES}
    return {
        **alone,
        "equal weights, without social": np.array([1.0, 1.0, 1.0, 0.0, 0.0]),
        "equal weights, with social": np.array([1.0, 1.0, 1.0, 1.0, 0.0]),
        "tuned, without social": tuned(known, LANES[:3]),
        "tuned, with social": tuned(known, LANES[:4]),
    }


Found = dict[tuple[str, bool], dict[int, list[tuple[float, float]]]]
"""(method, cold?) → user → (NDCG, hit) of each seed."""


def measure(world: World, seed: int, found: Found, covered: dict[tuple[str, bool], list[float]]) -> tuple[str, float]:
    """One seed's figures into ``found`` and ``covered``; gives back its tuned weights and social's milliseconds."""
    split = Split.of(world, seed)
    fitted = lanes(world, split, Social())
    chosen = methods(list(cases(world, split, fitted, 1)))
    tests = list(cases(world, split, fitted, 2))
    for method, weights in chosen.items():
        for cold in (False, True):
            lists = []
            for case in tests:
                if (case.user in split.cold) == cold:
                    lists.append(case.best(weights))
                    figures = ndcg(lists[-1], case.wanted, K), hit(lists[-1], case.wanted, K)
                    found[method, cold].setdefault(case.user, []).append(figures)
            covered[method, cold].append(coverage(lists, world.n))
    said = ", ".join(
        f"{name} {weight:g}" for name, weight in zip(LANES[:4], chosen["tuned, with social"], strict=False)
    )
    return said, milliseconds(fitted["social"], world)


def milliseconds(lane: Retriever, world: World) -> float:
    """The mean time of one list for each of 300 users."""
    everything = np.ones(world.n, bool)
    asked = [Request("home", NOW, shopper=str(user)) for user in np.unique(world.users)[:300].tolist()]
    begun = perf_counter()
    for request in asked:
        lane.retrieve(request, everything, K)
    return (perf_counter() - begun) / len(asked) * 1000


def table(found: Found, covered: Mapping[tuple[str, bool], Sequence[float]], cold: bool) -> list[str]:
    """The figures of warm or cold users, each user's mean over the seeds, with 95 % intervals over users."""
    lines = ["| method | NDCG@10 | HR@10 | coverage@10 |", "|---|---|---|---:|"]
    for method, kind in found:
        if kind == cold:
            figures = np.array([np.mean(each, axis=0) for _, each in sorted(found[method, cold].items())])
            cells = [bootstrap(figures[:, place]) for place in (0, 1)]
            shown = " | ".join(f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]" for one in cells)
            lines.append(f"| {method} | {shown} | {np.mean(covered[method, cold]):.3f} |")
    return lines


def gain(found: Found, kind: str, cold: bool) -> str:
    """What social adds to a fusion, user by user."""
    ours, theirs = (
        np.array([np.mean(each, axis=0)[0] for _, each in sorted(found[f"{kind}, {which} social", cold].items())])
        for which in ("with", "without")
    )
    difference, p = paired(ours, theirs)
    return (
        f"- {kind}, {'cold' if cold else 'warm'} users: NDCG@10 {difference.mean:+.4f} "
        f"[{difference.low:+.4f}, {difference.high:+.4f}], p {p:.3f}"
    )


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines = ["# Friends: what they add to recommendations", "", *described()]
    begun, world = process_time(), World.read(given.folder)
    found: Found = defaultdict(dict)
    covered: dict[tuple[str, bool], list[float]] = defaultdict(list)
    notes = [measure(world, seed, found, covered) for seed in SEEDS]
    users = len(np.unique(world.users))
    lines += [
        f"- data: {users:,} users, {world.n:,} artists, {len(world.rows):,} listens, {world.ties.graph.nnz:,} ties"
    ]
    lines += [
        f"- seeds {SEEDS}; run in {process_time() - begun:.0f} CPU seconds; a social list in {notes[0][1]:.2f} ms"
    ]
    lines += ["", (__doc__ or "").strip().split("\n\n")[-1], ""]
    for cold in (False, True):
        lines += [f"## {'Cold users: no listen known' if cold else 'Warm users'}", "", *table(found, covered, cold), ""]
    lines += [
        "## What social adds",
        "",
        *(gain(found, kind, cold) for kind in ("equal weights", "tuned") for cold in (False, True)),
    ]
    lines += ["", "Tuned weights by seed: " + "; ".join(said for said, _ in notes) + ".", ""]
    page = "\n".join(lines)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
