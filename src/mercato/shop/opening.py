"""A path in, a shop out: made anew or opened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mercato.errors import DataError
from mercato.settings import starter
from mercato.shop.facade import Shop


def create(
    path: str | Path,
    *,
    products: Any = None,
    events: Any = None,
    reviews: Any = None,
    settings: str = "",
    clock: Callable[[], datetime] | None = None,
) -> Shop:
    """Make a shop folder at ``path`` and import what is given (a table, a path or a list of paths each).

    ``settings`` is the text of mercato.toml. Raises DataError when there is a shop already, or a table is wrong.
    """
    home = Path(path)
    if (home / "mercato.toml").exists():
        raise DataError("there is a shop already", where=str(home), hint="mercato.open(path), or another folder")
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "mercato.toml").write_text(settings or starter(home.name), encoding="utf-8")
    except OSError as error:
        raise DataError(f"the shop folder cannot be written: {error.strerror}", where=str(home)) from error
    shop = Shop(home, clock=clock)
    try:
        for kind, given in (("products", products), ("events", events), ("reviews", reviews)):
            if given is not None:
                paths = given if isinstance(given, list) and given and isinstance(given[0], str | Path) else [given]
                shop.import_(paths, kind)
    except BaseException:
        shop.close()  # nobody else could, and the folder would stay locked
        raise
    return shop


def open_shop(path: str | Path, *, read_only: bool = False, clock: Callable[[], datetime] | None = None) -> Shop:
    """The shop at ``path``; raises DataError or SettingsError when it is none."""
    home = Path(path)
    if not (home / "mercato.toml").exists():
        raise DataError("no shop here", where=str(home), hint=f"make one: mercato new {home}")
    return Shop(home, read_only=read_only, clock=clock)
