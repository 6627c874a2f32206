"""A file of sequences in, what other libraries recommend on the same leave-one-out cases out, for ``bench --peers``.

    python -m venv PEERS
    PEERS/bin/pip install torch==2.13.0            first, from an index with CPU builds, or a CUDA build comes along
    PEERS/bin/pip install -r bench/recommend_peers_requirements.txt
    PEERS/bin/pip install --force-reinstall --no-deps implicit==0.7.3      see there
    PEERS/bin/python bench/recommend_peers.py --data Beauty.txt --out peers.json
    mercato bench recommend --data Beauty.txt --peers peers.json           one table, paired bootstrap against mercato

Every peer is fitted on the training part alone, tuned on NDCG@10 of the validation products of a sample of shoppers
(one setting after another, twice round, library defaults first), and asked with everything before the last product;
the whole catalogue is ranked, seen products masked. Seconds are processor time. One thread, one process a peer (so that
its peak memory is its own); the file is written after each peer, and a run begun again goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "LK_NUM_THREADS")
os.environ |= dict.fromkeys(THREADS, "1")  # before numpy is loaded

import machine  # noqa: E402
from leave_one_out import Cut, read, validated  # noqa: E402
from peer_models import PEERS, Grid, Lister  # noqa: E402

HOMES = {"implicit": "implicit.als", "lenskit": "lenskit.knn", "rectools": "rectools.models"}


class Tuning:
    """Fits a peer with one setting after another and keeps the best by NDCG@10 on validation."""

    def __init__(self, cut: Cut, fit: Callable[..., Lister]) -> None:
        self.cut, self.fit = cut, fit
        self.tried: dict[str, float] = {}
        self.score, self.settings, self.model = -1.0, dict[str, Any](), None
        self.fit_seconds = 0.0

    def run(self, grid: Grid) -> None:
        """Coordinate search over ``grid``, twice round."""
        self._try({name: values[0] for name, values in grid.items()})
        for name, values in [*grid.items()] * 2:
            for value in values:
                self._try(self.settings | {name: value})

    def _try(self, settings: dict[str, Any]) -> None:
        key = json.dumps(settings, sort_keys=True)
        if key in self.tried:
            return
        own = {name: value for name, value in settings.items() if name != "decay"}
        kept = {name: value for name, value in self.settings.items() if name != "decay"}
        model, seconds = self.model, self.fit_seconds
        if model is None or own != kept:
            begun = process_time()
            model, seconds = self.fit(self.cut, **own), process_time() - begun
        reached = self.tried[key] = validated(self.cut, model, settings.get("decay", 1.0))
        print(f"  {key} {reached:.4f} ({seconds:.1f} s)", flush=True)
        if reached > self.score:
            self.score, self.settings, self.model, self.fit_seconds = reached, settings, model, seconds


def measured(name: str, data: Path, judges: int) -> dict[str, Any]:
    """Tune and fit one peer and list what it recommends in every test case."""
    import_module(HOMES[name.partition(" ")[0]])  # so that no fit pays for it
    cut = read(data, judges)
    fit, grid = PEERS[name]
    begun = process_time()
    tuning = Tuning(cut, fit)
    tuning.run(grid)
    tuned = process_time() - begun
    begun = process_time()
    lists = tuning.model(cut.known, cut.cases, tuning.settings.get("decay", 1.0))
    return {
        "settings": tuning.settings | dict(getattr(tuning.model, "account", {})),
        "validation_ndcg@10": round(tuning.score, 4),
        "tried": len(tuning.tried),
        "seconds": {
            "tuning": round(tuned, 1),
            "fit": round(tuning.fit_seconds, 1),
            "ranking": round(process_time() - begun, 1),
        },
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "lists": [[int(product) for product in row if product >= 0] for row in lists],
    }


def header(data: Path) -> dict[str, Any]:
    """What the lists are about: the file, the products they number and the cases they answer, in order."""
    cut = read(data, 0)
    return {
        "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
        "made": machine.described(),
        "versions": {name: version(name) for name in ("implicit", "lenskit", "rectools", "torch", "numpy")},
        "products": cut.products,
        "shoppers": [cut.shoppers[number] for number in cut.cases],
        "wanted": [int(product) for product in cut.wanted],
        "peers": {},
    }


def main() -> None:
    """Measure the peers that the file does not have yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help='"user item item …" a line, oldest first')
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write, or to go on with")
    parser.add_argument("--only", nargs="*", default=list(PEERS), choices=list(PEERS), metavar="PEER")
    parser.add_argument("--judges", type=int, default=5000, help="shoppers whose validation product decides")
    given = parser.parse_args()
    found = header(given.data)
    if given.out.exists():
        before = json.loads(given.out.read_text(encoding="utf-8"))
        if before["sha256"] != found["sha256"]:
            sys.exit(f"{given.out} is of other data; name another file")
        found = before
    for name in (name for name in given.only if name not in found["peers"]):
        print(name, flush=True)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found["peers"][name] = pool.submit(measured, name, given.data, given.judges).result()
        given.out.write_text(json.dumps(found, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    main()
