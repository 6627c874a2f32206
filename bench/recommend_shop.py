"""A file of sequences through the public Python API alone: create, train, recommend("discover"); how good that is.

python bench/recommend_shop.py FILE [TEXTS] [--network]

Each shopper's last product is set aside; all before it are the shop's events, a day apart. Every shopper with a case is
asked for one list of ten from the whole catalogue, what they took before left out, as `mercato bench recommend` asks.
Nothing is set by hand; without --network the transformer is not trained ([sequence] train = "never").
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

import mercato
from machine import described
from mercato.evaluate.metrics import bootstrap
from mercato.jobs.sequences import LeaveOneOut, read_sequences

RESULT = Path(__file__).resolve().parent / "results" / "recommend-shop.md"
K = 10


def created(home: Path, data: LeaveOneOut, network: bool) -> mercato.Shop:
    """A new shop of the file's products and events."""
    catalog, known = data.catalog, data.known
    products = [catalog.product(row) for row in range(len(catalog))]
    rows = zip(known.owner.tolist(), known.rows.tolist(), known.at.tolist(), strict=True)
    events = [
        {"type": "purchase-complete", "shopper_id": known.shoppers[owner], "product_id": catalog.ids[row], "at": at}
        for owner, row, at in rows
    ]
    shop = mercato.create(home, products=[_record(product) for product in products], events=events)
    if network:
        return shop
    shop.close()
    with (home / "mercato.toml").open("a", encoding="utf-8") as file:
        file.write('[sequence]\ntrain = "never"\n')
    return mercato.open(home)


def _record(product: mercato.Product) -> dict[str, object]:
    attributes = {name: list(values) for name, values in product.attributes.items()}
    return {"id": product.id, "title": product.title, "description": product.description, "attributes": attributes}


def main() -> None:
    """Create, train, ask, and write the figures."""
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if not given:
        sys.exit(__doc__)
    data = read_sequences(*given)
    with tempfile.TemporaryDirectory() as folder:
        begun = perf_counter()
        shop = created(Path(folder) / "shop", data, "--network" in sys.argv)
        imported = perf_counter()
        report = shop.train()
        trained = perf_counter()
        places = np.full(len(data.owners), np.inf)
        seen: set[str] = set()
        for case, (owner, wanted) in enumerate(zip(data.owners.tolist(), data.wanted.tolist(), strict=True)):
            ids = shop.recommend("discover", K, shopper=data.known.shoppers[owner]).ids
            seen.update(ids)
            if (product := data.catalog.ids[wanted]) in ids:
                places[case] = ids.index(product)
        asked = perf_counter()
        shop.close()
    hits, gains = bootstrap(np.isfinite(places) * 1.0), bootstrap(1 / np.log2(places + 2))
    lines = [
        "# The same file through create, train and recommend",
        "",
        *described(),
        "",
        (__doc__ or "").partition("\n\n")[2].partition("\n\n")[2].strip(),
        "",
    ]
    lines += [
        f"{Path(given[0]).name}: {len(data.catalog):,} products, {len(data.owners):,} cases.", "",
        f"- HR@10 {_interval(hits)}, NDCG@10 {_interval(gains)}, coverage@10 {len(seen) / len(data.catalog):.3f}",
        f"- import {imported - begun:.0f} s, training {trained - imported:.0f} s, "
        f"{1000 * (asked - trained) / len(data.owners):.1f} ms a list (load as above)",
        f"- learned: {report['learned']}",
    ]  # fmt: skip
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _interval(value: object) -> str:
    return f"{value.mean:.4f} [{value.low:.4f}, {value.high:.4f}]"  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
