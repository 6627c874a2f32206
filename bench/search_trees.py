"""retrotech in, what trees over the readable score of search give and cost out: bench/results/search-trees.md.

python bench/search_trees.py DATA HOME [--shop SHOP] [--each 200] [--taught 1200] [--out FILE]

*hinted* is the sum with built-in weights, *learned* what clicks may make of it (rank.boost.pulled: as far as
cross-validation over queries finds it better; what says how well words match stays), *refitted* the sum with all its
weights free, *trees onto the sum* LambdaMART that begins with the learned sum and corrects it, *trees alone* LambdaMART
that begins with nothing. Trees order what the learned sum puts first (rank.cascade), as deep as the lists went that
taught them, or *100 deep*; NDCG@10 is of whole lists. *kept*: what a shop's training would have kept
(rank.boost.better: two folds by query, p < .05, 40 queries or more).

- *clicks*: 13 queries, `--each` sessions of the early half of each are replayed: a list a click, of the products shown
  that our search matches, weighed by 1 / chance of the place (feedback.propensity). Judged by the later half (SDBN).
  *same queries*: all 13 taught. *other queries*: four folds ("blue ray" and "bluray" in one), each judged by what the
  other folds taught. *judged alone*: only the products that were judged are put in order.
- *made queries*: known items of the same catalogue (jobs.cross.made_queries: two to four words of a product, some
  misspelt); wanted are the products of its title; taught on `--taught` of them, the first 100 rows each, judged on 600
  others, made of other products.

retrotech has no price, rating, stock, date or purchase, so the notes are those of words, meaning and numbers: this says
nothing of what trees make of the other notes. Time: the same 200 made queries, 10 products, with either score in turn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import search_data
from cross_encoder import Served, early_half, folded
from machine import described
from mercato import build
from mercato.artifacts import open_current
from mercato.engine import Engine
from mercato.evaluate.metrics import bootstrap, graded_ndcg, paired
from mercato.feedback.propensity import PositionBias
from mercato.jobs.clicks import ClickModel
from mercato.jobs.cross import made_queries
from mercato.jobs.judgments import Finder, Judged
from mercato.jobs.train import load_encoder
from mercato.parts import Parts
from mercato.rank.boost import BoostedFit, better, pulled
from mercato.rank.boosted import Boosted
from mercato.rank.cascade import Cascade
from mercato.rank.linear import TERM, Linear
from mercato.rank.train import Example, ListwiseFit
from mercato.schema import Ranking, Request
from mercato.scores import MATCHED, SEARCH, hints
from mercato.settings import Settings, load

RESULTS = Path(__file__).parent / "results" / "search-trees.md"
DEEPEST, JUDGED, TIMED = 100, 600, 200
AT, NOBODY = datetime(2026, 1, 1, tzinfo=UTC), np.empty(0, np.int32)
HEADER = ["| | NDCG@10 | ahead of hinted (paired) | ahead of learned |", "|---|---|---|---|"]
Gains = NDArray[np.float64]
Score = Linear | Cascade


@dataclass(frozen=True)
class Shop:
    """One trained shop without events, and its request path."""

    settings: Settings
    parts: Parts
    engine: Engine

    @staticmethod
    def of(home: Path) -> Shop:
        """The current snapshot of the shop in ``home``, with the scores of a new shop."""
        settings = load(home / "mercato.toml")
        parts = Parts.load(open_current(home / "snapshots").folder, settings)
        encoder, _ = load_encoder(settings, home)
        parts = replace(parts, weights={**parts.weights, SEARCH: Linear(hints(settings, parts.catalog)[SEARCH])})
        return Shop(settings, parts, build.engine(settings, parts, encoder, {}))

    def matched(self, query: str) -> Ranking:
        """All that matches, with its notes."""
        request = Request("search", AT, k=len(self.parts.catalog), query=query)
        page = self.engine.search_parts.listed(request, NOBODY).page
        notes = {name: values for name, values in page.notes.items() if not name.startswith(TERM)}
        return Ranking(page.rows, page.scores, notes)

    def searching(self, score: Score) -> Callable[[str], None]:
        """The whole request path with another score."""
        engine = replace(self.engine, search_parts=replace(self.engine.search_parts, score=score))
        return lambda query: void(engine.search(Request("search", AT, k=10, query=query), NOBODY, ""))


def void(_: object) -> None:
    """Nothing of an answer is needed but that it was given."""


@dataclass(frozen=True)
class Taught:
    """The scores that some lists teach, and what a shop would have kept."""

    scores: Mapping[str, Score]
    account: str

    @staticmethod
    def by(examples: Sequence[Example], shop: Shop) -> Taught:
        """Every form, whether it is better or not."""
        hinted = hints(shop.settings, shop.parts.catalog)[SEARCH]
        recipe, said = pulled(examples, hinted, MATCHED, _ahead)
        learned, onto = recipe.fit(examples), BoostedFit(onto=True, fewest=0)
        trees, alone = onto.fit(examples, learned), replace(onto, onto=False).fit(examples, learned)
        assert isinstance(trees, Boosted)
        assert isinstance(alone, Boosted)
        _, kept, told = better(examples, recipe, onto, _ahead)
        groups = len({example.group for example in examples})
        account = f"{len(examples)} lists of {groups} queries; cross-validated {said | told}; "
        shown = kept and groups >= 2 * BoostedFit().fewest
        account += f"depth {trees.deepest}; kept: {'trees' if shown else 'the sum'}"
        scores: dict[str, Score] = {
            "hinted": Linear(hinted),
            "learned": learned,
            "refitted": ListwiseFit(hinted).fit(examples),
            "trees onto the sum": Cascade.over(trees),
            "trees onto the sum, 100 deep": Cascade(learned, trees, DEEPEST),
            "trees alone": Cascade(learned, alone, trees.deepest),
        }
        return Taught(scores, account)


def _ahead(ours: Gains, theirs: Gains) -> bool:
    difference, p = paired(ours, theirs)
    return difference.mean > 0 and p < 0.05


def replayed(shop: Shop, early: Path, found: Mapping[str, Ranking], each: int) -> list[Example]:
    """A list a click of ``each`` early sessions a query, as jobs.logged makes them of a shop's own log."""
    find, random, lists = Finder(shop.parts.catalog), np.random.default_rng(0), list[Example]()
    for path in sorted(early.iterdir()):
        shown = pl.read_csv(path, infer_schema_length=0).rename({"clicked_doc_id": "product"})
        query = str(shown["query"][0])
        if query not in found:
            continue
        numbers = shown["sess_id"].unique().sort().to_numpy()
        kept = random.choice(numbers, min(each, len(numbers)), replace=False)
        shown = shown.filter(pl.col("sess_id").is_in(kept.tolist()))
        products, owner = np.unique(shown["product"].to_numpy(), return_inverse=True)
        places = shown["rank"].cast(pl.Float64).to_numpy().astype(np.int64)
        clicks = (shown["clicked"].str.to_lowercase() == "true").to_numpy()
        chances = PositionBias().fit(places, owner, np.zeros(len(owner), np.int64), clicks.astype(float))
        ranking, rows = found[query], [find(str(one).removesuffix(".0")) for one in products]
        at = {int(row): place for place, row in enumerate(ranking.rows)}
        where = np.array([at.get(-1 if row is None else row, -1) for row in rows])[owner]
        sessions = shown["sess_id"].to_numpy()
        for session in kept:
            mine = (sessions == session) & (where >= 0)
            for click in np.flatnonzero(mine & clicks):
                keep = np.flatnonzero(mine & ~clicks | (np.arange(len(clicks)) == click))
                weight = float(1 / chances[min(int(places[click]), len(chances) - 1)])
                lists.append(Example(ranking.take(where[keep]), (keep == click) * 1.0, weight, query))
    mean = float(np.mean([one.weight for one in lists]))
    return [replace(one, weight=one.weight / mean) for one in lists]


