"""``mercato tune``: what is typed in, a model tuned on the shop's own behaviour out, with its figures as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from mercato.commands.options import Folder, Json, ticker
from mercato.jobs.evidence import SOURCES
from mercato.jobs.splits import KEYS
from mercato.models.tuning import METHODS
from mercato.shop import open_shop
from mercato.shop.tuning import Asked
from mercato.terminal import out, say


def tune(
    shop: Folder,
    role: Annotated[
        str, typer.Option(help="encoder (of queries and products) or cross (reads both together).")
    ] = "encoder",
    method: Annotated[str, typer.Option(help=f"One of: {', '.join(METHODS)}.")] = "",
    base: Annotated[str, typer.Option(help="package:NAME or a folder; left out: what mercato.toml names.")] = "",
    minutes: Annotated[float, typer.Option(min=0, help="It stops at the judgement after so many minutes.")] = 0.0,
    steps: Annotated[int, typer.Option(min=0, help="At most so many steps.")] = 0,
    seeds: Annotated[int, typer.Option(min=0, max=20, help="How many trainings are averaged.")] = 0,
    seed: Annotated[int | None, typer.Option(help="What chance begins with.")] = None,
    source: Annotated[list[str] | None, typer.Option(help=f"Learn from this alone: {', '.join(SOURCES)}.")] = None,
    sessions: Annotated[
        list[Path] | None,
        typer.Option(exists=True, help="A click log: session, query, rank, doc, clicked; or a folder."),
    ] = None,
    judgments: Annotated[
        Path | None, typer.Option(exists=True, help="Query, product_id, grade: what it is stopped and reported by.")
    ] = None,
    folds: Annotated[int, typer.Option(min=0, max=50, help="Cross-validate, and publish nothing.")] = 0,
    apart: Annotated[list[str] | None, typer.Option(help=f"On one side of a fold only: {', '.join(KEYS)}.")] = None,
    search: Annotated[float, typer.Option(min=0, help="Minutes to look for settings first.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Tune a language model on the shop's own behaviour, measure it, and put it on the shelf; safe to interrupt.

    It is chosen where validation shows that it is better than what the shop has; the test is only reported.
    """
    asked = Asked(
        method, base, minutes, steps, seeds, seed, tuple(source or ()), tuple(sessions or ()), judgments, folds,
        tuple(apart or ()), search,
    )  # fmt: skip
    with open_shop(shop, read_only=True) as opened:
        told = opened.tuning.tune(role, asked, ticker(as_json))
    if as_json:
        return say(told, True, "")
    return _show_folds(told) if folds else _show(role, told)


def _show(role: str, told: dict[str, Any]) -> None:
    for window, title in (("validation", "validation: what it was chosen by"), ("test", "test: what came last")):
        found = told["metrics"].get(window)
        if found:
            _table(title, {role: found} if "queries" in found else found)
    out.print(f"{'Chosen' if told['chosen'] else 'Not chosen'}: {told['choice']['why']}.", markup=False, soft_wrap=True)
    out.print(f"Next: {told['next']}", markup=False, soft_wrap=True)


def _table(title: str, found: dict[str, Any]) -> None:
    table = Table("exam", "queries", "untuned nDCG@10", "tuned", "ahead by", title=title, title_justify="left")
    for name, one in found.items():
        ahead = f"{one['ahead']['mean']:+.4f} [{one['ahead']['low']:+.4f}, {one['ahead']['high']:+.4f}]"
        figures = [f"{one[side]['mean']:.4f}" for side in ("untuned", "tuned")]
        table.add_row(name, f"{one['queries']:,}", *figures, f"{ahead} (p {one['p']:.3f})")
    out.print(table)


def _show_folds(told: dict[str, Any]) -> None:
    _table(f"{told['k']} folds, apart by {', '.join(told['by'])}", told["exams"])
    for name, one in told["exams"].items():
        spreads = (f"{side} {one[f'{side}_folds']['mean']:.4f} ± {one[f'{side}_folds']['sd']:.4f}"
                   for side in ("untuned", "tuned", "ahead"))  # fmt: skip
        out.print(f"{name}, over folds: {', '.join(spreads)}", markup=False, soft_wrap=True)
