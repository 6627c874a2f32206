"""retrotech in, what reading the first 16 rows of a search with a cross-encoder gives and costs out.

python bench/cross_encoder.py DATA HOME [--steps 450] [--out FILE]     (torch; about 25 minutes of one core)

The search score's first 16 rows get one more term, `weight · log(1 + chance / scale)`, where the chance comes from

- *cosine*: the sentence encoder as it is, query against the text that is read;
- *tuned on made queries*: a cross-encoder of the encoder's first three layers, tuned on queries made from products' own
  words (jobs.cross.made_queries) with our own first 16 rows as negatives;
- *tuned on clicks too*: that one, tuned on with what the early half of the click sessions says (jobs.clicks).

Weight and scale are chosen on other queries than those reported: for made ones, on 150 made queries; for clicks, on the
early halves of the other folds (of seen queries on their own early halves). No figure is chosen on what is reported.
The tables show the best weight, if any; `learn_cross` publishes it only where its p is below .05 after Bonferroni.

- *made queries*: those of bench/search_data.py (seed 0); neither their products nor products of the same title were
  drawn for tuning.
- *clicks, unseen queries*: the 13 queries in four folds ("blue ray" and "bluray" in one); a fold's model saw the early
  half of the other folds' sessions alone; judged by the later half (SDBN) of its own.
- *clicks, seen queries*: one model saw the early half of all 13, judged by the later half. *early clicks looked up* is
  what must be beaten there: the same judgments of the early half as a table of query and product, and no model at all.

*first 16*: NDCG@10 of the search as served, all other products counting 0. *judged only*: the judged products alone,
put in order by each score (what search did not find has none of its own).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

import mercato
import search_data
from machine import described
from mercato.artifacts import open_current
from mercato.catalog import Catalog
from mercato.evaluate.metrics import bootstrap, graded_ndcg, paired
from mercato.jobs.clicks import ClickModel
from mercato.jobs.cross import Pool, chances, choices, gain, learn_cross, made_queries, pools, weighed
from mercato.jobs.judgments import Judged, read_judgments
from mercato.models import cross_onnx
from mercato.models.cross import GRAPH, CosinePairs, CrossEncoder, LoadedCross
from mercato.ports import PairScorer
from mercato.rank.cross import pair_text, signal
from mercato.rank.linear import Signal
from mercato.schema import Ranking, Scores
from mercato.settings import Settings

RESULTS = Path(__file__).parent / "results" / "cross-encoder.md"
MADE, HELD = 3000, 150
FOLDS = (
    ("blue ray", "bluray", "ipad", "star wars"),
    ("dryer", "kindle", "macbook"),
    ("headphones", "nook", "star trek"),
)
"""Three folds by name, the other queries are the fourth."""
CLICK_STEPS = 40
TUNE = CrossEncoder(layers=3, frozen=1, rate=1e-4, lists=12, each=5, steps=450, judged=150)
PLAIN = "[sequence]\ntrain = 'never'\n"
Gains = NDArray[np.float64]


@dataclass(frozen=True)
class Served:
    """A new shop of these products, trained without a single event."""

    shop: mercato.Shop
    catalog: Catalog

    @staticmethod
    def of(products: Path, home: Path) -> Served:
        """The shop in ``home``, made the first time."""
        if not (home / "mercato.toml").exists():
            with mercato.create(home, products=products, settings=PLAIN) as shop:
                shop.train()
        shop = mercato.open(home, read_only=True)
        return Served(shop, Catalog.load(open_current(home / "snapshots").folder / "catalog"))

    def find(self, query: str, k: int) -> Ranking:
        """The first ``k`` rows with the readable score."""
        slate = self.shop.search(query, k=k)
        return Ranking(self.catalog.rows(slate.ids), np.array(slate.scores))

    def judged_only(self, one: Judged) -> Pool:
        """The judged products with their readable scores, 0 for what is not among the first thousand."""
        found = self.find(one.query, 1000)
        known = dict(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
        rows = np.array(sorted(one.grades), np.int32)
        return Pool(one, Ranking.best_first(rows, np.array([known.get(row, 0.0) for row in rows.tolist()])))


class Looked:
    """Early clicks as a table: a PairScorer that knows what it saw and nothing else."""

    def __init__(self, judged: Sequence[Judged], catalog: Catalog) -> None:
        self._known = {
            (one.query, pair_text(catalog.product(row))): grade / 10
            for one in judged
            for row, grade in one.grades.items()
        }

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Its worth in the early half, 0 for what was not judged there."""
        return np.array([self._known.get((query, text), 0.0) for text in texts])