def gain(score: Score, ranking: Ranking, judged: Judged, alone: bool = False) -> float:
    """NDCG@10 of the whole list, or of the judged products alone."""
    scored = score.scored(ranking)
    if alone:
        known = dict(zip(scored.rows.tolist(), scored.scores.tolist(), strict=True))
        rows = np.array(sorted(judged.grades), np.int32)
        nothing = min(known.values(), default=0.0) - 1
        best = Ranking.best_first(rows, np.array([known.get(row, nothing) for row in rows.tolist()]), 10)
    else:
        best = Ranking.best_first(scored.rows, scored.scores, 10)
    return graded_ndcg(best.rows, judged.grades)


def table(gains: Mapping[str, Gains]) -> list[str]:
    """A line a score."""
    lines = [*HEADER]
    for name, own in gains.items():
        said = []
        for other in ("hinted", "learned"):
            ahead, p = paired(own, gains[other])
            said.append(
                ""
                if name in ("hinted", other)
                else f"{ahead.mean:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}], p {p:.3f}"
            )
        figure = bootstrap(own).to_dict()
        lines.append(
            f"| {name} | {figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}] | {' | '.join(said)} |"
        )
    return [*lines, ""]


def clicks(shop: Shop, sessions: Path, home: Path, each: int) -> list[str]:
    """Both click tables, each of whole lists and of the judged products alone."""
    late = {one.query: one for one in ClickModel().judge(sessions, shop.parts.catalog).queries}
    found = {query: shop.matched(query) for query in late}
    lists = replayed(shop, early_half(sessions, home / "early"), found, each)
    share = np.mean([np.isin(list(one.grades), found[query].rows).mean() for query, one in late.items()])
    deep = np.mean([np.isin(list(one.grades), first(found[query])).mean() for query, one in late.items()])
    lines = [
        f"Of the judged products our search matches {share:.0%}, and {deep:.0%} are among its first {DEEPEST}.",
        "",
    ]
    every = Taught.by(lists, shop)
    folds = folded(list(late))
    apart = {fold[0]: Taught.by([one for one in lists if one.group not in fold], shop) for fold in folds}
    of = {query: apart[fold[0]] for fold in folds for query in fold}
    for alone, name in ((False, "whole lists"), (True, "judged alone")):
        for said, taught in (("same queries", dict.fromkeys(late, every)), ("other queries", of)):
            gains = {
                score: np.array([gain(taught[q].scores[score], found[q], one, alone) for q, one in late.items()])
                for score in every.scores
            }
            lines += [f"## Clicks, 13 queries, {said}: {name}", "", *table(gains)]
    accounts = [
        f"- all: {every.account}",
        *(f"- without {key} and its fold: {one.account}" for key, one in apart.items()),
    ]
    refitted = every.scores["refitted"]
    assert isinstance(refitted, Linear)
    weights = ", ".join(f"{one.note} {one.weight:g} / {one.scale:g}" for one in refitted.signals if one.weight)
    return [*lines, "What cross-validation said:", "", *accounts, f"- refitted on all (weight / scale): {weights}", ""]


