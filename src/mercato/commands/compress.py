"""``mercato compress``: what is typed in, every tier of the shop's encoder as a table and the chosen one's name out."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from mercato.commands.options import Folder, Json, ticker
from mercato.jobs.compress import RANKINGS, Compress
from mercato.models.small.tiers import TIERS
from mercato.shop import open_shop
from mercato.terminal import out, say


def compress(
    shop: Folder,
    loss: Annotated[float, typer.Option(min=0, max=0.99, help="The share of NDCG@10 that may be lost.")] = 0.01,
    prefer: Annotated[str, typer.Option(help=f"Of those within the loss: {' or '.join(RANKINGS)}.")] = "smallest",
    tier: Annotated[str, typer.Option(help=f"Take this one, whatever it loses: {', '.join(TIERS)}.")] = "",
    only: Annotated[list[str] | None, typer.Option(metavar="TIER", help="Try this tier alone; again for more.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Steps of the students' distillation.")] = 0,
    seed: Annotated[int, typer.Option(help="What chance begins with.")] = 0,
    as_json: Json = False,
) -> None:
    """Make the shop's text encoder smaller or faster, measure every way on the shop's own searches, and choose."""
    wanted = Compress(loss, prefer, tier, tuple(only or ()))
    with open_shop(shop, read_only=True) as opened:
        told = opened.compression.compress(wanted, seed, steps, ticker(as_json))
    if as_json:
        return say(told, True, "")
    return _show(told)


def _show(told: dict[str, Any]) -> None:
    table = Table("tier", "MB", "numbers", "texts/cpu-s", "× float32", "query p50", "p99 ms", "nDCG@10", "lost")
    for one in told["tiers"]:
        figures = one["validation"]
        table.add_row(
            one["tier"], f"{one['bytes'] / 1e6:.1f}", str(one["dimension"]), f"{one['texts_per_cpu_second']:,.0f}",
            f"{one['times']:.2f}", f"{one['query_ms_p50']:.2f}", f"{one['query_ms_p99']:.2f}",
            f"{figures['ndcg']:.4f}", f"{-figures['relative']:+.1%}",
        )  # fmt: skip
    out.print(table)
    for name, why in told["missing"].items():
        out.print(f"{name}: {why}", markup=False, soft_wrap=True)
    out.print(f"Chosen: {told['choice'] or 'none'}, {told['why']}.", markup=False, soft_wrap=True)
    out.print(f"Next: {told['next']}", markup=False, soft_wrap=True)
