"""Sparse rows in, their strongest neighbours out: the arithmetic that pair lanes share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.schema import Rows, Scores


def strongest(matrix: sp.csr_array, m: int) -> sp.csr_array:
    """``matrix`` with only the ``m`` largest entries of each row kept (ties: lowest column)."""
    starts = matrix.indptr
    long_rows = np.flatnonzero(np.diff(starts) > m)
    keep = np.ones(matrix.nnz, bool)
    for row in long_rows:
        begin, end = starts[row], starts[row + 1]
        order = np.argsort(-matrix.data[begin:end], kind="stable")
        keep[begin + order[m:]] = False
    counts = np.add.reduceat(np.r_[keep, False], starts[:-1]) if matrix.nnz else np.zeros(matrix.shape[0], np.int64)
    counts = np.where(np.diff(starts) > 0, counts, 0)
    pointers = np.r_[0, np.cumsum(counts)].astype(np.int64)
    return sp.csr_array((matrix.data[keep], matrix.indices[keep].astype(np.int32), pointers), shape=matrix.shape)


def cosine_neighbours(incidence: sp.csr_array, m: int, *, shrink: float, block: int = 8192) -> sp.csr_array:
    """The ``m`` nearest columns of each column of ``incidence`` (units × n) by cosine, damped for thin evidence.

    Similarity is dot / sqrt((|a|² + shrink)·(|b|² + shrink)); computed in blocks of columns so that memory stays flat.
    Source: Sarwar et al. 2001, with Bell & Koren's 2007 shrinkage.
    """
    n = incidence.shape[1]
    norms = np.asarray(incidence.multiply(incidence).sum(axis=0)).ravel()
    scaled = (incidence @ sp.diags_array(1 / np.sqrt(norms + shrink + 1e-12))).tocsr().astype(np.float32)
    columns = scaled.T.tocsr()
    parts = []
    for begin in range(0, n, block):
        part = (columns[begin : begin + block] @ scaled).tocoo()
        apart = part.coords[0] + begin != part.coords[1]
        places = (part.coords[0][apart], part.coords[1][apart])
        parts.append(strongest(sp.csr_array((part.data[apart], places), shape=part.shape), m))
    return sp.csr_array(sp.vstack(parts) if parts else sp.coo_array((n, n), dtype=np.float32), shape=(n, n))


def gather(matrix: sp.csr_array, rows: Rows, weights: NDArray[np.float64]) -> Scores:
    """Σ weight·matrix[row] as a dense vector (n,) without slicing the sparse matrix."""
    places, owner = positions(matrix, rows)
    values = matrix.data[places] * weights[owner]
    return np.bincount(matrix.indices[places], weights=values, minlength=matrix.shape[1]).astype(np.float64)


def positions(matrix: sp.csr_array, rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of ``rows`` lie in ``matrix.data``, and which of ``rows`` owns each."""
    begin, end = matrix.indptr[rows].astype(np.int64), matrix.indptr[np.asarray(rows) + 1].astype(np.int64)
    lengths = end - begin
    owner = np.repeat(np.arange(len(rows)), lengths)
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return begin[owner] + offsets, owner


def arrays(matrix: sp.csr_array) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """The matrix as named arrays to save."""
    yield "data", matrix.data.astype(np.float32)
    yield "indices", matrix.indices.astype(np.int32)
    yield "indptr", matrix.indptr.astype(np.int64)
