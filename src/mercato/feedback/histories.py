"""The event log in, what each shopper did out: arrays for training, one History per request with the newest events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.schema import GRADES, REPEAT_GRADE, History, Interaction, Rows

_BUY = GRADES["purchase-complete"]


@dataclass(frozen=True)
class Events:
    """Graded events of known products as parallel arrays of length e, sorted by shopper, then time.

    ``shoppers`` are the ids; ``owner`` int64 numbers into it; ``unknown`` counts events whose product the catalogue
    does not have (they stay in the log and count again once the product is there).
    """

    shoppers: tuple[str, ...]
    owner: NDArray[np.int64]
    rows: Rows
    grades: NDArray[np.int8]
    at: NDArray[np.int64]
    baskets: NDArray[np.int64]
    unknown: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def from_frame(frame: pl.DataFrame, catalog: Catalog) -> Events:
        """Events of ``frame`` (type, shopper_id, product_id, at, session_id) that say something about a product."""
        grades = pl.DataFrame({"type": list(GRADES), "grade": np.array(list(GRADES.values()), np.int8)})
        rows = pl.DataFrame({"product_id": catalog.ids, "row": np.arange(len(catalog), dtype=np.int32)})
        # the order of the log decides between events of one second: a basket's lines share theirs
        graded = frame.join(grades, on="type", maintain_order="left")
        known = (
            graded.join(rows, on="product_id", maintain_order="left")
            .with_columns(pl.col("at").dt.epoch("s"))
            .with_columns(
                # a shopper without session ids: one basket per day
                basket=pl.when(pl.col("session_id").fill_null("") == "")
                .then((pl.col("at") // 86_400).cast(pl.String))
                .otherwise("s" + pl.col("session_id"))
            )
            .sort("shopper_id", "at", maintain_order=True)
        )
        first = pl.struct("shopper_id", "row", pl.col("grade") == _BUY).is_first_distinct()
        grade = pl.when((pl.col("grade") == _BUY) & ~first).then(REPEAT_GRADE).otherwise("grade").cast(pl.Int8)
        basket = pl.struct("shopper_id", "basket").hash(0).reinterpret(signed=True)
        shoppers = known["shopper_id"].unique(maintain_order=True)
        return Events(
            shoppers=tuple(shoppers.to_list()),
            owner=known["shopper_id"].rle_id().to_numpy().astype(np.int64),
            rows=known["row"].to_numpy().astype(np.int32),
            grades=known.select(grade).to_series().to_numpy(),
            at=known["at"].to_numpy().astype(np.int64),
            baskets=known.select(basket).to_series().to_numpy(),
            unknown=len(graded) - len(known),
        )

    def where(self, keep: NDArray[np.bool_]) -> Events:
        """The events flagged by ``keep`` (e,), with the same shopper numbers."""
        return Events(
            self.shoppers, self.owner[keep], self.rows[keep], self.grades[keep], self.at[keep], self.baskets[keep]
        )

    def history(self, shopper: int) -> History:
        """Everything shopper number ``shopper`` did, oldest first."""
        begin, end = np.searchsorted(self.owner, [shopper, shopper + 1])
        place = slice(int(begin), int(end))
        return History(
            np.asarray(self.rows[place]),
            np.asarray(self.grades[place]),
            np.asarray(self.at[place]),
            np.asarray(self.baskets[place]),
        )

    def save(self, folder: Path) -> None:
        """Write the arrays into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"shopper": self.shoppers}, schema={"shopper": pl.String}).write_parquet(
            folder / "shoppers.parquet"
        )
        for name in ("owner", "rows", "grades", "at", "baskets"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> Events:
        """Map arrays written by ``save``."""
        names = ("owner", "rows", "grades", "at", "baskets")
        arrays: dict[str, Any] = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray) for name in names
        }
        return Events(tuple(pl.read_parquet(folder / "shoppers.parquet")["shopper"].to_list()), **arrays)


class Histories:
    """What a shopper did until now: the snapshot's events plus everything recorded since. Safe between threads."""

    def __init__(self, events: Events, catalog: Catalog) -> None:
        self._events, self._catalog = events, catalog
        self._number = {shopper: number for number, shopper in enumerate(events.shoppers)}
        self._by_shopper: dict[str, list[Interaction]] = defaultdict(list)
        self._by_session: dict[str, list[Interaction]] = defaultdict(list)
        self._lock = Lock()

    def add(self, events: Iterable[Interaction]) -> None:
        """Remember events recorded since the snapshot."""
        with self._lock:
            for event in events:
                if GRADES.get(event.type) and event.product_id:
                    self._by_shopper[event.shopper_id].append(event)
                    if event.session_id:
                        self._by_session[event.session_id].append(event)

    def of(self, shopper: str, session: str, now: int) -> History:
        """The history of ``shopper``, or of ``session`` for a shopper never seen, up to ``now`` (UTC seconds)."""
        with self._lock:
            live = list(self._by_shopper.get(shopper, ())) if shopper else []
            if session:
                others = self._by_session.get(session, ())
                live += [event for event in others if not shopper or event.shopper_id != shopper]
        number = self._number.get(shopper)
        past = History.empty() if number is None else self._events.history(number)
        history = _joined(past, self._live(live, past))
        return history.take(history.at <= now) if len(history) and history.at[-1] > now else history

    def _live(self, events: list[Interaction], past: History) -> History:
        found = [(event, self._catalog.row(event.product_id)) for event in events]
        known = [(event, row) for event, row in found if row is not None and event.at is not None]
        bought = set(past.bought().tolist())
        rows, grades, at, baskets = [], [], [], []
        for event, row in sorted(known, key=lambda pair: pair[0].at):  # type: ignore[arg-type,return-value]
            grade = GRADES[event.type]
            rows.append(row)
            grades.append(REPEAT_GRADE if grade == _BUY and row in bought else grade)
            at.append(int(event.at.timestamp()))  # type: ignore[union-attr]
            baskets.append(-1 - (hash(event.session_id) & 0x7FFFFFFF))
            if grade == _BUY:
                bought.add(row)
        return History(
            np.array(rows, np.int32), np.array(grades, np.int8), np.array(at, np.int64), np.array(baskets, np.int64)
        )

    def forget(self, shopper: str) -> None:
        """Drop what was recorded live for ``shopper``, from their sessions too."""
        with self._lock:
            sessions = {event.session_id for event in self._by_shopper.pop(shopper, ())} - {""}
            for session in sessions:
                kept = [event for event in self._by_session[session] if event.shopper_id != shopper]
                self._by_session[session] = kept


def _joined(first: History, then: History) -> History:
    if not len(then):
        return first
    joined = History(
        np.r_[first.rows, then.rows],
        np.r_[first.grades, then.grades],
        np.r_[first.at, then.at],
        np.r_[first.baskets, then.baskets],
    )
    return joined if not len(first) or then.at[0] >= first.at[-1] else joined.take(np.argsort(joined.at, kind="stable"))
