"""A ranking in, the ranking as the shop wants it shown out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mercato.ports import Policy
from mercato.schema import Mask, Ranking, Request

BOUGHT = {"buy-again": "only", "discover": "never", "tail": "never"}
"""Placements with a rule about what the shopper bought before: nothing else, or never."""


@dataclass(frozen=True)
class Narrow:
    """What a placement may show at all; ``head`` (n,) flags the few products that sell most: *tail* leaves them out."""

    head: Mask

    def __call__(self, request: Request, allowed: Mask) -> Mask:
        """``allowed`` after the placement's rules: bought before or not, tail only, never the anchors themselves."""
        narrowed = allowed.copy()
        rule = BOUGHT.get(request.placement)
        if rule:
            bought = np.zeros(len(allowed), bool)
            bought[request.history.bought()] = True
            narrowed &= bought if rule == "only" else ~bought
        if request.placement == "tail":
            narrowed &= ~self.head
        narrowed[request.anchors] = False
        return narrowed


@dataclass(frozen=True)
class OnePerGroup:
    """Of the variants of one product (equal ``group`` numbers) only the best stays."""

    group: NDArray[np.int32]

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The first of each group, in order."""
        _, first = np.unique(self.group[ranking.rows], return_index=True)
        return ranking.take(np.sort(first))


@dataclass(frozen=True)
class Cap:
    """At most ``most`` of one ``code`` before every other code had its turn: the surplus moves to the end, in order."""

    codes: NDArray[np.int32]
    most: int

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """Stable; rows without a code (-1) are never capped."""
        codes = self.codes[ranking.rows]
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], codes[order])
        place = np.empty(len(codes), np.int64)
        place[order] = np.arange(len(codes)) - starts
        surplus = (place >= self.most) & (codes >= 0)
        return ranking.take(np.r_[np.flatnonzero(~surplus), np.flatnonzero(surplus)])


@dataclass(frozen=True)
class Chain:
    """Policies one after another."""

    policies: tuple[Policy, ...]

    def apply(self, request: Request, ranking: Ranking) -> Ranking:
        """The last policy's answer."""
        for policy in self.policies:
            ranking = policy.apply(request, ranking)
        return ranking
