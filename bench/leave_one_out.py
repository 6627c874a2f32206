"""A file of sequences in, the same leave-one-out cut as ``mercato bench recommend`` out, with numpy and scipy alone.

It imports nothing of Mercato, because peers run in an environment of their own; ``mercato bench recommend --peers``
checks that both cuts are the same.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Histories = Sequence[Ints]
"""By shopper number: product numbers, oldest first."""
K = 10


@dataclass(frozen=True)
class Cut:
    """``train`` holds all but the last two of each shopper with a case, ``known`` all but the last: what a test case is
    asked with. ``cases`` (m,) are shopper numbers, ``held`` (m,) their validation products, ``wanted`` (m,) their test
    products. A shopper with fewer than three products has no case and trains whole. ``judges`` are the cases (places in
    ``cases``) whose validation product decides between settings.
    """

    products: list[str]
    shoppers: list[str]
    train: Histories
    known: Histories
    cases: Ints
    held: Ints
    wanted: Ints
    judges: Ints

    def matrix(self, histories: Histories, decay: float = 1.0) -> sp.csr_matrix:
        """(shoppers, products): ``decay`` to the power of how many newer products the shopper has."""
        sizes = [len(taken) for taken in histories]
        weights = np.concatenate([decay ** np.arange(size - 1, -1, -1.0) for size in sizes])
        columns, starts = np.concatenate(histories), np.r_[0, np.cumsum(sizes)]
        shape = (len(self.shoppers), len(self.products))
        found = sp.csr_matrix((weights.astype(np.float32), columns.astype(np.int32), starts.astype(np.int32)), shape)
        found.sort_indices()
        return found


def read(path: Path, judges: int) -> Cut:
    """Cut ``path``: "user item item …" a line, or a table with a header, item lists and a target; gzip or plain.
    Of the cases, ``judges`` at random decide on validation.
    """
    products: dict[str, int] = {}
    shoppers, all_taken = [], []
    for shopper, items in _lines(path):
        shoppers.append(shopper)
        # of a product taken twice the first counts
        numbers = [products.setdefault(item, len(products)) for item in dict.fromkeys(items)]
        all_taken.append(np.array(numbers, np.int64))
    cases = np.array([number for number, taken in enumerate(all_taken) if len(taken) >= 3], np.int64)
    return Cut(
        list(products),
        shoppers,
        [taken[:-2] if len(taken) >= 3 else taken for taken in all_taken],
        [taken[:-1] if len(taken) >= 3 else taken for taken in all_taken],
        cases,
        np.array([all_taken[number][-2] for number in cases], np.int64),
        np.array([all_taken[number][-1] for number in cases], np.int64),
        np.sort(np.random.default_rng(0).permutation(len(cases))[:judges]),
    )


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for line in raw.decode("utf-8").splitlines():
        shopper, *items = line.split()
        if ":token" not in shopper:
            yield shopper, items


def validated(cut: Cut, lister: Callable[[Histories, Ints, float], Ints], decay: float = 1.0) -> float:
    """NDCG@10 of a fitted model on the validation products of the judges."""
    return _ndcg(lister(cut.train, cut.cases[cut.judges], decay), cut.held[cut.judges])


def _ndcg(lists: Ints, wanted: Ints) -> float:
    """Mean NDCG of ``lists`` (m, k) where one product is wanted of each, ``wanted`` (m,)."""
    return float(((lists == wanted[:, None]) / np.log2(np.arange(lists.shape[1]) + 2)).sum(1).mean())


def best_first(scores: NDArray[np.float64], seen: Ints, k: int = K) -> Ints:
    """The ``k`` best of ``scores`` (n,) without ``seen`` and without what has no score; a stable sort, short = −1."""
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    scores[seen] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]
    return np.where(scores[best] > -np.inf, best, -1)
