"""Files and tables in, durable rows and an account of what was refused out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from mercato.codec import dumps
from mercato.data import Batch, Rejected, Source, open_source
from mercato.data import products as to_products
from mercato.stores.sqlite import ShopStore

Tick = Callable[[str], None]


@dataclass
class ImportReport:
    """What an import did: rows ``kept`` by kind, ``duplicates`` already there, and what was ``rejected`` and why."""

    kept: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kept": dict(self.kept),
            "duplicates": dict(self.duplicates),
            "rejected": sum(self.rejected.values()),
            "reasons": dict(self.rejected.most_common(20)),
            "rejected_files": self.files,
        }


def ingest(
    store: ShopStore,
    home: Path,
    sources: Sequence[Any],
    *,
    now: datetime,
    kind: str | None = None,
    format: str = "auto",
    weeks_later: int = 0,
    tick: Tick = lambda _: None,
) -> ImportReport:
    """Read every source and keep its rows in one transaction: an import that is killed leaves the shop as it was.

    Rows that are wrong are written to rejected/ with line, field and reason, and never stop the rest. Times are moved
    ``weeks_later`` (the demo shop brings an old year up to today). Raises DataError for a source that is no table.
    """
    report = ImportReport()
    opened = [open_source(source, kind, format, now=now) for source in sources]
    refused: list[tuple[Source, list[Rejected]]] = []
    with store.bulk() as bulk:
        for source in opened:
            wrong: list[Rejected] = []
            for batch in source.batches():
                _keep(bulk, _moved(batch, weeks_later), report)
                wrong += batch.rejected
                tick(f"{source.name}: {sum(report.kept.values()):,} rows")
            refused.append((source, wrong))
    for source, wrong in refused:
        report.rejected.update(f"{one.field}: {one.reason}" if one.field else one.reason for one in wrong)
        if wrong:
            report.files.append(str(_write(home / "rejected", source, wrong, now)))
    return report


def _keep(bulk: Any, batch: Batch, report: ImportReport) -> None:
    if batch.kind == "products":
        inserted, updated = bulk.products(to_products(batch.frame))
        report.kept["products"] += inserted + updated
        report.duplicates["products"] += batch.repeated
        return
    receipt = getattr(bulk, batch.kind)(batch.frame)
    accepted: int = len(batch.frame)
    if batch.kind == "events":
        accepted = receipt.accepted
    elif batch.kind == "relations":
        accepted = receipt
    report.kept[batch.kind] += accepted
    report.duplicates[batch.kind] += len(batch.frame) - accepted + batch.repeated


def _moved(batch: Batch, weeks: int) -> Batch:
    times = [name for name in ("at", "created_at") if name in batch.frame.columns]
    if not weeks or not times:
        return batch
    moved = batch.frame.with_columns(pl.col(name) + timedelta(weeks=weeks) for name in times)
    return Batch(batch.kind, moved, batch.rejected, batch.repeated)


def _write(folder: Path, source: Source, wrong: Iterable[Rejected], now: datetime) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    name = Path(source.name).name.replace("/", "_")[:80] or "table"
    path = folder / f"{now:%Y%m%dT%H%M%S%f}-{name}.jsonl"
    with path.open("wb") as out:
        for one in wrong:
            record = {"line": one.line, "field": one.field, "reason": one.reason, "row": one.row}
            out.write(dumps({"source": source.name, **record}) + b"\n")
    return path
