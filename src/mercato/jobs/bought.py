"""Graded events in, evidence of what was taken together and what was taken next out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.feedback.histories import Events
from mercato.jobs.evidence import Evidence, Integers, Texts
from mercato.retrieve.pairs import Together, Transitions
from mercato.schema import GRADES

_BUY = GRADES["purchase-complete"]
NEAREST = 20
"""Neighbours of a text that it may be taught to stand beside."""
_SOON = 30 * 86_400
"""Seconds: what is taken later than this is not what was taken next."""


@dataclass(frozen=True)
class Taken:
    """What was taken, as parallel arrays sorted by shopper, then time: owner, text, time and basket."""

    owner: Integers
    texts: Integers
    at: Integers
    baskets: Integers

    @staticmethod
    def of(events: Events, texts: Texts) -> Taken:
        """What was bought, or, in a log with hardly a purchase, whatever was touched."""
        bought = events.grades >= _BUY
        enough = bought.sum() >= 0.02 * max(len(events), 1)
        read = texts.of[events.rows].astype(np.int64)
        keep = (bought if enough else events.grades > 0) & (read >= 0)
        return Taken(events.owner[keep], read[keep], events.at[keep], events.baskets[keep])

    def within(self, begin: int, end: int) -> Taken:
        """From ``begin`` up to before ``end``, without the baskets that were begun before: no basket is on both sides
        of a cut."""
        early = np.unique(self.baskets[self.at < begin])
        keep = (self.at >= begin) & (self.at < end) & ~np.isin(self.baskets, early)
        return self.where(keep)

    def where(self, keep: NDArray[np.bool_]) -> Taken:
        """The lines flagged by ``keep``."""
        return Taken(self.owner[keep], self.texts[keep], self.at[keep], self.baskets[keep])

    def lines(self) -> tuple[Integers, Integers, Integers]:
        """Basket, text and time (the basket's last) of every text that is in a basket."""
        order = np.lexsort((-self.at, self.texts, self.baskets))
        baskets, texts = self.baskets[order], self.texts[order]
        new = np.r_[True, (baskets[1:] != baskets[:-1]) | (texts[1:] != texts[:-1])][: len(order)]
        _, number = np.unique(baskets, return_inverse=True)
        last = np.zeros(int(number.max(initial=-1)) + 1, np.int64)
        np.maximum.at(last, number, self.at[order])
        return baskets[new], texts[new], last[number][new]


def basket_evidence(taken: Taken, texts: Texts, most: int, seed: int) -> Evidence:
    """At most ``most`` pairs of texts of one basket, either way round, corrected for what is in every basket twice.

    A text that is in more baskets than the average one is left out of so many of them that it is seen as often as its
    square root (the subsampling of word2vec: Mikolov et al. 2013, section 2.3). A basket's remaining texts are put in
    random order, and neighbours are a pair. Of these stay the pairs that are among the NEAREST of one of the two by
    cosine over these baskets (``Together``), weighed by that: what else shares a basket did so by chance.
    """
    random = np.random.default_rng([seed, 1])
    close = Together(neighbours=NEAREST).fit(taken.baskets, taken.texts.astype(np.int32), len(texts))
    baskets, wanted, at = taken.lines()
    keep = random.random(len(wanted)) < chance_kept(np.bincount(wanted, minlength=len(texts)))[wanted]
    baskets, wanted, at = baskets[keep], wanted[keep], at[keep]
    order = np.lexsort((random.random(len(wanted)), baskets))
    baskets, wanted, at = baskets[order], wanted[order], at[order]
    pairs = np.flatnonzero(baskets[1:] == baskets[:-1])
    weights = np.maximum(_at(close, wanted[pairs], wanted[pairs + 1]), _at(close, wanted[pairs + 1], wanted[pairs]))
    pairs, weights = pairs[weights > 0], weights[weights > 0]
    chosen = np.sort(random.permutation(len(pairs))[:most])
    pairs, weights = pairs[chosen], weights[chosen]
    flip = random.random(len(pairs)) < 0.5
    one, other = np.where(flip, pairs + 1, pairs), np.where(flip, pairs, pairs + 1)
    return Evidence.of(
        texts, "basket", wanted[other], anchors=wanted[one], weights=weights, at=at[pairs], sessions=baskets[pairs]
    )


def chance_kept(counts: NDArray[Any]) -> NDArray[np.float64]:
    """(m,) how likely each text stays in a basket, by how many it is in.

    >>> chance_kept(np.array([1, 1, 4, 0])).round(3).tolist()
    [1.0, 1.0, 0.707, 1.0]
    """
    mean = counts[counts > 0].mean() if counts.any() else 1.0
    chances: NDArray[np.float64] = np.minimum(1.0, np.sqrt(mean / np.maximum(counts, 1)))
    return chances


def sequence_evidence(taken: Taken, texts: Texts, most: int, seed: int) -> Evidence:
    """At most ``most`` times that a shopper took one text right after another, within a month; what is taken at the
    same second has no order. Corrected for popularity as in ``basket_evidence``, the NEAREST by ``Transitions``."""
    random = np.random.default_rng([seed, 2])
    close = Transitions(neighbours=NEAREST).fit(taken.owner, taken.texts.astype(np.int32), len(texts))
    counts = np.bincount(taken.texts, minlength=len(texts))
    keep = np.flatnonzero(random.random(len(taken.texts)) < chance_kept(counts)[taken.texts])
    first, then = keep[:-1], keep[1:]
    gap = taken.at[then] - taken.at[first]
    same = taken.owner[first] == taken.owner[then]
    other = taken.texts[first] != taken.texts[then]
    found = np.flatnonzero(same & other & (gap > 0) & (gap <= _SOON))
    weights = _at(close, taken.texts[first[found]], taken.texts[then[found]])
    found, weights = found[weights > 0], weights[weights > 0]
    chosen = np.sort(random.permutation(len(found))[:most])
    one, next_ = first[found[chosen]], then[found[chosen]]
    return Evidence.of(
        texts,
        "sequence",
        taken.texts[next_],
        anchors=taken.texts[one],
        weights=weights[chosen],
        at=taken.at[next_],
        sessions=np.stack([taken.baskets[one], taken.baskets[next_]], 1),
    )


def _at(matrix: sp.csr_array, rows: Integers, columns: Integers) -> NDArray[np.float64]:
    """The entries of ``matrix`` at (row, column), 0 where it has none."""
    if not len(rows):
        return np.empty(0)
    found: NDArray[np.float64] = np.asarray(matrix[rows, columns], np.float64).ravel()
    return found


def together_evidence(taken: Taken, texts: Texts, neighbours: int = 10, least: int = 5) -> Evidence:
    """For every text that was in ``least`` baskets the ``neighbours`` that share most with it, as ``Together`` counts
    (cosine over baskets: corrected for popularity), weighed by that: what an exam asks for."""
    matrix = Together(neighbours=neighbours).fit(taken.baskets, taken.texts.astype(np.int32), len(texts)).tocoo()
    baskets, wanted, at = taken.lines()
    del baskets
    often = np.bincount(wanted, minlength=len(texts)) >= least
    keep = often[matrix.row] & (matrix.row != matrix.col)
    end = np.full(int(keep.sum()), at.max(initial=0), np.int64)
    return Evidence.of(
        texts,
        "basket",
        matrix.col[keep].astype(np.int64),
        anchors=matrix.row[keep].astype(np.int64),
        weights=matrix.data[keep].astype(np.float64),
        at=end,
    )