def early_half(sessions: Path, folder: Path) -> Path:
    """The sessions of ``sessions`` that ClickModel(later=.5) does not judge by, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(sessions.iterdir()):
        shown = pl.read_csv(path, infer_schema_length=0)
        number = pl.col("sess_id").cast(pl.Float64)
        shown.filter(number < number.quantile(0.5, "higher").over("query")).write_csv(folder / f"{path.stem}.csv")
    return folder


def line(name: str, gained: Gains, off: Gains, note: str = "") -> str:
    """One row of a table."""
    ahead, p = paired(gained, off)
    figure = bootstrap(gained).to_dict()
    said = "" if name == "search score" else f"{ahead.mean:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}], p {p:.3f}"
    return f"| {name} | {figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}] | {said} | {note} |"


HEADER = ["| | NDCG@10 | ahead of the score alone (paired) | term |", "|---|---|---|---|"]


def table(found: Sequence[Pool], scorers: Mapping[str, tuple[PairScorer, Signal]], catalog: Catalog) -> list[str]:
    """The score alone and with each scorer's term."""
    off = np.array([gain(pool, np.zeros(len(pool.first)), signal(0, 1)) for pool in found])
    rows = [line("search score", off, off)]
    for name, (scorer, term) in scorers.items():
        gained = np.array([gain(pool, chances(pool, scorer, catalog), term) for pool in found])
        rows.append(line(f"+ {name}", gained, off, f"weight {term.weight:g}, scale {term.scale:g}"))
    best = [graded_ndcg(np.array(sorted(p.first.rows, key=lambda r: -p.judged.grades.get(int(r), 0))), p.judged.grades)
            for p in found]  # fmt: skip
    return [*HEADER, *rows, f"| best order of these rows | {np.mean(best):.4f} | | |", ""]


def folded(queries: Sequence[str]) -> list[list[str]]:
    """The queries of each fold."""
    named = [[query for query in fold if query in queries] for fold in FOLDS]
    return [*named, [query for query in queries if not any(query in fold for fold in named)]]


def clicks(shop: Served, made: Path, sessions: Path, home: Path, recipe: CrossEncoder) -> list[str]:
    """Both click tables, each over the first 16 rows and over the judged products alone."""
    judge = ClickModel(later=1.0, least_sessions=50)
    early = {one.query: one for one in judge.judge(early_half(sessions, home / "early"), shop.catalog).queries}
    late = {one.query: one for one in ClickModel().judge(sessions, shop.catalog).queries if one.query in early}
    onward = replace(recipe, base=str(made), layers=0, steps=CLICK_STEPS, judged=CLICK_STEPS, lists=8, each=8)
    taught = {query: pools([early[query]], shop.find)[0] for query in late}
    models: dict[str, PairScorer] = {}
    root = home / "clicks"
    shutil.rmtree(root, ignore_errors=True)
    folds = folded(list(late))
    for number, fold in enumerate(folds):
        rest = [taught[query] for query in late if query not in fold]
        learn_cross(onward, shop.catalog, choices(rest, shop.catalog), [], root, f"fold{number}", print)
        models |= dict.fromkeys(fold, LoadedCross.load(root / f"fold{number}"))
    learn_cross(onward, shop.catalog, choices(list(taught.values()), shop.catalog), [], root, "all", print)
    every = LoadedCross.load(root / "all")
    lines: list[str] = []
    for name, made_of in (("first 16", lambda one: pools([one], shop.find)[0]), ("judged only", shop.judged_only)):
        test, known = {q: made_of(one) for q, one in late.items()}, {q: made_of(early[q]) for q in late}
        off = np.array([gain(pool, np.zeros(len(pool.first)), signal(0, 1)) for pool in test.values()])
        rows = [line("search score", off, off)]
        sources: tuple[tuple[str, Mapping[str, PairScorer]], ...] = (
            ("cosine", dict.fromkeys(late, cosine(home))),
            ("tuned on made queries", dict.fromkeys(late, LoadedCross.load(made))),
            ("tuned on clicks too, unseen queries", models),
        )
        for said, scorers in sources:
            gained: dict[str, float] = {}
            for fold in folds:
                term = _best([(known[q], scorers[q]) for q in late if q not in fold], shop.catalog)
                gained |= {q: gain(test[q], chances(test[q], scorers[q], shop.catalog), term) for q in fold}
            rows.append(line(f"+ {said}", np.array([gained[q] for q in late]), off, "by fold"))
        looked = Looked(list(early.values()), shop.catalog)
        for said, scorer in (("tuned on clicks too, seen queries", every), ("early clicks looked up", looked)):
            term = _best([(known[q], scorer) for q in late], shop.catalog)
            gained_ = np.array([gain(test[q], chances(test[q], scorer, shop.catalog), term) for q in late])
            rows.append(line(f"+ {said}", gained_, off, f"weight {term.weight:g}, scale {term.scale:g}"))
        lines += [f"## Clicks, 13 queries: {name}", "", *HEADER, *rows, ""]
    return lines


