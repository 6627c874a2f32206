"""Lists with what was wanted in, boosted trees over the notes out, where they are better than the readable sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from mercato.rank.boosted import Boosted, table
from mercato.rank.cascade import Cascade
from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example, ListwiseFit

_PULLS = (0.003, 0.03, 0.3)
Ahead = Callable[[NDArray[np.float64], NDArray[np.float64]], bool]
"""What one and what another gained, list by list or group by group: is the first better beyond chance?"""


@dataclass(frozen=True)
class BoostedFit:
    """LambdaMART with small trees and strong damping: lists are many, what was wanted in them is rare.

    Only the ``deepest`` best rows of each list by the ``readable`` score are learned from: the rest would take most of
    the time and teach least. Below ``least`` lists nothing is learned, nor below ``fewest`` groups of lists where they
    have groups: what a handful of queries agree on is no rule. ``onto``: the trees begin with the readable score and
    add to it (the base model of Burges 2010, section 7), so that notes which never differ in what was shown are worth
    what they were; and they rank no deeper than half of the lists were long, for of what was never shown to anybody
    they know nothing.
    """

    trees: int = 150
    rate: float = 0.05
    leaves: int = 15
    rows_a_leaf: int = 200
    damping: float = 10.0
    deepest: int = 100
    least: int = 500
    fewest: int = 20
    onto: bool = False
    seed: int = 0

    def fit(self, examples: Sequence[Example], readable: Linear) -> Boosted | None:
        """The trees that rank ``examples`` best, over the signals and scales of ``readable``."""
        cut = [_deepest(example, readable, self.deepest) for example in examples]
        useful = [example for example in cut if example.wanted.sum() > 0 and len(example.ranking) > 1]
        groups = {example.group for example in useful} - {""}
        if len(useful) < self.least or 0 < len(groups) < self.fewest:
            return None
        features = np.concatenate([table(readable.signals, example.ranking) for example in useful])
        labels = np.concatenate([example.wanted > 0 for example in useful]).astype(np.int32)
        sizes = np.array([len(example.ranking) for example in useful])
        weights = np.repeat([example.weight for example in useful], sizes)
        base = np.concatenate([readable.scored(one.ranking).scores for one in useful]) if self.onto else None
        data = lgb.Dataset(features, labels, weight=weights, group=sizes, init_score=base)
        trees = lgb.train(self._parameters(), data, self.trees)
        gain, depth = trees.feature_importance("gain"), min(self.deepest, int(np.median(sizes)))
        heard = zip(readable.signals, gain / max(float(gain.sum()), 1e-12), strict=True)
        return Boosted(
            tuple(replace(signal, weight=round(float(share), 6)) for signal, share in heard),
            trees.model_to_string(),
            extra=readable if self.onto else Linear(),
            first=readable,
            deepest=depth if self.onto else Boosted.deepest,
        )

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "lambdarank",
            "lambdarank_truncation_level": 15,
            "learning_rate": self.rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.rows_a_leaf,
            "lambda_l2": self.damping,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "feature_fraction": 0.8,
            "num_threads": 1,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }


def better(
    examples: Sequence[Example],
    linear: ListwiseFit,
    boosted: BoostedFit,
    ahead: Ahead,
) -> tuple[Linear, Boosted | None, dict[str, float]]:
    """The readable score fitted on all ``examples``, and the trees where cross-validation finds them better.

    Two folds, each ranked by what the other taught, no group of lists on both sides; ``ahead(trees, linear)`` decides
    on the NDCG@10 of every list, each counted by its weight, or on what they sum up to in every group. The account
    holds both means: what the readable form costs.
    """
    readable = linear.fit(examples)
    folds = _folds(examples)
    gains: tuple[list[float], list[float]] = ([], [])
    for taught, judged in (folds, folds[::-1]):
        plain = linear.fit(taught)
        trees = boosted.fit(taught, plain)
        if trees is None:
            return readable, None, {}
        gains[0].extend(example.weight * _ndcg(plain, example) for example in judged)
        served = Cascade.over(trees) if boosted.onto else trees
        gains[1].extend(example.weight * _ndcg(served, example) for example in judged)
    share = len(examples) / sum(example.weight for example in examples)
    said = {"readable": round(float(np.mean(gains[0])) * share, 4), "trees": round(float(np.mean(gains[1])) * share, 4)}
    judges = [*folds[1], *folds[0]]
    if not ahead(_by_group(judges, gains[1]), _by_group(judges, gains[0])):
        return readable, None, said
    return readable, boosted.fit(examples, readable), said


def pulled(
    examples: Sequence[Example],
    hints: Sequence[Signal],
    fixed: frozenset[str],
    ahead: Ahead,
) -> tuple[ListwiseFit, dict[str, float]]:
    """How far the hinted sum may move towards ``examples`` of what was shown: of several dampings the one that ranks
    the other half best, and the hints alone where that is not ``ahead`` of them. ``fixed`` terms stay as they are."""
    hinted, folds = Linear(tuple(hints)), _folds(examples)

    def judged(damping: float | None) -> NDArray[np.float64]:
        gains = []
        for taught, rest in (folds, folds[::-1]):
            fit = ListwiseFit(tuple(hints), damping or 0.0, pulled=True, fixed=fixed)
            score = hinted if damping is None else fit.fit(taught)
            gains += [example.weight * _ndcg(score, example) for example in rest]
        return np.array(gains)

    built_in, found = judged(None), {damping: judged(damping) for damping in _PULLS}
    best = max(found, key=lambda damping: (found[damping].mean(), damping))
    share = len(examples) / max(sum(example.weight for example in examples), 1e-12)
    said = {
        "built-in": round(float(built_in.mean()) * share, 4),
        "learned": round(float(found[best].mean()) * share, 4),
    }
    judges = [*folds[1], *folds[0]]
    moved = ahead(_by_group(judges, found[best]), _by_group(judges, built_in))
    fit = ListwiseFit(tuple(hints), best, pulled=True, fixed=fixed)
    return fit if moved else replace(fit, least=len(examples) + 1), said  # with fewer lists a fit falls back on hints


def _folds(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Two halves as equal as can be, in the order given; lists of one group are in the same."""
    names = [example.group or f"\0{place}" for place, example in enumerate(examples)]
    half, sizes = dict[str, int](), [0, 0]
    for name, size in Counter(names).most_common():
        half[name] = int(sizes[1] < sizes[0])
        sizes[half[name]] += size
    first, second = ([one for one, name in zip(examples, names, strict=True) if half[name] == n] for n in (0, 1))
    return first, second


def _by_group(examples: Sequence[Example], gains: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """What the lists of each group gained together, those of no group each by itself: resampling groups is fair where
    resampling lists of the same query would take one query for hundreds."""
    sums: dict[str, float] = {}
    for place, (example, gain) in enumerate(zip(examples, gains, strict=True)):
        name = example.group or f"\0{place}"
        sums[name] = sums.get(name, 0.0) + float(gain)
    return np.array(list(sums.values()))


def _deepest(example: Example, readable: Linear, most: int) -> Example:
    if len(example.ranking) <= most:
        return example
    best = np.sort(np.argsort(-readable.scored(example.ranking).scores, kind="stable")[:most])
    return replace(example, ranking=example.ranking.take(best), wanted=example.wanted[best])


def _ndcg(score: Linear | Boosted | Cascade, example: Example, k: int = 10) -> float:
    """Of the list as it would be served: what is not worth ranking is not in it."""
    scored = score.scored(score.worth(example.ranking))
    wanted = example.ranking.rows[example.wanted > 0]
    order = np.lexsort((scored.rows, -scored.scores))[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = float(discounts[: min(k, len(wanted))].sum())
    return float((np.isin(scored.rows[order], wanted) * discounts[: len(order)]).sum() / best) if best else 0.0
