"""Who bought what in, how much each product speaks for and against each other one out: linear item regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import lapack

from mercato.errors import DataError
from mercato.retrieve.pairs import PairLane
from mercato.retrieve.sparse import cosine_neighbours, strongest
from mercato.schema import Rows

_BLOCK = 1024


@dataclass(frozen=True)
class Ease:
    """Each product regressed on all others over shoppers, with ridge penalty ``regularization``.

    Each shopper counts by their ``longest`` last events; products that fewer than ``support`` of them had are left
    out. Up to ``largest`` products the closed form of Steck
    2019 (EASE): B = I - P·diag(P)⁻¹ with P = (XᵀX + λI)⁻¹, in float32 and in place: 4·m² bytes and about m³
    multiplications for m products. Above that each product is regressed on its ``neighbourhood`` nearest by cosine
    alone, as in Ning & Karypis 2011 (fsSLIM) and Steck's sparse approximation (Markov random fields, 2019): m small
    systems instead of one large.

    Each row keeps its ``neighbours`` largest positive weights. The negative ones balance the regression, but lists read
    with a decay are better without them (validation items of Amazon Beauty, NDCG@10: .0597 without, .0583 with all,
    .0585 with the largest of either sign).
    Not trained unless asked to (``train``): beside the transition graph and the sequence model it adds nothing that its
    cost is worth (bench/results/recommend.md). Read by ``lane``: each event weighs ``decay`` of the one after it.
    """

    train: bool = False
    regularization: float = 100.0
    support: int = 2
    largest: int = 20_000
    neighbours: int = 200
    neighbourhood: int = 200
    longest: int = 500
    decay: float = 0.6
    newest: int = 50

    def lane(self, matrix: sp.csr_array) -> PairLane:
        """The finished lane over the ``matrix`` that ``fit`` made."""
        return PairLane(matrix, "history", half_life_days=1e4, decay=self.decay, newest=self.newest)

    def fit(self, shoppers: NDArray[np.int64], rows: Rows, n: int) -> sp.csr_array:
        """Weights (n × n) float32 from parallel arrays sorted by shopper, then time; row i: what product i speaks for.

        Raises DataError when the closed form cannot be solved: a ``regularization`` of nothing.
        """
        late = np.searchsorted(shoppers, shoppers, "right") - np.arange(len(shoppers)) <= self.longest
        everything = _incidence(shoppers[late], rows[late], n)
        known = np.flatnonzero(np.bincount(everything.indices, minlength=n) >= self.support).astype(np.int32)
        if len(known) < 2:
            return sp.csr_array(sp.coo_array((n, n), dtype=np.float32), shape=(n, n))
        incidence = sp.csr_array(everything.tocsc()[:, known], shape=(everything.shape[0], len(known)))
        weights = self._closed(incidence) if len(known) <= self.largest else self._sparse(incidence)
        where = (np.repeat(known, np.diff(weights.indptr)), known[weights.indices])
        return sp.csr_array((weights.data, where), shape=(n, n))

    def _closed(self, incidence: sp.csr_array) -> sp.csr_array:
        precision = _inverse(_gram(incidence, self.regularization))
        diagonal = precision.diagonal().copy()
        parts = []
        for begin in range(0, len(diagonal), _BLOCK):
            block = -precision[begin : begin + _BLOCK] / diagonal
            parts.append(self._largest(block, begin))
        return sp.csr_array(sp.vstack(parts))

    def _largest(self, block: NDArray[np.float32], begin: int) -> sp.csr_array:
        """The ``neighbours`` largest positive weights of each row; ``begin`` is the number of the first row."""
        here = np.arange(len(block))
        block[here, here + begin] = 0.0
        m = min(self.neighbours, block.shape[1])
        best = np.argpartition(-block, m - 1, axis=1)[:, :m]
        worth = np.take_along_axis(block, best, axis=1)
        keep = worth > 0
        return sp.csr_array((worth[keep], (np.repeat(here, m)[keep.ravel()], best[keep])), shape=block.shape)

    def _sparse(self, incidence: sp.csr_array) -> sp.csr_array:
        by_column = (
            incidence.tocsc()
        )  # all of XᵀX would be as large as the exact method's, so it is made piece by piece
        near = cosine_neighbours(incidence, self.neighbourhood, shrink=0.0)
        columns, sources, worth = [], [], []
        for column in range(len(near.indptr) - 1):
            nearest = near.indices[near.indptr[column] : near.indptr[column + 1]]
            part = by_column[:, np.append(nearest, column)]
            gram = (part.T @ part).toarray().astype(np.float64)
            own = gram[:-1, :-1] + self.regularization * np.eye(len(nearest))
            solved = np.linalg.solve(own, gram[:-1, -1])
            columns.append(np.full(len(nearest), column, np.int32))
            sources.append(nearest)
            worth.append(solved.astype(np.float32))
        values, places = np.concatenate(worth), (np.concatenate(sources), np.concatenate(columns))
        keep = values > 0
        where = (places[0][keep], places[1][keep])
        return strongest(sp.csr_array((values[keep], where), shape=near.shape), self.neighbours)


def _incidence(shoppers: NDArray[np.int64], rows: Rows, n: int) -> sp.csr_array:
    """Who had what, as 0/1 (shoppers × n) float32."""
    numbers, owner = np.unique(shoppers, return_inverse=True)
    found = sp.csr_array((np.ones(len(rows), np.float32), (owner, rows)), shape=(len(numbers), n))
    found.data[:] = 1.0  # repeats were summed
    return found


def _gram(incidence: sp.csr_array, regularization: float) -> NDArray[np.float32]:
    """XᵀX + λI (m × m), dense, Fortran order so that LAPACK can work in place; made block by block."""
    m = incidence.shape[1]
    columns = incidence.T.tocsr()
    gram = np.empty((m, m), np.float32, order="F")
    for begin in range(0, m, _BLOCK):
        gram[:, begin : begin + _BLOCK] = (columns[begin : begin + _BLOCK] @ incidence).toarray().T
    gram[np.diag_indices(m)] += regularization
    return gram


def _inverse(gram: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of a symmetric positive matrix, in its place: Cholesky, then LAPACK's potri, then mirrored."""
    factor, wrong = lapack.spotrf(gram, lower=1, overwrite_a=1, clean=0)
    if wrong:
        raise DataError("the products' co-occurrences cannot be inverted", where="ease.regularization", hint="raise it")
    inverse, _ = lapack.spotri(factor, lower=1, overwrite_c=1)
    found: NDArray[np.float32] = inverse
    m = len(found)
    for begin in range(0, m, _BLOCK):
        end = min(begin + _BLOCK, m)
        corner = np.tril(found[begin:end, begin:end])
        found[begin:end, begin:end] = corner + np.tril(corner, -1).T
        found[begin:end, end:] = found[end:, begin:end].T
    return found
