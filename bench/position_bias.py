"""Logged clicks in, how well the chance that a place is looked at is found out: bench/results/position-bias.md.

python bench/position_bias.py FOLDER     FOLDER holds {random,bts}/{all,men,women}/*.csv.gz (Open Bandit, ZOZO)

ZOZO showed three products side by side. Under the random policy any product may stand anywhere, so clicks by place
*are* the position bias; under bts (Thompson sampling) they are that and what the policy put there. Made-up clicks say
what the real ones are too few for: the truth is known, and there are enough of them. There the shop orders by
something shoppers care little about; lists of ten; the score learned is compared with what they wanted, on new lists.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import spearmanr

from machine import described
from mercato.feedback.propensity import PositionBias
from mercato.rank.boost import BoostedFit
from mercato.rank.boosted import Boosted, table
from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example, ListwiseFit
from mercato.schema import Ranking

RESULTS = Path(__file__).parent / "results" / "position-bias.md"
CAMPAIGNS, DRAWS, DEPTH, BINS = ("all", "men", "women"), 1000, 10, 40
STEEP = 1.0 / (1 + np.arange(DEPTH))
SIGNALS = (Signal("lane:served", "behaviour", 1.0), Signal("lane:wanted", "behaviour", 1.0))
Table = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clicks:
    """Parallel arrays: the product (numbered over all campaigns), its place (0-2), and whether it was clicked."""

    product: Integers
    place: Integers
    clicked: Table

    @staticmethod
    def read(folder: Path, policy: str) -> Clicks:
        """The three campaigns of one policy, one after the other."""
        frames = [
            pl.read_csv(folder / policy / name / f"{name}.csv.gz", columns=["item_id", "position", "click"])
            .with_columns(product=pl.format("{} {}", pl.lit(name), "item_id"))
            for name in CAMPAIGNS
        ]  # fmt: skip
        rows = pl.concat(frames)
        _, product = np.unique(rows["product"].to_numpy(), return_inverse=True)
        return Clicks(product, rows["position"].to_numpy() - 1, rows["click"].to_numpy().astype(float))

    def drawn(self, random: np.random.Generator) -> Clicks:
        """As many impressions, drawn with replacement."""
        chosen = random.integers(0, len(self.place), len(self.place))
        _, product = np.unique(self.product[chosen], return_inverse=True)
        return Clicks(product, self.place[chosen], self.clicked[chosen])


def naive(log: Clicks) -> Table:
    """Clicks by place, the first = 1."""
    rates = np.bincount(log.place, log.clicked, 3) / np.bincount(log.place, minlength=3)
    found: Table = rates / rates[0]
    return found


def modelled(strength: float) -> Callable[[Clicks], Table]:
    """The position-based model with what each product is worth taken out."""
    bias = PositionBias(strength=strength)
    return lambda log: bias.fit(log.place, log.product, np.zeros(len(log.place), np.int64), log.clicked)


def real(folder: Path) -> list[str]:
    """One line a way: chances of the second and third place with 95 % bootstrap intervals."""
    logs = {policy: Clicks.read(folder, policy) for policy in ("random", "bts")}
    ways: dict[str, tuple[str, Callable[[Clicks], Table]]] = {
        "truth: clicks by place, random policy": ("random", naive),
        "clicks by place, bts": ("bts", naive),
        "model, bts, no prior": ("bts", modelled(1e-3)),
        "model, bts, as shipped": ("bts", modelled(PositionBias().strength)),
        "the prior alone": ("bts", lambda _: 1 / np.log2(np.arange(3) + 2)),
    }
    lines = ["| | second | third |", "|---|---|---|"]
    for name, (policy, way) in ways.items():
        random = np.random.default_rng(0)
        found, draws = way(logs[policy]), np.array([way(logs[policy].drawn(random)) for _ in range(DRAWS)])
        low, high = np.percentile(draws, (2.5, 97.5), axis=0)
        cells = [f"{found[place]:.2f} [{low[place]:.2f}, {high[place]:.2f}]" for place in (1, 2)]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} |")
    counts = {policy: int(log.clicked.sum()) for policy, log in logs.items()}
    return [*lines, "", f"{counts['random']} clicks under random, {counts['bts']} under bts, 30,000 impressions each."]


@dataclass(frozen=True)
class Visits:
    """Lists × DEPTH: both notes, the served score, the true wanting, and clicks."""

    notes: Mapping[str, Table]
    served: Table
    wanted: Table
    clicks: Table

    @staticmethod
    def made_up(lists: int, seed: int) -> Visits:
        """Served by the first note above all; wanted for the second above all; looked at as 1 / (1 + place)."""
        random = np.random.default_rng(seed)
        first, second = random.exponential(1.0, (2, lists, DEPTH))
        served = np.log1p(first) + 0.2 * np.log1p(second)
        order = np.argsort(-served, axis=1)
        first, second, served = (np.take_along_axis(values, order, axis=1) for values in (first, second, served))
        wanted = 0.3 * np.log1p(first) + 2 * np.log1p(second)
        clicks = random.random((lists, DEPTH)) < STEEP / (1 + np.exp(3.5 - 1.5 * wanted))
        kept = clicks.any(axis=1)
        notes = {"lane:served": first[kept], "lane:wanted": second[kept]}
        return Visits(notes, served[kept], wanted[kept], clicks[kept].astype(float))

    def chances(self) -> Table:
        """As jobs.logged has them estimated."""
        scores = self.served.ravel()
        cells = np.searchsorted(np.sort(scores), scores) * BINS // scores.size
        places, owner = np.tile(np.arange(DEPTH), len(self.served)), np.repeat(np.arange(len(self.served)), DEPTH)
        return PositionBias().fit(places, owner, cells, self.clicks.ravel())

    def examples(self, chances: Table) -> tuple[list[Example], list[Integers]]:
        """A list per click weighed by 1 / chance, and the places its rows stood at."""
        found, places = [], []
        for number, place in np.argwhere(self.clicks > 0).tolist():
            keep = self.clicks[number] == 0
            keep[place] = True
            ranking = self._ranking(number, keep)
            wanted = (np.arange(DEPTH) == place)[keep].astype(float)
            found.append(Example(ranking, wanted, float(1 / chances[place])))
            places.append(np.flatnonzero(keep))
        return found, places

    def agreement(self, score: Callable[[Ranking], Table]) -> float:
        """Rank correlation of ``score`` with what was wanted, the mean over lists."""
        every = np.ones(DEPTH, bool)
        return float(np.mean([spearmanr(score(self._ranking(n, every)), self.wanted[n])[0] for n in range(1000)]))

    def _ranking(self, number: int, keep: NDArray[np.bool_]) -> Ranking:
        rows = np.flatnonzero(keep).astype(np.int32)
        return Ranking(rows, np.zeros(len(rows)), {name: values[number][keep] for name, values in self.notes.items()})


def positioned(readable: Linear, examples: list[Example], places: list[Integers], damping: float) -> lgb.Booster:
    """LightGBM's own correction: an offset per place, estimated beside the trees."""
    features = np.concatenate([table(readable.signals, example.ranking) for example in examples])
    labels = np.concatenate([example.wanted for example in examples]).astype(int)
    groups = [len(example.ranking) for example in examples]
    data = lgb.Dataset(features, labels, group=groups, position=np.concatenate(places))
    parameters = BoostedFit()._parameters() | {"lambdarank_position_bias_regularization": damping}
    return lgb.train(parameters, data, BoostedFit().trees)


