"""The arithmetic of pair lanes against dense brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mercato.retrieve.sparse import cosine_neighbours, gather, strongest


def tables(most: int = 7) -> st.SearchStrategy[np.ndarray]:
    """Small tables with many zeros and many ties."""
    shapes = st.tuples(st.integers(1, most), st.integers(1, most))
    return shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.5])))


def brute_strongest(dense: np.ndarray, m: int) -> np.ndarray:
    kept = np.zeros_like(dense)
    for row, values in enumerate(dense):
        best = sorted((column for column in range(len(values)) if values[column]), key=lambda at: (-values[at], at))
        kept[row, best[:m]] = values[best[:m]]
    return kept


@given(dense=tables(), m=st.integers(1, 8))
def test_strongest_keeps_the_m_largest_of_each_row(dense: np.ndarray, m: int) -> None:
    found = strongest(sp.csr_array(dense), m)
    assert np.array_equal(found.toarray(), brute_strongest(dense, m))
    assert found.nnz == (brute_strongest(dense, m) > 0).sum(), "nothing is kept as a zero"


@settings(deadline=None)
@given(dense=tables(), m=st.integers(1, 8), shrink=st.sampled_from([0.0, 1.0, 10.0]), block=st.integers(1, 9))
def test_cosine_neighbours_are_the_dense_cosines_whatever_the_block(
    dense: np.ndarray, m: int, shrink: float, block: int
) -> None:
    incidence = (dense > 0).astype(np.float32)
    found = cosine_neighbours(sp.csr_array(incidence), m, shrink=shrink, block=block).toarray()
    norms = np.sqrt((incidence**2).sum(axis=0) + shrink)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.nan_to_num(incidence.T @ incidence / np.outer(norms, norms))
    np.fill_diagonal(cosines, 0)
    assert (np.count_nonzero(found, axis=1) == np.minimum(np.count_nonzero(cosines, axis=1), m)).all()
    # which of two equal neighbours stays is a matter of rounding: the values of each row are not
    np.testing.assert_allclose(np.sort(found, axis=1), np.sort(brute_strongest(cosines, m), axis=1), atol=1e-6)
    np.testing.assert_allclose(found[found > 0], cosines[found > 0], atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 3)])
def test_without_evidence_nobody_has_neighbours(shape: tuple[int, int]) -> None:
    found = cosine_neighbours(sp.csr_array(shape, dtype=np.float32), 5, shrink=1.0)
    assert found.shape == (shape[1], shape[1])
    assert found.nnz == 0


@given(data=st.data(), dense=tables())
def test_gather_is_the_weighted_sum_of_rows(data: st.DataObject, dense: np.ndarray) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=6)), np.int32)
    weights = np.array(data.draw(st.lists(st.floats(0, 5), min_size=len(rows), max_size=len(rows))), float)
    expected = sum((weight * dense[row] for row, weight in zip(rows, weights, strict=True)), np.zeros(dense.shape[1]))
    np.testing.assert_allclose(gather(sp.csr_array(dense), rows, weights), expected, rtol=1e-6)
