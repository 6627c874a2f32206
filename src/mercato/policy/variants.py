"""Rows and the group each is a variant of in, one row a group out: the best of it, and how many of it matched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mercato.schema import Ranking, Scores

Places = NDArray[np.int64]
Groups = NDArray[np.int32]
"""A number from 0 on per catalogue row, the same for variants of one product (``Catalog.group``)."""


def one_a_group(ranking: Ranking, groups: Groups) -> Ranking:
    """Of a ``ranking`` in its final order the first row of each group, in that order, noted with "variants": how many
    of its rows are in the ranking.

    ``groups`` (n,) by catalogue row. So ``len`` of the answer counts groups and pages cut from it hold none twice.
    """
    places, sizes = first_places(groups[ranking.rows])
    return ranking.take(places).noted(variants=sizes)


def best_of_groups(ranking: Ranking, groups: Groups) -> Ranking:
    """The same for rows that ascend and are not put in order yet, when score is what will order them: of each group the
    row with the highest score, of equal ones the lowest row; by group. Spares sorting every row.
    """
    places, sizes = best_places(ranking.scores, groups[ranking.rows])
    return ranking.take(places).noted(variants=sizes)


def first_places(groups: Groups) -> tuple[Places, Places]:
    """Where in ``groups`` (r,) each number comes first, ascending, and how often it comes."""
    sizes = np.bincount(groups)
    first = np.full(len(sizes), len(groups), np.int32)
    here = np.arange(len(groups), dtype=np.int32)
    np.minimum.at(first, groups, here)
    places = np.flatnonzero(first[groups] == here)
    return places, sizes[groups[places]]


def best_places(scores: Scores, groups: Groups) -> tuple[Places, Places]:
    """By number that ``groups`` (r,) has, ascending: where its highest of ``scores`` (r,) is, of several the first, and
    how often the number comes."""
    sizes = np.bincount(groups)
    best = np.full(len(sizes), -np.inf)
    np.maximum.at(best, groups, scores)
    tied = np.flatnonzero(scores == best[groups])
    first = np.full(len(sizes), len(groups), np.int64)
    np.minimum.at(first, groups[tied], tied)
    known = np.flatnonzero(sizes)
    return first[known], sizes[known]
