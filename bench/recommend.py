"""Leave-one-out of one or more files in, bench/results/recommend.md out: lanes, nulls and Mercato.

python bench/recommend.py NAME=REPORT.json …     where each report is what this wrote:
mercato bench recommend --data FILE [--texts FILE] [--attributes FILE] --seeds 3 --json > REPORT.json

The report holds everything the table says; this only lays it out, so that hours of training are not spent twice.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson

import machine

RESULT = Path(__file__).resolve().parent / "results" / "recommend.md"
COLUMNS = ("hr@10", "ndcg@10", "coverage@10", "tail_hr@10", "gini@10", "novelty@10")


def table(task: dict[str, Any]) -> list[str]:
    """One Markdown row per model, and how far ours is ahead of it."""
    lines = [f"| model | {' | '.join(COLUMNS)} | mercato ahead by (NDCG, paired) |", "|---|" + "---|" * 7]
    for row in task["rows"]:
        cells = [_cell(row[name]) for name in COLUMNS]
        ahead = row.get("ours_ahead")
        said = f"{ahead['mean']:+.4f} [{ahead['low']:+.4f}, {ahead['high']:+.4f}], p {ahead['p']:.4f}" if ahead else ""
        name = f"**{row['model']}**" if row["ours"] else row["model"]
        lines.append(f"| {name} | {' | '.join(cells)} | {said} |")
    return lines


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['mean']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
    return f"{value:.3f}"


def section(name: str, report: dict[str, Any]) -> list[str]:
    """The heading, what was measured, the mean over seeds, the table of seed 0 and what was learned."""
    data, seeds = report["data"], report["seeds"]
    trained = ", ".join(str(run["training"]) for run in report["seconds"])
    lines = [
        f"## {name}", "",
        f"{data['products']:,} products, {data['shoppers']:,} shoppers, {data['events']:,} events, {data['cases']:,} "
        f"cases. Seconds of training by seed, text vectors apart: {trained}; peak memory {report['peak_mb']:,} MB.", "",
        f"**mercato over {seeds} seed{'s' if seeds > 1 else ''}:** "
        + ", ".join(f"{key} {one['mean']:.4f} ± {one['sd']:.4f}" for key, one in report["mercato"].items()) + ".", "",
        *table(report["tasks"][0]), "",
    ]  # fmt: skip
    learned = report["learned"][0]
    lines += [f"- {key}: {value}" for key, value in learned.items()]
    lines += [f"- {name}: {_account(peer)}" for name, peer in report.get("peers", {}).items()]
    return [*lines, ""]


def _account(peer: dict[str, Any]) -> str:
    chosen = ", ".join(f"{key} {value}" for key, value in peer["settings"].items()) or "nothing to set"
    seconds = peer["seconds"]
    return (
        f"{chosen} (of {peer['tried']} tried on validation, {seconds['tuning']} s in all; fit {seconds['fit']} s; "
        f"peak {peer['peak_mb']:,} MB)"
    )


def main() -> None:
    """Lay out the reports named on the command line."""
    named = [argument.partition("=")[::2] for argument in sys.argv[1:]]
    if not named or not all(path for _, path in named):
        sys.exit(__doc__)
    reports = {name: orjson.loads(Path(path).read_bytes()) for name, path in named}
    protocol = next(iter(reports.values()))["protocol"]
    lines = ["# Recommendations, leave-one-out", "", *machine.described(), f"- protocol: {protocol}", ""]
    for name, report in reports.items():
        lines += section(name, report)
    RESULT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    print(RESULT)


if __name__ == "__main__":
    main()
