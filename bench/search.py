"""Searches of one or more catalogues in, bench/results/search.md out: Mercato, its halves and other libraries.

python bench/search.py NAME=REPORT.json …     where each report is what this wrote (one thread, nothing else running):
mercato bench search --data FILE --judgments FILE --json > REPORT.json

bench/search_data.py makes the files from public data and says how; this only lays the reports out.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

import machine
import search_data

RESULT = Path(__file__).resolve().parent / "results" / "search.md"
FIGURES = ("ndcg@10", "recall@10", "recall@50", "mrr")
PLAIN = ("judged@10", "no_result", "p50_ms", "p99_ms")


def table(task: dict[str, Any]) -> list[str]:
    """One Markdown row per model, and how far ours is ahead of it."""
    names = (*FIGURES, *PLAIN)
    lines = [f"| model | {' | '.join(names)} | mercato ahead by (nDCG, paired) |", "|---|" + "---|" * (len(names) + 1)]
    for row in task["rows"]:
        cells = [_interval(row[name]) for name in FIGURES] + [_plain(name, row[name]) for name in PLAIN]
        ahead = row.get("ours_ahead")
        said = f"{ahead['mean']:+.4f} [{ahead['low']:+.4f}, {ahead['high']:+.4f}], p {ahead['p']:.4f}" if ahead else ""
        name = f"**{row['model']}**" if row["ours"] else row["model"]
        lines.append(f"| {name} | {' | '.join(cells)} | {said} |")
    return lines


def _interval(value: dict[str, float]) -> str:
    return f"{value['mean']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"


def _plain(name: str, value: float) -> str:
    return f"{value:.1f}" if name.endswith("_ms") else f"{value:.3f}"


def short(tasks: list[dict[str, Any]]) -> list[str]:
    """nDCG@10 of every slice in one table."""
    lines = [f"| nDCG@10 | {' | '.join(task['name'] for task in tasks)} |", "|---|" + "---|" * len(tasks)]
    for place, row in enumerate(tasks[0]["rows"]):
        cells = [_beside(task["rows"][place]) for task in tasks]
        name = f"**{row['model']}**" if row["ours"] else row["model"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _beside(row: dict[str, Any]) -> str:
    """The figure, with + where ours is ahead of it and − where it is behind, at p below .05."""
    ahead = row.get("ours_ahead")
    sign = "" if not ahead or ahead["p"] >= 0.05 else " (+)" if ahead["mean"] > 0 else " (−)"
    return f"{row['ndcg@10']['mean']:.4f}{sign}"


def section(name: str, report: dict[str, Any]) -> list[str]:
    """The heading, what was measured, all queries in full, and nDCG by slice."""
    data = report["data"]
    whole, *slices = report["tasks"]
    lines = [f"## {name}", "", *(f"- {key}: {_number(value)}" for key, value in data.items()), "", *table(whole), ""]
    if slices:
        counts = ", ".join(f"{task['name']} {task['cases']}" for task in slices)
        lines += [
            f"By slice ({counts}); (+): mercato is ahead of it, (−): behind it, p below .05.", "", *short(slices), "",
        ]  # fmt: skip
    for peer, account in report["peers"].items():
        lines.append(f"- {peer}: " + ", ".join(f"{key} {value}" for key, value in account.items()))
    return [*lines, ""]


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Lay out the reports named on the command line."""
    named = [argument.partition("=")[::2] for argument in sys.argv[1:]]
    if not named or not all(path for _, path in named):
        sys.exit(__doc__)
    reports = {name: orjson.loads(Path(path).read_bytes()) for name, path in named}
    protocol = next(iter(reports.values()))["protocol"]
    made = (search_data.__doc__ or "").partition("\n\n")[2].partition("\n\n")[2]
    where = [
        line for line in machine.described() if "date" not in line and "load" not in line
    ]  # reports have their own
    lines = ["# Search", "", *where, f"- protocol: {protocol}", "",
             "## How the queries were made (bench/search_data.py)", "", made.strip(), ""]  # fmt: skip
    for name, report in reports.items():
        lines += section(name, report)
    RESULT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(RESULT)


if __name__ == "__main__":
    main()
