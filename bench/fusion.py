"""Catalogues with judged queries in, how words and meaning are best put together out: bench/results/fusion.md.

python bench/fusion.py FOLDER HOME NAME…     FOLDER/NAME/products.csv and judgments.tsv of bench/search_data.py

Every line ranks the very set that search matches, by the same two notes (the words' score over the shop's best, the
cosine over the shop's best); only how they become one order differs. At most 300 queries a catalogue, of another seed
than those of search.md: this is where the choice was made.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from machine import described
from mercato import build
from mercato.evaluate.metrics import bootstrap, graded_ndcg, paired
from mercato.jobs.judgments import Judged, read_judgments
from mercato.jobs.search_bench import _new_shop
from mercato.jobs.train import load_encoder
from mercato.retrieve.hybrid import Hybrid, Matched
from mercato.schema import Ranking, Scores
from mercato.settings import Settings
from mercato.shop.bench import _catalog

RESULT = Path(__file__).resolve().parent / "results" / "fusion.md"
MOST = 300
Order = Callable[[Ranking], Scores]


def summed(words: float, meaning: float, every: float = 0.6) -> Order:
    """The readable score's terms, weight times log(1 + note)."""

    def order(matched: Ranking) -> Scores:
        notes = matched.notes
        told = words * np.log1p(notes["lane:words"]) + meaning * np.log1p(notes["lane:meaning"])
        return np.asarray(told + every * np.log1p(notes["lane:every"]))

    return order


def ranked(constant: float, words: float = 1.0) -> Order:
    """Reciprocal rank fusion (Cormack, Clarke & Buettcher, SIGIR 2009); a row without the words has no rank in them."""

    def order(matched: Ranking) -> Scores:
        total = np.zeros(len(matched))
        for name, weight in (("lane:words", words), ("lane:meaning", 1.0)):
            note = matched.notes[name]
            place = np.empty(len(note))
            place[np.lexsort((matched.rows, -note))] = np.arange(1, len(note) + 1)
            total += np.where(note > 0, weight / (constant + place), 0.0)
        return total

    return order


LINES: dict[str, tuple[dict[str, float], Order]] = {
    "**served: sum, words 4, meaning 2 · (1 + 3 · unsaid)**": ({}, summed(4, 2)),
    "sum, meaning the same whatever is unsaid": ({"unsaid": 0.0}, summed(4, 2)),
    "sum, meaning 1": ({}, summed(4, 1)),
    "sum, meaning 4": ({}, summed(4, 4)),
    "sum, unsaid 6": ({"unsaid": 6.0}, summed(4, 2)),
    "RRF 60": ({}, ranked(60)),
    "RRF 10": ({}, ranked(10)),
    "RRF 60, words three times": ({}, ranked(60, 3)),
    "RRF 10, words three times": ({}, ranked(10, 3)),
    "words, meaning only where they are silent": ({}, summed(4, 1e-6)),
    "meaning alone orders": ({}, summed(1e-6, 2)),
}


def best(matched: Matched, order: Order, judged: Judged) -> float:
    """nDCG@10 of the matched set in that order."""
    ranking = matched.ranking
    return graded_ndcg(Ranking.best_first(ranking.rows, order(ranking), 10).rows, judged.grades, 10)


def measured(folder: Path, home: Path) -> tuple[int, dict[str, Scores]]:
    """nDCG@10 of every line over the catalogue's queries."""
    encoder, _ = load_encoder(Settings(), home)
    catalog, _ = _catalog(folder / "products.csv")
    queries = read_judgments(folder / "judgments.tsv", catalog).queries
    chosen = np.sort(np.random.default_rng(0).permutation(len(queries))[:MOST])
    parts = _new_shop(catalog, Settings(), encoder, home / "cache", lambda _: None)
    served = build.engine(Settings(), parts, encoder, {}).search_parts.matcher
    assert isinstance(served, Hybrid)
    asked = [queries[at] for at in chosen.tolist()]
    matched: dict[str, list[Matched]] = {}
    found = {}
    for name, (changed, order) in LINES.items():
        if str(changed) not in matched:
            matcher = replace(served, **changed)  # type: ignore[arg-type]
            matched[str(changed)] = [matcher.match(one.query) for one in asked]
        pairs = zip(matched[str(changed)], asked, strict=True)
        found[name] = np.array([best(each, order, one) for each, one in pairs])
    return len(chosen), found


def main() -> None:
    """Measure every catalogue and write the table."""
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    root, home, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    told = {name: measured(root / name, home) for name in names}
    title = "# Putting words and meaning together"
    lines = [title, "", *described(), "", (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2], ""]
    lines += ["nDCG@10; (+): the served order is ahead of it, (−): behind it, p below .05 of the paired bootstrap.", ""]
    heads = [f"{name} ({count})" for name, (count, _) in told.items()]
    lines += [f"| order | {' | '.join(heads)} |", "|---|" + "---|" * len(names)]
    ours = next(iter(LINES))
    for line in LINES:
        cells = []
        for _, found in told.values():
            difference, p = paired(found[ours], found[line])
            sign = "" if line == ours or p >= 0.05 else " (+)" if difference.mean > 0 else " (−)"
            cells.append(f"{bootstrap(found[line]).mean:.4f}{sign}")
        lines.append(f"| {line} | {' | '.join(cells)} |")
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
