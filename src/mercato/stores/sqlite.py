"""A shop's folder in, everything durable about the shop out: one SQLite file, one writer, any number of readers."""

from __future__ import annotations

import atexit
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

from mercato.errors import BackendError, DataError
from mercato.ports import Receipt
from mercato.schema import Impression, Interaction, Product, Relation, Review
from mercato.stores import events as log
from mercato.stores import impressions, products, records, relations
from mercato.stores.bulk import Bulk
from mercato.stores.connect import Readers, connect, said_plainly, transaction
from mercato.stores.folder import FolderLock, make_folder
from mercato.stores.judgments import QuerySets
from mercato.stores.rules import RuleVersions
from mercato.stores.schema_sql import check_schema, open_to_write, problems
from mercato.stores.writer import Write, Writer

FILE = "shop.db"
WRITER_MIB = 32
BULK_MIB = 128
"""Page caches; an import's is large because it fills indexes in random order."""

P = ParamSpec("P")
T = TypeVar("T")


class ShopStore:
    """Everything a shop keeps; make it with ``ShopStore.open``, share it between threads, close it.

    Every method raises BackendError when the disk fails, the store is closed, or this is a forked child, DataError when
    the file is damaged. BackendError from a write means "not acknowledged": send it again, an event_id is kept once.
    """

    def __init__(self, path: Path, lock: FolderLock | None, writer: Writer | None) -> None:
        self.path = path
        self._lock, self._writer = lock, writer
        self._readers = Readers(path)
        self.rules = RuleVersions(self._ask, self._write)
        self.query_sets = QuerySets(self._ask, self._write)
        self._counted: tuple[int, dict[str, int]] = (0, {})
        self._counting = threading.Lock()
        atexit.register(self.close)

    @staticmethod
    def open(folder: Path, *, create: bool = False, read_only: bool = False) -> ShopStore:
        """The shop in ``folder``; ``create`` makes it where there is none, ``read_only`` works beside a writer.

        Raises DataError when the folder or file is missing, damaged, of a newer Mercato, or not permitted, or when
        another process writes to it (the message names its pid).
        """
        path = folder / FILE
        if create and not read_only:
            make_folder(folder)
        elif not path.is_file():
            raise DataError("there is no shop here", where=str(folder), hint="make one with: mercato new SHOP")
        if read_only:
            with said_plainly(path), closing(connect(path, "ro")) as connection:
                check_schema(connection, path)
            return ShopStore(path, None, None)
        lock = FolderLock(folder)
        try:
            with said_plainly(path):
                return ShopStore(path, lock, Writer(open_to_write(path, create, WRITER_MIB), path))
        except BaseException:
            lock.release()
            raise

    def close(self) -> None:
        """Write what is queued and let go of the folder; a second time does nothing."""
        atexit.unregister(self.close)
        if self._writer is not None:
            self._writer.close()
        self._readers.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> ShopStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kw: P.kwargs) -> T:
        with self._readers.borrow() as connection:
            return question(connection, *args, **kw)

    def _stream(
        self, question: Callable[Concatenate[sqlite3.Connection, P], Iterable[T]], *args: P.args, **kw: P.kwargs
    ) -> Iterator[T]:
        with self._readers.borrow() as connection:
            yield from question(connection, *args, **kw)

    def _write(self, write: Write[T]) -> Future[T]:
        return self._writable().submit(write)

    def _writable(self) -> Writer:
        if self._writer is None:
            raise BackendError("the shop was opened read-only", where=str(self.path), hint="open it to write")
        return self._writer

    # --- events -------------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Interaction]) -> Receipt:
        """Keep ``events``, all or none; returns once they are on disk. Raises DataError naming a wrong field."""
        return self.submit(events).result()

    def submit(self, events: Sequence[Interaction]) -> Future[Receipt]:
        """``append`` for a caller that waits elsewhere (an event loop): the future is done once they are on disk."""
        rows = [log.event_row(event) for event in events]
        return self._write(lambda connection: log.insert_events(connection, rows))

    def read(self, after: int = 0) -> Iterator[tuple[int, Interaction]]:
        """(seq, event) of every event numbered above ``after``, in the order they were kept."""
        while page := self._ask(log.read_page, after):
            yield from ((row[0], log.event_of(row[1:])) for row in page)
            after = page[-1][0]

    def events_frame(self, after: int = 0, columns: Iterable[str] | None = None) -> pl.DataFrame:
        """Events above ``after`` in log order: ``seq``, then ``columns`` (all of stores.events.COLUMNS when None)."""
        return self._ask(log.events_frame, after, columns)

    def shopper_events(self, shopper_id: str, after: int = 0, limit: int = 1000) -> list[tuple[int, Interaction]]:
        """The newest ``limit`` events of one shopper above ``after``, oldest first; scans what lies above ``after``."""
        return [(row[0], log.event_of(row[1:])) for row in self._ask(log.read_of_shopper, shopper_id, after, limit)]

    def session_events(self, session_id: str, after: int = 0, limit: int = 1000) -> list[tuple[int, Interaction]]:
        """The newest ``limit`` events of one session above ``after``, oldest first; scans like ``shopper_events``."""
        return [(row[0], log.event_of(row[1:])) for row in self._ask(log.read_of_session, session_id, after, limit)]

    def last_seq(self) -> int:
        """The number of the newest event, 0 in an empty log."""
        return self._ask(log.last_seq)

    def counts(self) -> dict[str, int]:
        """How many events of each type are kept; only those newer than the last call are looked at."""
        with self._counting:
            seen, known = self._counted
            last = self.last_seq()
            for kind, times in self._ask(log.count_types, seen, last).items():
                known[kind] = known.get(kind, 0) + times
            self._counted = (last, known)
            return dict(known)

    # --- products -----------------------------------------------------------------------------------------------

    def put_products(self, given: Iterable[Product]) -> tuple[int, int]:
        """(inserted, updated) once on disk, all or none; equal ones are neither, the last of an id wins."""
        rows = list(products.product_rows(given))
        return self._write(lambda connection: products.put(connection, rows)).result()

    def delete_product(self, product_id: str) -> bool:
        """Take one product out of the shop; False when it was not there."""
        return self._write(lambda connection: products.delete(connection, product_id)).result()

    def product(self, product_id: str) -> Product | None:
        """The product, None when the shop does not have it."""
        return self._ask(products.get, product_id)

    def products(self) -> Iterator[Product]:
        """All products as of one moment, in the order they first came."""
        return self._stream(products.every)

    def changed_products(self, after: int) -> list[tuple[int, str, Product | None]]:
        """(version, id, product or None when deleted) of what changed above catalogue version ``after``."""
        return self._ask(products.changed, after)

    def product_count(self) -> int:
        """How many products the shop has."""
        return self._ask(products.count)

    def catalogue_version(self) -> int:
        """A number that grows with each change of any product; read it before ``products`` to label a snapshot."""
        return self._ask(products.catalogue_version)

    # --- what was shown -----------------------------------------------------------------------------------------

    def log_impression(self, shown: Impression) -> None:
        """Keep what was shown, soon, without waiting for the disk; what cannot be kept is counted as dropped."""
        writer = self._writable()
        try:
            row = impressions.impression_row(shown)
        except (TypeError, ValueError):  # a query with half a surrogate pair must not cost the shopper the answer
            writer.drop()
        else:
            writer.offer(lambda connection: impressions.insert(connection, row))

    @property
    def impressions_dropped(self) -> int:
        """Impressions lost since opening: too many waiting, or the disk refused them."""
        return 0 if self._writer is None else self._writer.dropped

    def flush(self) -> None:
        """Return when every impression logged so far is on disk or dropped; does nothing when opened read-only."""
        if self._writer is not None:
            self._writer.flush()

    def impression(self, slate_id: str) -> Impression | None:
        """What was shown as ``slate_id``, None when nothing was."""
        self.flush()
        return self._ask(impressions.get, slate_id)

    def recent_impressions(self, limit: int = 100) -> list[Impression]:
        """The last ``limit`` impressions, newest first."""
        self.flush()
        return self._ask(impressions.recent, limit)

    def answered(self, since: datetime, placements: Sequence[str], most: int) -> Iterator[impressions.Answered]:
        """Impressions from ``since`` on that somebody acted on, and how; of the newest ``most``, the oldest first."""
        self.flush()
        return self._stream(impressions.answered, since, placements, most)

    def searches_frame(self, since: datetime, most: int = 500_000) -> pl.DataFrame:
        """The newest ``most`` searches answered from ``since`` on with impressions.SEARCH_COLUMNS."""
        self.flush()
        return self._ask(impressions.searches, since, most)

    def clicks_frame(self, since: datetime) -> pl.DataFrame:
        """What was done from ``since`` on with what lists showed, with impressions.CLICK_COLUMNS."""
        return self._ask(impressions.clicks, since)

    def empty_searches(self, limit: int = 100) -> list[tuple[str, int, datetime]]:
        """(query, how often, last time) of searches that found nothing, most frequent first."""
        self.flush()
        return self._ask(impressions.empty_searches, limit)

    # --- reviews, shoppers, prices, notes -----------------------------------------------------------------------

    def reviews(self, product_id: str | None = None) -> Iterator[Review]:
        """The reviews of one product, or all, in the order they were kept."""
        return self._stream(records.reviews, product_id)

    def reviews_frame(self) -> pl.DataFrame:
        """All reviews with records.REVIEW_COLUMNS."""
        return self._ask(records.reviews_frame)

    def shopper(self, shopper_id: str) -> dict[str, Any] | None:
        """The record of one shopper, None when there is none."""
        return self._ask(records.shopper, shopper_id)

    def shoppers(self) -> Iterator[dict[str, Any]]:
        """Every shopper's record, in the order they came."""
        return self._stream(records.shoppers)

    def prices_frame(self) -> pl.DataFrame:
        """All prices with records.PRICE_COLUMNS, by product and week."""
        return self._ask(records.prices_frame)

    def relations(self) -> Iterator[Relation]:
        """Who knows whom, by shopper and friend; friends stand once, the smaller id first."""
        return self._stream(relations.every)

    def record_counts(self) -> dict[str, int]:
        """How many reviews, shoppers, prices and slates are kept."""
        return self._ask(records.counts)

    def meta(self, key: str) -> str | None:
        """The note kept under ``key``, None when there is none."""
        return self._ask(records.meta, key)

    def set_meta(self, key: str, value: str) -> None:
        """Keep a note under ``key``; the last put wins."""
        self._write(lambda connection: records.set_meta(connection, key, value)).result()

    # --- imports and checks -------------------------------------------------------------------------------------

    @contextmanager
    def bulk(self) -> Iterator[Bulk]:
        """One import: all of the block's writes, or none if it raises or is killed; other writers wait meanwhile."""
        with self._writable().turn(), said_plainly(self.path):
            connection = connect(self.path, "rw", BULK_MIB)
            try:
                with transaction(connection):
                    bulk = Bulk(connection)
                    yield bulk
                    bulk.finish()
                # Back into the file now, so that no later reader pays for it; a long reader puts it off.
                connection.execute("PRAGMA busy_timeout = 1000")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    def check(self) -> list[str]:
        """What is wrong with the file, one sentence each; empty when all is well. Reads every page."""
        try:
            return self._ask(problems)
        except DataError as error:
            return [str(error)]
