"""Cases and rankers in, one table of figures out: every ranker on the same cases, nulls beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.evaluate.metrics import bootstrap, coverage, gini, hit, ndcg, paired
from mercato.schema import Request, Rows

Rank = Callable[[Request], Rows]
"""A request in, catalogue rows best first out."""


@dataclass(frozen=True, slots=True)
class Case:
    """One list to make, and the rows that were wanted in it."""

    request: Request
    wanted: Rows


def compare(
    cases: Sequence[Case], rankers: Mapping[str, Rank], ours: str, tail: NDArray[np.bool_], k: int = 10
) -> list[dict[str, Any]]:
    """One row per ranker: HR@k and NDCG@k with 95 % intervals, coverage, Gini and tail share of the same lists, and
    how far ``ours`` is ahead in NDCG with a paired bootstrap p.

    ``tail`` (n,) flags tail products; the catalogue of coverage and Gini is the n rows.
    """
    lists = {name: [rank(case.request)[:k] for case in cases] for name, rank in rankers.items()}
    gains = {
        name: np.array([ndcg(rows, case.wanted, k) for rows, case in zip(ranked, cases, strict=True)])
        for name, ranked in lists.items()
    }
    rows = []
    for name, ranked in lists.items():
        hits = [hit(found, case.wanted, k) for found, case in zip(ranked, cases, strict=True)]
        shown = np.concatenate(ranked) if ranked else np.empty(0, np.int32)
        row: dict[str, Any] = {
            "model": name,
            "ours": name == ours,
            f"hr@{k}": bootstrap(hits).to_dict(),
            f"ndcg@{k}": bootstrap(gains[name]).to_dict(),
            f"coverage@{k}": round(coverage(ranked, len(tail)), 4),
            f"gini@{k}": round(gini(ranked, len(tail)), 4),
            f"tail_share@{k}": round(float(tail[shown].mean()), 4) if len(shown) else 0.0,
        }
        if name != ours:
            ahead, p = paired(gains[ours], gains[name])
            row["ours_ahead"] = {**ahead.to_dict(), "p": round(p, 4)}
        rows.append(row)
    return rows