def _best(found: Sequence[tuple[Pool, PairScorer]], catalog: Catalog) -> Signal:
    """The weight and scale that do most over pools that each have a scorer of their own."""

    class Each:
        def __init__(self) -> None:
            self._of = {pool.judged.query: scorer for pool, scorer in found}

        def score(self, query: str, texts: Sequence[str]) -> Scores:
            return self._of[query].score(query, texts)

    return weighed([pool for pool, _ in found], Each(), catalog)[0]


def cosine(home: Path) -> CosinePairs:
    """The sentence encoder, reading as far as the pair text goes."""
    return CosinePairs(replace(Settings().encoder, max_length=96).load(home / "cache" / "models"))


def speed(folder: Path, found: Sequence[Pool], catalog: Catalog, home: Path) -> list[str]:
    """Milliseconds of one thread for the first 16 rows of each of ``found``, nothing cached."""
    lines = ["| | median ms | p95 ms | pairs a second |", "|---|---|---|---|"]
    for name, int8 in (("int8", True), ("float32", False)):
        model = home / f"speed-{name}"
        model.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            (model / path.name).write_bytes(path.read_bytes())
        cross_onnx.build(model, model / GRAPH, int8=int8)
        loaded = LoadedCross.load(model)
        took, pairs = [], 0
        for pool in found:
            begun = process_time()
            pairs += len(chances(pool, loaded, catalog))
            took.append((process_time() - begun) * 1000)
        rate, size = pairs / sum(took) * 1000, (model / GRAPH).stat().st_size / 1e6
        lines.append(f"| {name}, {size:.0f} MB | {median(took):.1f} | {np.percentile(took, 95):.1f} | {rate:.0f} |")
    return [*lines, ""]


def main() -> None:
    """Tune, measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--steps", type=int, default=TUNE.steps)
    parser.add_argument("--layers", type=int, default=TUNE.layers)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    home, recipe = given.home, replace(TUNE, steps=given.steps, layers=given.layers)
    lines = ["# A cross-encoder over the first rows of a search", "", *described(), ""]
    lines += [(__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip(), ""]
    (home / "retrotech").mkdir(parents=True, exist_ok=True)
    search_data.retrotech(given.data / "retrotech", home / "retrotech", 0)
    with threadpool_limits(1):
        served = Served.of(home / "retrotech" / "products.csv", home / "shop")
        lines += made(served, recipe, home)
        found = home / "models" / "made"
        lines += clicks(served, found, given.data / "retrotech" / "sessions", home, recipe)
        judged = read_judgments(home / "retrotech" / "judgments.tsv", served.catalog).queries
        lines += [
            "## Time of 16 pairs, one thread",
            "",
            *speed(found, pools(judged[:60], served.find), served.catalog, home),
        ]
        served.shop.close()
    given.out.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print("\n".join(lines))


def made(served: Served, recipe: CrossEncoder, home: Path) -> list[str]:
    """Tune on queries made of products' words, and the tables of those of bench/search_data.py."""
    catalog, judged = served.catalog, read_judgments(home / "retrotech" / "judgments.tsv", served.catalog).queries
    wanted = {row for one in judged for row in one.grades}
    mine = made_queries(catalog, MADE + HELD, 1, wanted)
    held, root = pools(mine[:HELD], served.find), home / "models"
    if not (root / "made" / GRAPH).exists():
        examples = choices(pools(mine[HELD:], served.find), catalog)
        learn_cross(recipe, catalog, examples, held, root, "made", print)
    told = orjson.loads((root / "made" / "manifest.json").read_bytes())["about"]["metrics"]
    account = ", ".join(f"{name} {value}" for name, value in told.items() if name not in ("curve", "search"))
    lines = [f"- tuned: {account}"]
    scorers: dict[str, tuple[PairScorer, Signal]] = {}
    sources: dict[str, PairScorer] = {"cosine": cosine(home), "tuned on made queries": LoadedCross.load(root / "made")}
    for name, scorer in sources.items():
        term, figures = weighed(held, scorer, catalog)
        scorers[name] = scorer, term
        lines += [f"- {name}, where its weight was chosen: {', '.join(f'{k} {v:.4f}' for k, v in figures.items())}", ""]
    found = pools(judged, served.find)
    slices = {"all": found} | {
        name: [pool for pool in found if pool.judged.slice == name] for name in sorted({one.slice for one in judged})
    }
    for name, chosen in slices.items():
        lines += [f"## Made queries: {name} ({len(chosen)})", "", *table(chosen, scorers, catalog)]
    return lines


if __name__ == "__main__":
    main()
