"""A trained shop in, what each re-ranking gives and costs out: bench/results/rerank.md, the whole front per knob, and
the same drawn, rerank-PLACEMENT.svg.

python bench/rerank.py SHOP

Settings are chosen on the window before the last and reported on the last; every policy re-ranks the same pools.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import matplotlib
import numpy as np
from matplotlib import pyplot
from numpy.typing import NDArray

import mercato
from machine import described
from mercato import build
from mercato.engine import Engine
from mercato.evaluate.metrics import bootstrap, coverage, gini, head, ndcg, paired
from mercato.jobs.examples import DAY, Split, request, split, wanted
from mercato.jobs.learn import learn
from mercato.parts import Parts
from mercato.policy.calibrated import Calibrated, branches
from mercato.policy.dial import Dial
from mercato.policy.diverse import Determinantal, Likeness, MaximalMarginal
from mercato.policy.exposure import TailExposure
from mercato.policy.rules import Chain
from mercato.ports import Policy
from mercato.schema import Ranking, Request, Rows
from mercato.settings import Settings

RESULTS = Path(__file__).parent / "results" / "rerank.md"
matplotlib.use("svg")
NOBODY = np.empty(0, np.int32)
POOL, TAIL, K, TIMED = 200, 40, 10, 20
PLAIN = "no re-ranking"
LOSS = 0.01
"""The largest share of NDCG a setting may cost."""
GOALS = {"coverage@10": max, "tail share": max, "KL departments": min, "KL categories": min, "ILD": max}
DRAWN = ("coverage@10", "tail share", "KL departments", "shoppers' overlap")


@dataclass(frozen=True)
class Asked:
    """One shopper: the scored pool at the cut and what they wanted of it; the same a week earlier."""

    request: Request
    pool: Ranking
    wanted: Rows
    earlier: Request
    earlier_pool: Ranking


@dataclass(frozen=True)
class Window:
    """One replayed window: its cases, and what policies and figures need to know as of its cut."""

    asked: list[Asked]
    tail: NDArray[np.bool_]
    beyond_half: NDArray[np.bool_]
    counts: NDArray[np.float64]
    departments: Calibrated
    categories: Calibrated
    likeness: Likeness
    leaf: Likeness


@dataclass(frozen=True)
class Figures:
    """One policy on one window: NDCG@10 per case, and the other columns of the table by name."""

    gains: NDArray[np.float64]
    columns: dict[str, float]


Cut = tuple[Split, Parts, Engine]
"""The log cut in two, what was learned from the past, and the engine over it."""


def learned(parts: Parts, settings: Settings, end: int, cache: Path) -> Cut:
    """Everything learned from before the window that ends at ``end``."""
    replay = split(parts.events, end, settings.learn.window_days)
    past = replace(parts, events=replay.past)
    found = learn(settings, past, replay.cut, cache, _tell)
    past = found.into(past)
    return replay, past, build.engine(settings, past, None, {})


def pooled(engine: Engine, asked: Request) -> Ranking:
    """The first POOL - TAIL places of the list as it is shown today and the TAIL best of the tail's own lanes: the
    lanes of other placements hardly bring a tail product, and no policy can show what is not there."""
    shown = engine.placements[asked.placement]

    def ranked(gathered: Ranking) -> Ranking:
        scored = shown.score.scored(gathered)
        return shown.policy.apply(asked, Ranking.best_first(scored.rows, scored.scores))

    main = ranked(engine.pooled(asked, NOBODY)[0]).take(slice(0, POOL - TAIL))
    tail = ranked(engine.pooled(replace(asked, placement="tail"), NOBODY)[0])
    tail = tail.take(~np.isin(tail.rows, main.rows)).take(slice(0, TAIL))
    both = Ranking(np.r_[main.rows, tail.rows], np.r_[main.scores, tail.scores])
    # by score, but the order of the shop's own list stays, and its first places are what they are today
    falling = np.minimum.accumulate(main.scores)
    below = np.minimum(tail.scores, falling[:K].min(initial=np.inf))
    return both.take(np.argsort(-np.r_[falling, below], kind="stable"))


def window(cut: Cut, placement: str, most: int) -> Window:
    """Pools for up to ``most`` shoppers who bought something in the window."""
    replay, parts, engine = cut
    catalog, dense = parts.catalog, parts.dense
    cases = []
    for want in wanted(replay, most, 0, catalog.sellable):
        rows = want.new if placement == "discover" else want.basket
        if len(rows):
            now = request(placement, replay, want.shopper)
            before = now.history.take(now.history.at < replay.cut - 7 * DAY)
            earlier = replace(now, at=now.at - timedelta(days=7), history=before)
            cases.append(Asked(now, pooled(engine, now), rows, earlier, pooled(engine, earlier)))
    sold = np.bincount(replay.past.rows, minlength=len(catalog)).astype(float)
    return Window(
        asked=cases,
        tail=~head(sold),
        beyond_half=~head(sold, 0.5),
        counts=parts.behaviour.popular.counts,
        departments=Calibrated(branches(catalog)),
        categories=Calibrated(branches(catalog, 2)),
        likeness=Likeness(catalog.leaf) if dense is None else Likeness(dense.text_of, dense.vectors),
        leaf=Likeness(catalog.leaf),
    )


def policies(seen: Window) -> Iterator[tuple[str, Policy]]:
    """Every policy at every setting of its knob; the names say both."""
    yield PLAIN, Chain(())
    for strength in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8):
        yield f"MMR, text, {strength}", MaximalMarginal(seen.likeness, strength)
    for strength in (0.1, 0.3):
        yield f"MMR, category, {strength}", MaximalMarginal(seen.leaf, strength)
    for strength in (0.02, 0.05, 0.1, 0.2, 0.4):
        yield f"DPP, text, {strength}", Determinantal(seen.likeness, strength)
    for strength in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
        yield f"calibrated, departments, {strength}", replace(seen.departments, strength=strength)
    for strength in (0.1, 0.2, 0.5, 0.7):
        yield f"calibrated, categories, {strength}", replace(seen.categories, strength=strength)
    for share in (0.1, 0.2, 0.3):
        for slack in (0.2, 0.3, 0.4, 0.5, 0.7):
            yield f"tail, share {share}, slack {slack}", TailExposure(seen.tail, share, slack)
    for share in (0.1, 0.2, 0.3):
        for slack in (0.2, 0.4):
            yield f"beyond half, share {share}, slack {slack}", TailExposure(seen.beyond_half, share, slack)
    for strength in (0.5, 0.6, 0.7):
        for share, slack in ((0.1, 0.3), (0.1, 0.4), (0.2, 0.3)):
            broad, tail = replace(seen.departments, strength=strength), TailExposure(seen.tail, share, slack)
            yield f"calibrated {strength}, then tail {share}, slack {slack}", Chain((broad, tail))
            yield f"tail {share}, slack {slack}, then calibrated {strength}", Chain((tail, broad))
    for personal in (99, 97, 95, 90, 75, 50, 25, 0):
        yield f"dial, {personal}", Dial(seen.counts, personal)


def measure(policy: Policy, seen: Window) -> Figures:
    """All figures of the first ten places; time is the median call with the pools in memory."""
    lists, earlier, seconds = [], [], []
    for case in seen.asked:
        lists.append(policy.apply(case.request, case.pool).rows[:K])
        twenty = replace(case.request, k=TIMED)
        begun = perf_counter()
        policy.apply(twenty, case.pool)
        seconds.append(perf_counter() - begun)
        earlier.append(policy.apply(case.earlier, case.earlier_pool).rows[:K])
    filled = [rows for rows in lists if len(rows)]
    pairs = np.random.default_rng(0).integers(0, len(lists), (4000, 2))
    columns = {
        "coverage@10": coverage(filled, len(seen.tail)),
        "Gini": gini(filled, len(seen.tail)),
        "tail share": seen.tail[np.concatenate(filled)].mean(),
        "KL departments": _divergence(seen.departments, lists, seen),
        "KL categories": _divergence(seen.categories, lists, seen),
        "ILD": np.mean([_distance(seen.likeness, rows) for rows in filled if len(rows) > 1]),
        "shoppers' overlap": np.mean([_jaccard(lists[one], lists[other]) for one, other in pairs if one != other]),
        "a week's overlap": np.mean([_jaccard(*both) for both in zip(lists, earlier, strict=True)]),
        "ms": 1000 * np.median(seconds),
    }
    gains = [ndcg(rows, case.wanted, K) for rows, case in zip(lists, seen.asked, strict=True)]
    return Figures(np.array(gains), {name: float(value) for name, value in columns.items()})


def _divergence(policy: Calibrated, lists: list[Rows], seen: Window) -> float:
    return float(np.mean([policy.divergence(case.request, rows) for rows, case in zip(lists, seen.asked, strict=True)]))


def _distance(likeness: Likeness, rows: Rows) -> float:
    """ILD: the mean of 1 - likeness over the pairs of a list."""
    alike = likeness.among(rows)
    matrix = np.array([alike(place) for place in range(len(rows))])
    return float(1 - matrix[np.triu_indices(len(rows), 1)].mean())


def _jaccard(one: Rows, other: Rows) -> float:
    both = len(np.intersect1d(one, other))
    return both / max(len(one) + len(other) - both, 1)


def chosen(found: dict[str, Figures]) -> dict[str, str]:
    """Goal → the setting that goes furthest towards it among those that cost at most LOSS of the NDCG; *all three*: of
    those with 20 % more coverage, half the KL of departments and 30 % more tail, the one of most NDCG."""
    least = (1 - LOSS) * found[PLAIN].gains.mean()
    cheap = {name: one.columns for name, one in found.items() if one.gains.mean() >= least}
    picked = {goal: best(cheap, key=lambda name: cheap[name][goal]) for goal, best in GOALS.items()}
    plain = found[PLAIN].columns
    meeting = {
        name: one.gains.mean()
        for name, one in found.items()
        if one.columns["coverage@10"] >= 1.2 * plain["coverage@10"]
        and one.columns["tail share"] >= 1.3 * plain["tail share"]
        and one.columns["KL departments"] <= 0.5 * plain["KL departments"]
    }
    return picked | ({"all three": max(meeting, key=lambda name: meeting[name])} if meeting else {})


def table(found: dict[str, Figures]) -> list[str]:
    """One line per setting, NDCG also as the paired difference to no re-ranking."""
    plain = found[PLAIN]
    lines = [f"| policy | NDCG@10 | change | {' | '.join(plain.columns)} |", f"|---|{'---:|' * 11}"]
    for name, one in found.items():
        gain = bootstrap(one.gains)
        columns = " | ".join(f"{value:.4f}" for value in one.columns.values())
        told = f"{gain.mean:.4f} [{gain.low:.4f}, {gain.high:.4f}]"
        lines.append(f"| {name} | {told} | {change(one, plain)} | {columns} |")
    return [*lines, ""]


def change(one: Figures, plain: Figures) -> str:
    """The paired difference in NDCG in per cent, with its interval."""
    ahead, _ = paired(one.gains, plain.gains)
    mean, low, high = (100 * value / plain.gains.mean() for value in (ahead.mean, ahead.low, ahead.high))
    return f"{mean:+.1f} % [{low:+.1f}, {high:+.1f}]"


def verdict(goal: str, name: str, found: dict[str, Figures]) -> str:
    """What the chosen setting did on the test window, in per cent of no re-ranking."""
    before, after = found[PLAIN].columns, found[name].columns
    moved = [f"{before[one]:.4f} → {after[one]:.4f} ({after[one] / max(before[one], 1e-9) - 1:+.0%})" for one in GOALS]
    return f"| {goal} | {name} | {change(found[name], found[PLAIN])} | {' | '.join(moved)} |"


def family(name: str) -> str:
    """The policy without its numbers: what is one colour in the drawing."""
    words = (word for word in name.replace(",", "").split() if not word.replace(".", "").isdigit())
    return " ".join(word for word in words if word not in ("share", "slack", "text", "then"))


def drawn(found: dict[str, Figures], path: Path) -> None:
    """The front: change of NDCG against each goal, one point a setting."""
    families: dict[str, list[str]] = {}
    for name in found:
        families.setdefault(family(name), []).append(name)
    figure, panels = pyplot.subplots(1, len(DRAWN), figsize=(5 * len(DRAWN), 4.5), layout="constrained")
    plain = found[PLAIN].gains.mean()
    for panel, goal in zip(panels, DRAWN, strict=True):
        for label, names in families.items():
            lost = [100 * (found[name].gains.mean() / plain - 1) for name in names]
            mark = "k*" if label == PLAIN else "o"
            panel.plot(lost, [found[name].columns[goal] for name in names], mark, label=label, markersize=4)
        panel.axvline(-100 * LOSS, color="grey", linewidth=0.8, linestyle="--")
        panel.set(xlabel="change of NDCG@10, %", ylabel=goal, xlim=(-16, 4))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def report(known: dict[str, Cut], placement: str, most: int, out: Path) -> list[str]:
    """Both windows of one placement as Markdown, the last one also drawn beside ``out``."""
    seen, made, found = {}, {}, {}
    for name, cut in known.items():
        _tell(f"{placement}, {name}")
        seen[name] = window(cut, placement, most)
        made[name] = dict(policies(seen[name]))
        found[name] = {label: measure(policy, seen[name]) for label, policy in made[name].items()}
    goals = chosen(found["validation"])
    drawing = out.with_name(f"{out.stem}-{placement}.svg")
    drawn(found["test"], drawing)
    lines = [
        f"## {placement}",
        "",
        f"![the front of {placement}]({drawing.name})",
        "",
        f"Chosen on the window before ({len(seen['validation'].asked)} shoppers) as what",
    ]
    lines += [f"goes furthest at no more than {LOSS:.0%} of the NDCG; measured on the last window:", ""]
    lines += [f"| goal | setting | NDCG@10 | {' | '.join(GOALS)} |", f"|---|---|{'---:|' * 6}"]
    lines += [verdict(goal, label, found["test"]) for goal, label in goals.items()]
    for name, figures in found.items():
        lines += ["", f"### {placement}, {name} window ({len(seen[name].asked)} shoppers)", "", *table(figures)]
    return lines


PROTOCOL = f"""Lists of {K}, re-ranked from {POOL} rows: the best {POOL - TAIL} of the pool after the shop's own policy
(one per variant group, at most two of a deepest category before others had a turn) and the best {TAIL} of the tail's
own lanes; "{PLAIN}" is what the shop shows today. Coverage and Gini are over the whole catalogue; tail = outside the
products that hold 80 % of the events before the cut (beyond half: 50 %); KL = Steck's C_KL with alpha .01 between the
shopper's decayed history and the list (departments: the first name of a category path; categories: the first two);
ILD = mean cosine distance of the text vectors in a list; shoppers' overlap = mean Jaccard of 4,000 random pairs of
lists; a week's overlap = mean Jaccard of a shopper's list with the one made from the history up to a week earlier;
ms = median of one call for {TIMED} places, one thread. Brackets are 95 % bootstrap intervals over shoppers."""


def _tell(step: str) -> None:
    print(f"  {step}", file=sys.stderr)


def main() -> None:
    """Replay, re-rank, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--placements", nargs="+", default=["discover", "home"])
    parser.add_argument("--shoppers", type=int, default=800)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    lines = ["# Re-ranking: what it gives and what it costs", "", *described()]
    with mercato.open(given.shop, read_only=True) as shop:
        assert shop._live is not None, "a trained shop"
        parts, settings = shop._live.parts, shop.settings
        lines += [f"- shop: {len(parts.catalog):,} products, {len(parts.events):,} events", "", PROTOCOL, ""]
        end = int(parts.events.at.max()) + 1
        ends = {"validation": end - settings.learn.window_days * DAY, "test": end}
        known = {name: learned(parts, settings, until, given.shop / "cache") for name, until in ends.items()}
        for placement in given.placements:
            lines += report(known, placement, given.shoppers, given.out)
    page = "\n".join(lines)
    given.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
