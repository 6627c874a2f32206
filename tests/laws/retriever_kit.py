"""The law of ports.Retriever as one function: any implementation, our own or an outsider's, can be held to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mercato.catalog import Catalog
from mercato.ports import Retriever
from mercato.schema import Mask, Request


def check(
    retriever: Retriever,
    catalog: Catalog,
    requests: Iterable[Request],
    *,
    seed: int = 0,
    tolerance: float = 1e-6,
    exhaustive: bool = True,
) -> int:
    """Assert the law for every request under several masks and sizes; gives back how many rows were retrieved in all,
    so that a test can see that its requests asked for something.

    ``tolerance``: how far (relative) ``score`` may be from ``retrieve``, for retrievers that sum floats in another
    order; ``exhaustive``: whether the retriever promises to find every allowed row that it scores above zero.
    """
    rng = np.random.default_rng(seed)
    n = len(catalog)
    everything = np.arange(n, dtype=np.int32)
    retrieved = 0
    for request in requests:
        scores = retriever.score(request, everything)
        assert scores.shape == (n,)
        assert np.isfinite(scores).all(), "every score is finite"
        assert (scores >= 0).all(), "0 where the retriever knows nothing, never below"
        shuffled = rng.permutation(everything)
        np.testing.assert_allclose(retriever.score(request, shuffled), scores[shuffled], rtol=tolerance, atol=1e-12)
        assert len(retriever.score(request, everything[:0])) == 0
        for allowed in _masks(n, rng):
            whole = _check_one(retriever, request, allowed, n + 1, scores, tolerance)
            if exhaustive:
                assert set(whole) == set(np.flatnonzero(allowed & (scores > 0)).tolist()), "all it knows, nothing else"
            for k in sorted({1, 2, int(rng.integers(1, n + 2)), n}):
                rows = _check_one(retriever, request, allowed, k, scores, tolerance)
                if exhaustive:
                    assert rows == whole[:k], "the k best are the beginning of all"
            retrieved += len(whole)
    return retrieved


def _masks(n: int, rng: np.random.Generator) -> Iterator[Mask]:
    yield np.ones(n, bool)
    yield np.zeros(n, bool)
    for share in (0.1, 0.5, 0.9):
        yield rng.random(n) < share


def _check_one(
    retriever: Retriever, request: Request, allowed: Mask, k: int, scores: np.ndarray, tolerance: float
) -> list[int]:
    before = allowed.copy()
    ranking = retriever.retrieve(request, allowed, k)
    rows, found = ranking.rows, ranking.scores
    assert np.array_equal(allowed, before), "the mask is the caller's"
    assert len(rows) == len(found) <= k, "never more than k"
    assert rows.dtype == np.int32
    assert len(np.unique(rows)) == len(rows), "no row twice"
    assert allowed[rows].all(), "only allowed rows"
    assert np.isfinite(found).all()
    assert (found > 0).all(), "every score is positive"
    assert np.array_equal(np.lexsort((rows, -found)), np.arange(len(rows))), "best first, ties by row"
    np.testing.assert_allclose(found, scores[rows], rtol=tolerance, err_msg="score agrees with retrieve")
    again = retriever.retrieve(request, allowed, k)
    assert np.array_equal(again.rows, rows), "the same request, the same answer"
    assert np.array_equal(again.scores, found)
    return rows.tolist()
