"""Ranked lists and what was wanted in, figures with their uncertainty out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Rows, Scores


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % bootstrap interval over cases."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """As JSON, four digits."""
        return {"mean": round(self.mean, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def hit(ranked: Rows, wanted: Rows, k: int = 10) -> float:
    """1 when any of the first ``k`` was wanted (HR@k)."""
    return float(np.isin(ranked[:k], wanted).any())


def ndcg(ranked: Rows, wanted: Rows, k: int = 10) -> float:
    """Binary NDCG@k, gain 1/log2(place+1), against the best order possible (Järvelin & Kekäläinen 2002).

    >>> round(ndcg(np.array([9, 4]), np.array([4])), 4)
    0.6309
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(ranked[:k], wanted)
    best = discounts[: min(k, len(wanted))].sum()
    return float((hits * discounts[: len(hits)]).sum() / best) if best else 0.0


def graded_ndcg(ranked: Rows, grades: Mapping[int, float], k: int = 10) -> float:
    """NDCG@k with linear gain over row → grade, unjudged rows 0 (trec_eval's ndcg_cut); 0 where nothing is relevant.

    >>> round(graded_ndcg(np.array([9, 4, 7]), {4: 1, 7: 2, 8: 0}), 4)
    0.6199
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gains = [grades.get(row, 0.0) for row in ranked[:k].tolist()]
    best = sorted(grades.values(), reverse=True)[:k]
    ideal = float(best @ discounts[: len(best)]) if best else 0.0
    return float(gains @ discounts[: len(gains)] / ideal) if ideal and gains else 0.0


def recall(ranked: Rows, wanted: Rows, k: int = 10) -> float:
    """The share of what was wanted that is among the first ``k`` (trec_eval's recall)."""
    return float(np.isin(ranked[:k], wanted).sum() / max(len(wanted), 1))


def reciprocal_rank(ranked: Rows, wanted: Rows) -> float:
    """1/place of the first row that was wanted, 0 where none is (trec_eval's recip_rank)."""
    places = np.flatnonzero(np.isin(ranked, wanted))
    return 1.0 / (1 + int(places[0])) if len(places) else 0.0


def precision(ranked: Rows, wanted: Rows, k: int = 10) -> float:
    """The share of the first ``k`` that was wanted; a list shorter than ``k`` counts as ``k``."""
    return float(np.isin(ranked[:k], wanted).sum() / k)


def bootstrap(values: Sequence[float] | Scores, seed: int = 0, draws: int = 1000) -> Estimate:
    """Mean and percentile interval of ``values`` over ``draws`` resamples of the cases (Efron 1979)."""
    given = np.asarray(values, float)
    if not len(given):
        return Estimate(float("nan"), float("nan"), float("nan"))
    random = np.random.default_rng(seed)
    means = np.array([given[random.integers(0, len(given), len(given))].mean() for _ in range(draws)])
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(given.mean()), float(low), float(high))


def paired(ours: Scores, theirs: Scores, seed: int = 0, draws: int = 2000) -> tuple[Estimate, float]:
    """The mean difference with its interval, and the two-sided bootstrap p that there is none."""
    difference = np.asarray(ours, float) - np.asarray(theirs, float)
    random = np.random.default_rng(seed)
    n = len(difference)
    means = np.array([difference[random.integers(0, n, n)].mean() for _ in range(draws)])
    low, high = np.percentile(means, [2.5, 97.5])
    tail = min((means <= 0).mean(), (means >= 0).mean())
    return Estimate(float(difference.mean()), float(low), float(high)), float(min(1.0, 2 * tail + 1 / draws))


def coverage(lists: Sequence[Rows], n: int) -> float:
    """The share of ``n`` products that appears in any list."""
    return len(np.unique(np.concatenate(lists))) / n if lists and n else 0.0


def gini(lists: Sequence[Rows], n: int) -> float:
    """How unevenly ``n`` products are shown: 0 all alike, 1 one product alone."""
    shown = np.sort(np.bincount(np.concatenate(lists), minlength=n)) if lists else np.zeros(n)
    total = shown.sum()
    if not total:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ shown / (n * total))


def jaccard(one: Rows, other: Rows) -> float:
    """What two lists share, of all they hold.

    >>> jaccard(np.array([1, 2, 3]), np.array([3, 4]))
    0.25
    """
    both = len(np.intersect1d(one, other))
    return both / max(len(one) + len(other) - both, 1)


def rank_biased_overlap(one: Rows, other: Rows, p: float = 0.9) -> float:
    """How much two orders agree, 0 to 1, the first places counting most: RBO_ext, which goes on as they end (Webber,
    Moffat & Zobel 2010, eq. 32). 1 where both are empty.

    >>> round(rank_biased_overlap(np.array([1, 2, 3]), np.array([1, 3, 2])), 4)
    0.955
    >>> rank_biased_overlap(np.array([1, 2]), np.array([3]))
    0.0
    """
    short, long = sorted((one.tolist(), other.tolist()), key=len)
    s, n = len(short), len(long)
    if not s:
        return float(not n)
    shared = [len(set(short[:depth]) & set(long[:depth])) for depth in range(1, n + 1)]
    agreed = sum(both / depth * p**depth for depth, both in enumerate(shared, 1))
    beyond = sum(shared[s - 1] * (depth - s) / (s * depth) * p**depth for depth in range(s + 1, n + 1))
    return (1 - p) / p * (agreed + beyond) + ((shared[-1] - shared[s - 1]) / n + shared[s - 1] / s) * p**n


def overlap(lists: Sequence[Rows], pairs: int = 2000, seed: int = 0) -> float:
    """The mean Jaccard of two lists: 1 where everybody sees the same; ``pairs`` drawn at random, all if there are no
    more. 0 where there are no two lists."""
    one, other = np.triu_indices(len(lists), 1)
    if len(one) > pairs:
        drawn = np.random.default_rng(seed).choice(len(one), pairs, replace=False)
        one, other = one[drawn], other[drawn]
    shared = [jaccard(lists[i], lists[j]) for i, j in zip(one.tolist(), other.tolist(), strict=True)]
    return round(float(np.mean(shared)), 4) if shared else 0.0


def kept(before: Sequence[Rows], after: Sequence[Rows]) -> float:
    """The share of what lists held ``before`` that the same lists hold ``after``, whatever the places."""
    stays = [np.isin(rows, left).mean() for rows, left in zip(before, after, strict=True) if len(rows)]
    return round(float(np.mean(stays)), 4) if stays else 1.0


def head(counts: NDArray[np.float64], share: float = 0.8) -> NDArray[np.bool_]:
    """Flags of the best-selling rows that together hold ``share`` of the interactions; the rest is the tail."""
    order = np.argsort(-counts, kind="stable")
    total = np.cumsum(counts[order])
    flags = np.zeros(len(counts), bool)
    flags[order[: int(np.searchsorted(total, share * total[-1])) + 1 if len(total) and total[-1] else 0]] = True
    return flags
