"""A built shop in, how good its lists are out: bench/results/demo-quality.md, the tables of ``mercato evaluate``.

python bench/evaluate_demo.py SHOP
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import mercato
from machine import described

RESULTS = Path(__file__).parent / "results" / "demo-quality.md"


def table(task: dict[str, Any]) -> list[str]:
    """One task as a Markdown table: mean [95 % interval] of each metric, and how far Mercato is ahead."""
    names = [name for name in task["rows"][0] if name not in ("model", "ours", "ours_ahead")]
    lines = [
        f"### {task['name']} ({task['cases']:,} cases)",
        "",
        f"| model | {' | '.join(names)} | mercato ahead by |",
        f"|---|{'---:|' * len(names)}---|",
    ]
    for row in task["rows"]:
        ahead = row.get("ours_ahead")
        told = f"{ahead['mean']:+.4f} (p {ahead['p']:.3f})" if ahead else ""
        name = f"**{row['model']}**" if row.get("ours") else row["model"]
        lines.append(f"| {name} | {' | '.join(_cell(row[metric]) for metric in names)} | {told} |")
    return [*lines, ""]


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['mean']:.4f} [{value['low']:.4f}, {value['high']:.4f}]"
    return f"{value:.3f}"


def main() -> None:
    """Evaluate and write; the shop keeps the result for its console as with ``mercato evaluate``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--part", default="all")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    begun = perf_counter()
    with mercato.open(given.shop) as shop:
        found = shop.evaluate(given.part, lambda step: print(f"  {step}", file=sys.stderr))
        status, learned = shop.status(), shop.learned()
    lines = ["# The demo shop: how good are its lists", "", *described()]
    lines += [f"- shop: {status['products']:,} products, {status['events']:,} events, {status['shoppers']:,} shoppers"]
    lines += [f"- evaluated in {perf_counter() - begun:.0f} s; trained in {learned['seconds']:.0f} s", ""]
    for part, result in found.items():
        lines += [f"## {part}", "", f"{result['protocol']}.", ""]
        for task in result["tasks"]:
            lines += table(task)
    page = "\n".join(lines)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
