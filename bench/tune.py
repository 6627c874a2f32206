"""A shop in, every way to tune its text encoder at an equal budget out, clean and on perturbed queries: a JSON report.

python bench/tune.py SHOP OUT.json [--sessions FOLDER] [--steps 100] [--only NAME …]
python bench/tune.py --table NAME=OUT.json …        lays reports out as bench/results/tune.md

The course is ``mercato tune``'s own: what came first teaches, the next tenth of the time stops and chooses, the last is
the test. Every variant has the same lessons, steps and judgements, in a process of its own (for its peak
memory); what is judged is what would serve (int8). Nothing is chosen by the test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import multiprocessing
import pickle
import resource
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import orjson

import machine
import mercato
from mercato.evaluate.metrics import bootstrap, paired
from mercato.jobs.augment import PERTURBATIONS, perturbed
from mercato.jobs.exams import Size, marks
from mercato.jobs.lessons import Teach, course, lessons, whole
from mercato.jobs.material import Material
from mercato.jobs.tuning import MODEL, Bench, trained
from mercato.models.taught import Exam, Lessons
from mercato.models.text import TextEncoder
from mercato.models.tuning import Tune

RESULT = Path(__file__).resolve().parent / "results" / "tune.md"
UNTUNED = "untuned"
VARIANTS: dict[str, dict[str, Any]] = {
    "lora": {"method": "lora"},
    "full": {"method": "full"},
    "adapter": {"method": "adapter"},
    "adapter, last two layers": {"method": "adapter", "at": (4, 5)},
    "adalora": {"method": "adalora"},
    "prefix": {"method": "prefix"},
    "prompt": {"method": "prompt"},
    "head": {"method": "head"},
    "lora, FGM": {"robust": "fgm"},
    "lora, AWP": {"robust": "awp"},
    "lora, R-Drop": {"robust": "r-drop", "dropout": 0.1},
    "lora, click loss": {"contrastive": 0.0, "click": 1.0},
    "lora, category and sentiment too": {"category": 0.1, "sentiment": 0.1},
    "lora, masked words too": {"mlm": 0.1},
    "lora, end to end": {"end_to_end": True},
}


def learned(given: Path, recipe: Tune, cache: Path) -> dict[str, Any]:
    """Train in this process, which does nothing else."""
    taught, exam = pickle.loads(given.read_bytes())
    folder = trained(recipe, taught, exam, cache, lambda step: print(f"    {step}", file=sys.stderr, flush=True))
    told: dict[str, Any] = orjson.loads((folder / "account.json").read_bytes())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told | {"folder": str(folder / MODEL), "peak_mb": round(peak / 1024)}


def judged(encoder: Any, exams: dict[str, Exam]) -> dict[str, list[float]]:
    """NDCG@10 of every query, by exam and by what was done to the query."""
    found = {}
    for name, exam in exams.items():
        found[name] = marks(exam, encoder).round(5).tolist()
        for kind in PERTURBATIONS:
            found[f"{name}: {kind}"] = marks(perturbed(exam, kind, 0), encoder).round(5).tolist()
    return found


def measure(shop: Path, sessions: list[Path], steps: int, only: list[str], out: Path) -> None:
    """Every variant, the report written after each; a report that is there goes on."""
    cache = out.with_suffix("")
    base = Tune(steps=steps, judged=steps // 2, minutes=600.0, patience=20, threads=1)
    bench = Bench(TextEncoder(), cache)
    report: dict[str, Any] = orjson.loads(out.read_bytes()) if out.exists() else {"rows": {}}
    with mercato.open(shop, read_only=True) as opened:
        material = Material.read(opened.store, print, sessions=sessions)
    teach = Teach(size=Size(queries=200, corpus=2000))
    given = course(material, teach)
    encoder = bench.load(base.base)
    begun = perf_counter()
    taught = lessons(given, material, teach, encoder, bench.vectors)
    # a judgement is not learning: a smaller exam stops as well
    exam = whole(course(material, replace(teach, size=Size(queries=120, corpus=1200))).validation)
    report |= {"about": machine.described(), "steps": steps, "account": dict(given.account),
               "lessons": {"pairs": len(taught.pairs), "seconds": round(perf_counter() - begun)}}  # fmt: skip
    if UNTUNED not in report["rows"]:
        report["rows"][UNTUNED] = {"marks": judged(encoder, dict(given.test))}
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch) / "lessons.pickle"
        kept.write_bytes(pickle.dumps((_few(taught), exam)))
        for name in only or VARIANTS:
            if name in report["rows"]:
                continue
            print(name, flush=True)
            recipe = replace(base, **VARIANTS[name])
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                told = pool.apply(learned, (kept, recipe, cache))
            marked = judged(bench.load(told["folder"]), dict(given.test))
            report["rows"][name] = {"marks": marked, "account": {k: v for k, v in told.items() if k != "curve"}}
            out.write_bytes(orjson.dumps(report))


def _few(taught: Lessons) -> Lessons:
    return Lessons(taught.pairs, taught.texts[:20_000])


def section(name: str, report: dict[str, Any]) -> list[str]:
    """One shop as Markdown: quality, cost, and robustness."""
    rows, exams = report["rows"], [one for one in report["rows"][UNTUNED]["marks"] if ": " not in one]
    plain = rows[UNTUNED]["marks"]
    every = {key: np.concatenate([np.array(row["marks"][exam]) for exam in exams]) for key, row in rows.items()}
    lines = [f"## {name}", "", f"- {report['steps']} steps of 32 pairs each; {report['lessons']['pairs']:,} pairs"]
    lines += [f"- {key}: {value}" for key, value in report["account"].items()]
    lines += [
        "",
        f"| variant | NDCG@10, all | ahead of untuned (paired) | {' | '.join(exams)} | tuned weights | minutes "
        "| steps (best) | peak MB |",
    ]
    lines += ["|---|---|---|" + "---|" * (len(exams) + 4)]
    for key, row in rows.items():
        gained, account = bootstrap(every[key]), row.get("account")
        ahead, p = paired(every[key], every[UNTUNED])
        versus = f"{ahead.mean:+.4f} [{ahead.low:+.4f}, {ahead.high:+.4f}], p {p:.4f}" if account else ""
        each = " | ".join(f"{np.mean(row['marks'][exam]):.4f}" for exam in exams)
        cost = _cost(account) if account else "0 | | | "
        lines.append(
            f"| {key} | {gained.mean:.4f} [{gained.low:.4f}, {gained.high:.4f}] | {versus} | {each} | {cost} |"
        )
    kinds = sorted({one.partition(": ")[2] for one in plain if ": " in one})
    lines += ["", "Perturbed queries: NDCG@10 over all exams, and the share of the clean figure that is lost.", ""]
    lines += [f"| variant | clean | {' | '.join(kinds)} |", "|---|---|" + "---|" * len(kinds)]
    for key, row in rows.items():
        clean = float(every[key].mean())
        cells = []
        for kind in kinds:
            own = np.concatenate([np.array(row["marks"][f"{exam}: {kind}"]) for exam in exams]).mean()
            cells.append(f"{own:.4f} ({own / clean - 1:+.1%})")
        lines.append(f"| {key} | {clean:.4f} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cost(account: dict[str, Any]) -> str:
    steps = f"{account['steps'][0]} ({account['best_step'][0]})"
    return f"{account['tuned']:,} | {account['seconds'] / 60:.1f} | {steps} | {account['peak_mb']:,}"


def main() -> None:
    """Measure, or lay out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", nargs="?", type=Path)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--sessions", nargs="*", type=Path, default=[])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--table", nargs="*", default=[])
    given = parser.parse_args()
    if given.out is not None:
        return measure(given.shop, given.sessions, given.steps, given.only, given.out)
    lines = ["# Tuning the text encoder", "", *machine.described(), ""]
    for named in given.table:
        name, _, path = named.partition("=")
        lines += section(name, orjson.loads(Path(path).read_bytes()))
    RESULT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(RESULT)
    return None


if __name__ == "__main__":
    main()
