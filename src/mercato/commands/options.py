"""What several commands take alike, and how they say what they are doing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

err = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, nothing else.")]
Folder = Annotated[Path, typer.Argument(metavar="SHOP", help="The shop's folder.")]


def ticker(quiet: bool) -> Callable[[str], None]:
    """Prints each new step once to stderr."""
    last = ""

    def tick(step: str) -> None:
        nonlocal last
        if not quiet and step != last:
            err.print(f"  {step}", style="dim", markup=False)
        last = step

    return tick
