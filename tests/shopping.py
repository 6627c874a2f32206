"""What a shopper did, in one line: (row, grade, days ago) in, a History or a Request out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from mercato.schema import GRADES, History, Request

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 86_400
VIEW, CART, BUY = GRADES["detail-page-view"], GRADES["add-to-cart"], GRADES["purchase-complete"]


def past(*did: tuple[int, int, float]) -> History:
    """The history of ``did`` before NOW, oldest first; every day was one basket."""
    ordered = sorted(did, key=lambda one: -one[2])
    at = np.array([int(NOW.timestamp() - days * DAY) for _, _, days in ordered], np.int64)
    rows = np.array([row for row, _, _ in ordered], np.int32)
    grades = np.array([grade for _, grade, _ in ordered], np.int8)
    return History(rows, grades, at, at // DAY)


def asked(*did: tuple[int, int, float], anchors: tuple[int, ...] = (), **fields: Any) -> Request:
    """A request at NOW by a shopper who did that before."""
    fields = {"placement": "home", **fields}
    return Request(at=NOW, history=past(*did), anchors=np.array(anchors, np.int32), **fields)
