"""A file of who took what in which order in, a catalogue and events cut for leave-one-out out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from mercato.catalog import Catalog
from mercato.data import open_source
from mercato.errors import DataError
from mercato.feedback.histories import Events
from mercato.schema import Product, Rows


@dataclass(frozen=True)
class LeaveOneOut:
    """Protocol S3-LOO: of every shopper with at least three events the last is the test, the one before validation.

    ``known`` are all events but the test ones, so its last event of a shopper is the validation event; ``owners`` and
    ``wanted`` (m,) are the test cases, ``end`` (UTC seconds) is when they are asked.
    """

    catalog: Catalog
    known: Events
    owners: NDArray[np.int64]
    wanted: Rows
    end: int


def read_sequences(
    path: Path | str, texts: Path | str | None = None, attributes: Path | str | None = None
) -> LeaveOneOut:
    """Read ``path``: "user item item …" a line, oldest first, or any event file Mercato imports; events of one time
    keep the file's order, and of a product taken twice the first counts.

    ``texts`` has "id text" a line (tab or space) or columns of which the last is the text; ``attributes`` is a JSON
    object, item → list of attributes. JSON files beside them that map items to other ids (id2….json) or attribute
    numbers to names (…attribute_names.json) are used. Raises DataError for a file without events.
    """
    frame = _events(Path(path))
    ids = frame["product_id"].unique(maintain_order=True).to_list()
    catalog = Catalog.build(_products(ids, Path(path), texts, attributes), "bench")
    events = Events.from_frame(frame, catalog)
    first = pl.struct(pl.Series("owner", events.owner), pl.Series("row", events.rows), eager=True).is_first_distinct()
    events = events.where(first.to_numpy())
    last = np.r_[events.owner[1:] != events.owner[:-1], True]
    enough = np.bincount(events.owner)[events.owner] >= 3
    held = last & enough
    return LeaveOneOut(catalog, events.where(~held), events.owner[held], events.rows[held], int(events.at.max()) + 1)


def _events(path: Path) -> pl.DataFrame:
    source = open_source(path, "events", now=datetime.now(UTC))
    columns = ["type", "shopper_id", "product_id", "at", "session_id"]
    frames = [batch.frame.select(columns) for batch in source.batches() if batch.kind == "events" and len(batch.frame)]
    if not frames:
        raise DataError("there are no events in it", where=str(path))
    return pl.concat(frames)


def _products(ids: list[str], path: Path, texts: Path | str | None, attributes: Path | str | None) -> Iterator[Product]:
    said = _texts(Path(texts)) if texts else {}
    named = _attributes(Path(attributes)) if attributes else {}
    other = _other_ids(ids, said, Path(texts).parent if texts else path.parent)
    for item in ids:
        own = tuple(named.get(item, ()))
        title = said.get(other.get(item, item), "") or item
        facts = {"attribute": own} if own else {}
        yield Product(id=item, title=title, description=", ".join(own), attributes=facts)


def _texts(path: Path) -> dict[str, str]:
    from mercato.data.compressed import open_plain

    found: dict[str, str] = {}
    with open_plain(path) as stream:
        for raw in stream.read().decode("utf-8", "replace").splitlines():
            item, _, text = raw.partition("\t") if "\t" in raw else raw.partition(" ")
            if ":token" not in item:
                found[item.strip()] = text.rpartition("\t")[2].strip()
    if not found:
        raise DataError("there are no texts in it", where=str(path), hint='one "id text" a line')
    return found


def _attributes(path: Path) -> dict[str, list[str]]:
    given = _json(path)
    names: Mapping[str, Any] = {}
    for beside in sorted(path.parent.glob("*attribute_names*.json")):
        names = _json(beside)
    return {item: [str(names.get(str(one), one)) for one in values] for item, values in given.items()}


def _other_ids(ids: list[str], said: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """item → the id its text is kept under, from a JSON file beside the texts, where most items have no text else."""
    if not said or sum(item in said for item in ids) > len(ids) / 2:
        return {}
    for beside in sorted(folder.glob("id2*.json")):
        found = {str(item): str(value) for item, value in _json(beside).items()}
        if sum(found.get(item, "") in said for item in ids) > len(ids) / 2:
            return found
    return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise DataError(f"no JSON object can be read: {error}", where=str(path)) from error
    if not isinstance(found, dict):
        raise DataError("a JSON object was expected", where=str(path))
    return found
