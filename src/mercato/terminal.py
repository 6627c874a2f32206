"""Answers in, lines on the terminal out."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from mercato import codec
from mercato.schema import Slate

out = Console(highlight=False, width=None if sys.stdout.isatty() else 180)


def say(value: Any, as_json: bool, text: str) -> None:
    """``value`` as one JSON document, or ``text`` for a person."""
    if as_json:
        sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")
    else:
        out.print(text, markup=False, soft_wrap=True)


def show_tasks(found: dict[str, Any]) -> None:
    for name, result in found.items():
        out.print(f"\n{name}: {result['protocol']}")
        for task in result["tasks"]:
            out.print(_task_table(task))


def _task_table(task: dict[str, Any]) -> Table:
    names = [name for name in task["rows"][0] if name not in ("model", "ours", "ours_ahead")]
    table = Table("model", *names, "mercato ahead by", title=f"{task['name']} ({task['cases']:,} cases)")
    for row in task["rows"]:
        cells = [
            f"{row[name]['mean']:.4f} [{row[name]['low']:.4f}, {row[name]['high']:.4f}]"
            if isinstance(row[name], dict)
            else f"{row[name]:.3f}"
            for name in names
        ]
        ahead = row.get("ours_ahead")
        table.add_row(row["model"], *cells, f"{ahead['mean']:+.4f} (p {ahead['p']:.3f})" if ahead else "")
    return table


def show(slate: Slate, as_json: bool, explain: bool) -> None:
    """A list, with what is to be said of it above."""
    if as_json:
        return say(codec.slate_to_dict(slate, explain=explain), True, "")
    for said in _notes(slate):
        out.print(said, markup=False)
    for place, item in enumerate(slate.items, 1):
        price = codec.to_major(item.product.price, item.product.currency)
        cost = "" if price is None else f"  {price:.2f} {item.product.currency}"
        out.print(f"{place:>3}. {item.product.title}{cost}  [{item.product.id}]  {item.score:.3f}", markup=False)
        if explain:
            terms = " + ".join(f"{name} {value:.3f}" for name, value in item.terms.items() if value)
            out.print(f"     {item.reason}\n     = {terms}", markup=False, style="dim")
    for bundle in slate.bundles:
        titles = " + ".join(product.title for product in bundle.products)
        price = codec.to_major(bundle.price, bundle.currency)
        total = "" if price is None else f"  {price:.2f} {bundle.currency}"
        out.print(f"  ≡ {titles}{total}  {bundle.reason}", markup=False)
    out.print(f"{slate.total:,} in all, {slate.took_ms:.1f} ms, list {slate.id}", markup=False, style="dim")
    return None


def _notes(slate: Slate) -> list[str]:
    notes = {
        f"Showing results for “{slate.corrected}”.": slate.corrected,
        f"Did you mean “{slate.meant}”?": slate.meant,
        f"Only what is {', '.join(one['text'] for one in slate.conditions)}.": slate.conditions,
        f"This looks like a question about {slate.page}.": slate.page,
        f"Nothing matched everything: left out {slate.relaxed}.": slate.relaxed,
        f"{slate.every} of {slate.total} have every word.": slate.every,
    }
    return [*(banner.text for banner in slate.banners), *(said for said, true in notes.items() if true)]
