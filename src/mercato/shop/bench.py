"""A file in, Mercato measured on it out: what ``mercato bench`` calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mercato.jobs import bench
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
    home: Path | str = ".bench",
    settings: Settings | None = None,
    tick: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Leave-one-out figures of recommendations on ``data`` (see jobs.sequences.read_sequences for the three files).

    ``peers`` is a file of other libraries' lists for the same cases (see jobs.peers.read_peers), put in the same table.
    ``home`` keeps text vectors and checkpoints, so an interrupted run goes on where it stopped. Raises DataError for a
    file that is no sequence or event file, and for peers of other cases.
    """
    chosen = settings or Settings()
    given = read_sequences(data, texts, attributes)
    others = read_peers(peers, given) if peers else None
    encoder, _ = load_encoder(chosen, Path(home))
    return bench.recommend(given, chosen, encoder, Path(home) / "cache", tick, seeds, others)
