"""Lists with what was wanted in, boosted trees over the notes out, where they are better than the readable sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from mercato.rank.boosted import Boosted, table
from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example, ListwiseFit

_PULLS = (0.003, 0.03, 0.3)


@dataclass(frozen=True)
class BoostedFit:
    """LambdaMART with small trees and strong damping: lists are many, what was wanted in them is rare.

    Only the ``deepest`` best rows of each list by the ``readable`` score are learned from: the rest would take most of
    the time and teach least. Below ``least`` lists nothing is learned.
    """

    trees: int = 150
    rate: float = 0.05
    leaves: int = 15
    rows_a_leaf: int = 200
    damping: float = 10.0
    deepest: int = 100
    least: int = 500
    seed: int = 0

    def fit(self, examples: Sequence[Example], readable: Linear) -> Boosted | None:
        """The trees that rank ``examples`` best, over the signals and scales of ``readable``."""
        cut = [_deepest(example, readable, self.deepest) for example in examples]
        useful = [example for example in cut if example.wanted.sum() > 0 and len(example.ranking) > 1]
        if len(useful) < self.least:
            return None
        features = np.concatenate([table(readable.signals, example.ranking) for example in useful])
        labels = np.concatenate([example.wanted > 0 for example in useful]).astype(np.int32)
        groups = np.array([len(example.ranking) for example in useful])
        weights = np.repeat([example.weight for example in useful], groups)
        data = lgb.Dataset(features, labels, weight=weights, group=groups)
        trees = lgb.train(self._parameters(), data, self.trees)
        gain = trees.feature_importance("gain")
        heard = zip(readable.signals, gain / max(float(gain.sum()), 1e-12), strict=True)
        return Boosted(
            tuple(replace(signal, weight=round(float(share), 6)) for signal, share in heard),
            trees.model_to_string(),
            first=readable,
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
    ahead: Callable[[NDArray[np.float64], NDArray[np.float64]], bool],
) -> tuple[Linear, Boosted | None, dict[str, float]]:
    """The readable score fitted on all ``examples``, and the trees where cross-validation finds them better.

    Two folds, each ranked by what the other taught; ``ahead(trees, linear)`` decides on the NDCG@10 of every list,
    each counted by its weight. The account holds both means: what the readable form costs.
    """
    readable = linear.fit(examples)
    folds = examples[::2], examples[1::2]
    gains: tuple[list[float], list[float]] = ([], [])
    for taught, judged in (folds, folds[::-1]):
        plain = linear.fit(taught)
        trees = boosted.fit(taught, plain)
        if trees is None:
            return readable, None, {}
        gains[0].extend(example.weight * _ndcg(plain, example) for example in judged)
        gains[1].extend(example.weight * _ndcg(trees, example) for example in judged)
    share = len(examples) / sum(example.weight for example in examples)
    said = {"readable": round(float(np.mean(gains[0])) * share, 4), "trees": round(float(np.mean(gains[1])) * share, 4)}
    if not ahead(np.array(gains[1]), np.array(gains[0])):
        return readable, None, said
    return readable, boosted.fit(examples, readable), said


def pulled(
    examples: Sequence[Example],
    hints: Sequence[Signal],
    fixed: frozenset[str],
    ahead: Callable[[NDArray[np.float64], NDArray[np.float64]], bool],
) -> tuple[Linear, dict[str, float]]:
    """The hinted sum, moved as far as ``examples`` of what was shown can be trusted: of several dampings the one that
    ranks the other half best, and none where that is not ``ahead`` of the hints. ``fixed`` terms stay as they are."""
    hinted, folds = Linear(tuple(hints)), (examples[::2], examples[1::2])

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
    if not ahead(found[best], built_in):
        return hinted, said
    return ListwiseFit(tuple(hints), best, pulled=True, fixed=fixed).fit(examples), said


def _deepest(example: Example, readable: Linear, most: int) -> Example:
    if len(example.ranking) <= most:
        return example
    best = np.sort(np.argsort(-readable.scored(example.ranking).scores, kind="stable")[:most])
    return replace(example, ranking=example.ranking.take(best), wanted=example.wanted[best])


def _ndcg(score: Linear | Boosted, example: Example, k: int = 10) -> float:
    """Of the list as it would be served: what is not worth ranking is not in it."""
    scored = score.scored(score.worth(example.ranking))
    wanted = example.ranking.rows[example.wanted > 0]
    order = np.lexsort((scored.rows, -scored.scores))[:k]
    discounts = 1 / np.log2(np.arange(2, k + 2))
    best = float(discounts[: min(k, len(wanted))].sum())
    return float((np.isin(scored.rows[order], wanted) * discounts[: len(order)]).sum() / best) if best else 0.0
