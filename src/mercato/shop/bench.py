"""A file in, Mercato measured on it out: what ``mercato bench`` calls."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mercato.catalog import Catalog
from mercato.data import open_source, products
from mercato.errors import DataError
from mercato.jobs import bench, search_bench
from mercato.jobs.clicks import ClickModel
from mercato.jobs.judgments import read_judgments
from mercato.jobs.peers import read_peers
from mercato.jobs.sequences import read_sequences
from mercato.jobs.train import load_encoder
from mercato.settings import Settings


def bench_recommend(
    data: Path | str,
    *,
    texts: Path | str | None = None,
    attributes: Path | str | None = None,
    peers: Path | str | None = None,
    seeds: int = 3,
    cases: int = 0,
    home: Path | str = ".bench",
    settings: Settings | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Leave-one-out figures of recommendations on ``data`` (see jobs.sequences.read_sequences for the three files).

    ``peers`` is a file of other libraries' lists for the same cases (see jobs.peers.read_peers), put in the same table.
    At most ``cases`` are ranked (0: all). ``home`` keeps text vectors and checkpoints, so an interrupted run goes on
    where it stopped. Raises DataError for a file that is no sequence or event file, and for peers of other cases.
    """
    chosen = settings or Settings()
    given = read_sequences(data, texts, attributes)
    others = read_peers(peers, given) if peers else None
    encoder, _ = load_encoder(chosen, Path(home))
    return bench.recommend(given, chosen, encoder, Path(home) / "cache", tick, seeds, others, cases)


def bench_search(
    data: Path | str,
    *,
    judgments: Path | str | None = None,
    peers: bool = True,
    worst: int = 20,
    home: Path | str = ".bench",
    settings: Settings | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Figures of search over the products of ``data``, a file that Mercato imports, beside other libraries.

    ``judgments`` is a file (see jobs.judgments.read_judgments) or a folder of search sessions (see jobs.clicks). If not
    given, ``data`` is a folder that has products.* and such sessions/ in it. Rows of the catalogue that an import would
    refuse are left out and counted. Raises DataError for what is neither, and where peers are not installed.
    """
    chosen, folder = settings or Settings(), Path(data)
    if judgments is None and not (folder / "sessions").is_dir():
        raise DataError(
            "there is nothing to judge by",
            where=str(data),
            hint="--judgments FILE with columns query, product_id, grade",
        )
    catalog, refused = _catalog(_products_file(folder, Path(home)) if folder.is_dir() else folder)
    given = Path(judgments) if judgments else folder / "sessions"
    judged = ClickModel().judge(given, catalog) if given.is_dir() else read_judgments(given, catalog)
    encoder, _ = load_encoder(chosen, Path(home))
    cache = Path(home) / "cache"
    report = search_bench.search(catalog, judged, chosen, encoder, cache, tick, peers=peers, worst=worst)
    report["data"]["refused_rows"] = refused
    return report


def _catalog(path: Path) -> tuple[Catalog, int]:
    """The products of ``path`` as an import would keep them, and how many rows it would refuse."""
    refused, kept = 0, []
    for batch in open_source(path, "products", now=datetime.now(UTC)).batches():
        refused += len(batch.rejected)
        kept.append(batch.frame)
    catalog = Catalog.build((product for frame in kept for product in products(frame)), "bench")
    if not len(catalog):
        raise DataError("there is no product in it", where=str(path))
    return catalog, refused


def _products_file(folder: Path, home: Path) -> Path:
    """The one file called products in ``folder``; out of an archive it is unpacked into ``home``."""
    found = sorted(path for path in folder.glob("products.*") if path.is_file())
    if len(found) != 1:
        raise DataError(f"one file products.* was expected, there are {len(found)}", where=str(folder))
    if not found[0].name.endswith((".tgz", ".tar.gz", ".tar")):
        return found[0]
    try:
        with tarfile.open(found[0]) as archive:
            inside = next((one for one in archive if one.isfile()), None)
            stream = archive.extractfile(inside) if inside is not None else None
            if inside is None or stream is None:
                raise DataError("there is no file in it", where=str(found[0]))
            target = home / "unpacked" / Path(inside.name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stream.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"the archive cannot be read: {error}", where=str(found[0])) from error
    return target