def first(ranking: Ranking) -> NDArray[np.int32]:
    """The rows that a cascade would give to its trees."""
    return Ranking.best_first(ranking.rows, ranking.scores, DEEPEST).rows


def made(shop: Shop, count: int) -> list[str]:
    """Taught on some made queries, judged on others; and what a search takes with either score."""
    catalog = shop.parts.catalog
    judged = made_queries(catalog, JUDGED, 1)
    teachers = made_queries(catalog, count, 2, {row for one in judged for row in one.grades})
    examples = []
    for one in teachers:
        ranking = shop.matched(one.query)
        best = Ranking.best_first(ranking.rows, ranking.scores, DEEPEST, ranking.notes)
        wanted = np.isin(best.rows, list(one.grades)).astype(float)
        if wanted.any() and len(best) > 1:
            examples.append(Example(best, wanted, group=one.query))
    taught = Taught.by(examples, shop)
    gains: dict[str, list[float]] = {name: [] for name in taught.scores}
    for one in judged:
        ranking = shop.matched(one.query)
        for name, score in taught.scores.items():
            gains[name].append(gain(score, ranking, one))
    lines = [f"## Made queries: {len(judged)} judged", "", *table({name: np.array(own) for name, own in gains.items()})]
    return [*lines, f"- {taught.account}", "", *time(shop, taught, [one.query for one in judged[:TIMED]])]


def time(shop: Shop, taught: Taught, queries: Sequence[str]) -> list[str]:
    """Milliseconds of a whole search, both ways in turn."""
    ways = {name: shop.searching(taught.scores[name]) for name in ("hinted", "trees onto the sum")}
    took: dict[str, list[float]] = {name: [] for name in ways}
    for place, query in enumerate(queries):
        for name, ask in list(ways.items())[:: 1 if place % 2 else -1]:
            ask(query)  # once more, so that neither way pays for the vector of the query
            begun = process_time()
            ask(query)
            took[name].append((process_time() - begun) * 1000)
    plain, trees = took.values()
    ratio = median(with_trees / without for with_trees, without in zip(trees, plain, strict=True))
    return ["## Time of a search, of one thread's own CPU", "", "| | median ms | p99 ms |", "|---|---|---|",
            *(f"| {name} | {median(own):.1f} | {np.percentile(own, 99):.1f} |" for name, own in took.items()),
            "", f"Median ratio {ratio:.2f}, {median(trees) - median(plain):+.1f} ms.", ""]  # fmt: skip


def main() -> None:
    """Teach, measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--shop", type=Path, help="a trained shop of the products; made in HOME without")
    parser.add_argument("--each", type=int, default=200)
    parser.add_argument("--taught", type=int, default=1200)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    begun = process_time()
    lines = ["# Trees over the readable score of search", "", *described(), ""]
    lines += [(__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip(), ""]
    given.home.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(1):
        if given.shop is None:
            search_data.retrotech(given.data / "retrotech", given.home, 0)
            Served.of(given.home / "products.csv", given.home / "shop").shop.close()
        shop = Shop.of(given.shop or given.home / "shop")
        lines += clicks(shop, given.data / "retrotech" / "sessions", given.home, given.each)
        lines += made(shop, given.taught)
    lines.append(
        f"All of it: {(process_time() - begun) / 60:.1f} minutes of one core, the shop's training not counted."
    )
    given.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
