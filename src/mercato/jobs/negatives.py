"""Evidence and an encoder in, hard negatives out: what our own retrieval believes in and nobody wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.jobs.evidence import NOBODY, Evidence, Integers, Texts
from mercato.words import normalise

_CHUNK = 256
_LARGEST = 100
"""Texts of a group: who takes more of them says little about any two."""
_BROAD = 50
"""Texts of a shopper: the same, over a lifetime."""


@dataclass(frozen=True)
class Mining:
    """``each`` negatives for a pair: first those that were seen and passed, then, of the ``nearest`` texts to the
    query, those that the filter for false negatives leaves (``kept``), with ``share`` as in NV-Retriever's TopK-PercPos
    (Moreira et al. 2024, section 3: a negative's similarity is below 95 % of the positive's)."""

    each: int = 3
    nearest: int = 50
    share: float = 0.95


def kept(
    candidates: Integers, similarity: NDArray[np.float32], positive: float, blocked: Collection[int], share: float
) -> Integers:
    """The ``candidates`` (n,) whose ``similarity`` (n,) to the query is below ``share`` of the ``positive``'s, and that
    are not ``blocked``, in their order. Where the positive's is 0 or less nothing is: it says nothing then.

    >>> kept(np.array([4, 7, 9]), np.array([0.8, 0.5, 0.4], np.float32), 0.6, {9}, 0.95).tolist()
    [7]
    """
    if positive <= 0:
        return np.empty(0, np.int64)
    low = similarity.astype(np.float64) < share * positive
    free = np.array([int(text) not in blocked for text in candidates], bool)
    return candidates[low & free] if len(candidates) else candidates


def friends(evidence: Evidence, groups: Sequence[tuple[Integers, Integers]], m: int) -> sp.csr_array:
    """(m, m) true where two texts were wanted together at least as often as chance would have it: in one of ``groups``
    (parallel numbers of a group and a text: baskets, shoppers), for one query, or in one session of ``evidence``."""
    numbers = {query: place for place, query in enumerate(sorted({normalise(str(one)) for one in evidence.queries}))}
    queries = np.array([numbers[normalise(str(one))] for one in evidence.queries], np.int64)
    seen = evidence.sessions != NOBODY
    sessions = np.concatenate([evidence.sessions[seen[:, side], side] for side in (0, 1)])
    wanted = np.concatenate([evidence.wanted[seen[:, side]] for side in (0, 1)])
    known = sp.csr_array((m, m), dtype=bool)
    for group, texts in ((queries, evidence.wanted), (sessions, wanted), *groups):
        known = known + _together(group, texts, m)
    both = evidence.anchors != NOBODY
    own = sp.coo_array((np.ones(both.sum(), bool), (evidence.anchors[both], evidence.wanted[both])), shape=(m, m))
    return (known + own + own.T).tocsr().astype(bool)


def few(groups: Integers, texts: Integers) -> tuple[Integers, Integers]:
    """Those lines whose group has at most 50 texts: what a shopper of thousands took says nothing of any two."""
    _, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    narrow = counts[inverse] <= _BROAD
    return groups[narrow], texts[narrow]


def _together(groups: Integers, texts: Integers, m: int) -> sp.csr_array:
    """What shares more groups than chance would have it, or as many (a lift of 1 or above)."""
    distinct, inverse = np.unique(groups, return_inverse=True)
    incidence = sp.csr_array((np.ones(len(texts)), (inverse, texts)), shape=(len(distinct), m))
    incidence.sum_duplicates()
    incidence.data[:] = 1.0
    narrow = np.diff(incidence.indptr) <= _LARGEST
    incidence = incidence[np.flatnonzero(narrow)]
    counts: NDArray[np.float64] = np.asarray(incidence.sum(0)).ravel()
    shared = (incidence.T @ incidence).tocoo()
    expected = counts[shared.row] * counts[shared.col] / max(incidence.shape[0], 1)
    more = (shared.data >= expected) & (shared.row != shared.col)
    return sp.csr_array((np.ones(int(more.sum()), bool), (shared.row[more], shared.col[more])), shape=(m, m))


def mined(
    evidence: Evidence,
    texts: Texts,
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    known: sp.csr_array,
    recipe: Mining,
    barred: Collection[int] = (),
) -> list[tuple[int, ...]]:
    """For every line of ``evidence`` its negatives, places of ``texts``.

    ``queries`` (e, d) and ``vectors`` (m, d) are of unit length, made by the encoder that is to be tuned; ``known`` are
    ``friends``. Blocked are the wanted text and the one asked with, all that any evidence wants for the query, friends
    of either, and ``barred`` texts (which must not be read at all).
    """
    asked: dict[str, set[int]] = {}
    for query, wanted in zip(evidence.queries, evidence.wanted.tolist(), strict=True):
        asked.setdefault(normalise(str(query)), set()).add(wanted)
    found: list[tuple[int, ...]] = []
    depth = min(recipe.nearest, len(texts))
    for start in range(0, len(evidence), _CHUNK):
        cosines = queries[start : start + _CHUNK] @ vectors.T
        nearest = np.argpartition(-cosines, depth - 1, axis=1)[:, :depth]
        for line, own in enumerate(cosines):
            place = start + line
            wanted, anchor = int(evidence.wanted[place]), int(evidence.anchors[place])
            blocked = asked[normalise(str(evidence.queries[place]))] | {wanted, anchor} | set(barred)
            for one in {wanted, anchor} - {NOBODY}:
                blocked |= set(known.indices[known.indptr[one] : known.indptr[one + 1]].tolist())
            order = nearest[line][np.lexsort((nearest[line], -own[nearest[line]]))]
            near = kept(order, own[order], float(own[wanted]), blocked, recipe.share)
            passed = [text for text in evidence.passed[place] if text not in blocked]
            found.append(tuple(dict.fromkeys([*passed, *near.tolist()]))[: recipe.each])
    return found
