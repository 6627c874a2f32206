"""Cases and rankers in, one table of figures out: every ranker on the same cases, nulls beside ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.evaluate.metrics import bootstrap, coverage, gini, head, hit, ndcg, paired
from mercato.schema import Request, Rows

Rank = Callable[[Request], Rows]
"""A request in, catalogue rows best first out."""


@dataclass(frozen=True, slots=True)
class Case:
    """One list to make, and the rows that were wanted in it."""

    request: Request
    wanted: Rows


def compare(
    cases: Sequence[Case], rankers: Mapping[str, Rank], ours: str, counts: NDArray[np.float64], k: int = 10
) -> list[dict[str, Any]]:
    """One row per ranker: HR@k and NDCG@k with 95 % intervals; coverage, Gini, tail share and novelty of its lists;
    HR@k of the cases in which only tail products were wanted; and how far ``ours`` is ahead in NDCG with a paired
    bootstrap p.

    ``counts`` (n,) are the interactions before the cut: the tail is what lies outside the products that hold 80 % of
    them, novelty the mean −log2 of a shown product's share in them (one of none counts as half of one).
    """
    lists: dict[str, list[Rows]] = {name: [] for name in rankers}
    for case in cases:  # one request to every ranker, so that lanes they share work once
        for name, rank in rankers.items():
            lists[name].append(rank(case.request)[:k])
    tail = ~head(counts)
    surprise = -np.log2(np.maximum(counts, 0.5) / max(float(counts.sum()), 1.0))
    rare = np.array([bool(tail[case.wanted].all()) for case in cases], bool)
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
            f"tail_hr@{k}": round(float(np.array(hits)[rare].mean()), 4) if rare.any() else 0.0,
            f"novelty@{k}": round(float(surprise[shown].mean()), 2) if len(shown) else 0.0,
        }
        if name != ours:
            ahead, p = paired(gains[ours], gains[name])
            row["ours_ahead"] = {**ahead.to_dict(), "p": round(p, 4)}
        rows.append(row)
    return rows
