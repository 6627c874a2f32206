"""Raw rows of one file in, batches of clean rows out: typed, checked, each id once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from mercato.data import records
from mercato.data.batch import Batch, Rejected
from mercato.data.clean_events import clean_events
from mercato.data.event_ids import EventIds, Occurrences
from mercato.data.nouns import to_frame
from mercato.data.rows import LINE, row_text
from mercato.errors import DataError


class Cleaner:
    """What must be remembered while one file is read: the ids that came before."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._event_ids, self._product_ids = EventIds(), Occurrences()
        self._readers: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "products": records.product,
            "reviews": partial(records.review, now=now),
            "shoppers": records.shopper,
            "relations": partial(records.relation, now=now),
        }

    def clean(self, kind: str, raw: pl.DataFrame) -> Batch:
        """One batch from raw rows (the source's columns and ``_line``)."""
        if kind == "events":
            typed, rejected = clean_events(raw, self._now)
            frame, repeated = self._event_ids.fill(typed)
            return Batch(kind, frame, rejected, repeated)
        nouns, rejected = self._read(kind, raw)
        if kind in ("reviews", "relations"):
            return Batch(kind, to_frame(kind, nouns), rejected)
        return self._last_of_each(kind, to_frame(kind, nouns), rejected)

    def _read(self, kind: str, raw: pl.DataFrame) -> tuple[list[Any], list[Rejected]]:
        nouns, rejected = [], []
        for row in raw.iter_rows(named=True):
            line = row.pop(LINE)
            try:
                nouns.append(self._readers[kind](row))
            except DataError as error:
                rejected.append(Rejected(line, error.where, error.what, row_text(row)))
        return nouns, rejected

    def _last_of_each(self, kind: str, frame: pl.DataFrame, rejected: list[Rejected]) -> Batch:
        """Rows whose id comes again later in the batch replaced by the later one; ids of earlier batches counted."""
        kept = frame.unique("id", keep="last", maintain_order=True)
        digests = [blake2b(text.encode(), digest_size=8).digest() for text in kept["id"]]
        earlier = int((self._product_ids.number(np.frombuffer(b"".join(digests), np.uint64)) > 0).sum())
        return Batch(kind, kept, rejected, len(frame) - len(kept) + earlier)