def made_up(lists: int, seed: int) -> dict[str, float]:
    """Agreement with what was wanted, by way of learning; and how wrong the chances are."""
    seen, new = Visits.made_up(lists, seed), Visits.made_up(4000, 1000 + seed)
    chances, equal = seen.chances(), np.ones(DEPTH)
    found = {"error of the chances": float(np.abs(np.log(chances / STEEP)).mean())}
    clicks = seen.clicks.sum(axis=0)
    found["error of clicks by place"] = float(np.abs(np.log(clicks / clicks[0] / STEEP)).mean())
    for name, assumed in (("raw clicks", equal), ("1 / chance", chances), ("1 / true chance", STEEP)):
        examples, places = seen.examples(assumed)
        readable = ListwiseFit(SIGNALS).fit(examples)
        trees = BoostedFit().fit(examples, readable)
        assert isinstance(trees, Boosted)
        found[f"readable, {name}"] = new.agreement(lambda r, score=readable: score.scored(r).scores)
        found[f"trees, {name}"] = new.agreement(lambda r, score=trees: score.scored(r).scores)
        if name == "raw clicks":
            for damping in (0.0, 1.0):
                own = positioned(readable, examples, places, damping)
                found[f"trees, LightGBM's position, regularised {damping:g}"] = new.agreement(
                    lambda r, model=own, signals=readable.signals: model.predict(table(signals, r), num_threads=1)
                )
    return found


def simulated() -> list[str]:
    """A line per way, a column per amount of data, the mean of three seeds."""
    amounts = (2000, 6000, 20_000)
    columns = []
    for lists in amounts:
        runs = [made_up(lists, seed) for seed in range(3)]
        columns.append({name: float(np.mean([run[name] for run in runs])) for name in runs[0]})
    lines = ["| | " + " | ".join(f"{lists:,} lists" for lists in amounts) + " |", "|---|" + "---:|" * len(amounts)]
    return lines + [f"| {name} | " + " | ".join(f"{one[name]:.3f}" for one in columns) + " |" for name in columns[0]]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    lines = ["# Position bias: what a place is worth", "", *described(), ""]
    lines += [(__doc__ or "").strip().split("\n\n")[-1], "", "## Real clicks", "", *real(given.folder), ""]
    lines += ["## Made-up clicks: rank correlation with what was wanted", "", *simulated(), ""]
    lines += ["Errors are mean |log(found / true)| over the ten places; means of three seeds.", ""]
    page = "\n".join(lines)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
