"""Who knows whom and what they took in, what a shopper's friends took out: a list for someone without a past."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import scipy.sparse as sp
from numpy.typing import NDArray

from mercato.retrieve.once import Once
from mercato.retrieve.sparse import arrays, gather, positions, strongest
from mercato.schema import History, Mask, Ranking, Relation, Request, Rows, Scores


@dataclass(frozen=True, slots=True)
class Ties:
    """``people`` are the ids of all who know somebody, ascending; ``graph`` (p × p) float32: row i knows column j."""

    people: tuple[str, ...]
    graph: sp.csr_array

    @staticmethod
    def of(relations: Iterable[Relation]) -> Ties:
        """The graph of ``relations``: friends both ways, follows one way; of two relations the heavier counts."""
        weights: dict[tuple[str, str], float] = {}
        for relation in relations:
            ends = relation.shopper_id, relation.friend_id
            for pair in (ends, ends[::-1])[: 1 if relation.type == "follows" else 2]:
                weights[pair] = max(weights.get(pair, 0.0), relation.weight)
        people = tuple(sorted({person for pair in weights for person in pair}))
        number = {person: place for place, person in enumerate(people)}
        first = np.array([number[one] for one, _ in weights], np.int64)
        then = np.array([number[other] for _, other in weights], np.int64)
        values = np.array(list(weights.values()), np.float32)
        return Ties(people, sp.csr_array((values, (first, then)), shape=(len(people), len(people))))


@dataclass(frozen=True)
class Social:
    """The average friend: each friend's products, decayed and brought to unit length, weighted by tie and likeness.

    A friend weighs their tie times 1 + ``likeness``·cosine of what both took, so that of two friends the one of like
    taste counts more (trust weighted by similarity, as in Ma et al. 2011, social regularization). At most the ``most``
    strongest ties are asked, each for the ``products`` they took most, so that a list costs the same for everybody. A
    shopper with fewer than ``circle`` friends who took anything gets nothing: what one friend took is that friend's own
    affair, and "people you follow" would name them.
    """

    half_life_days: float = 80.0
    likeness: float = 30.0
    most: int = 50
    products: int = 100
    circle: int = 2

    def fit(
        self,
        ties: Ties,
        shoppers: Sequence[str],
        owner: NDArray[np.int64],
        rows: Rows,
        grades: NDArray[np.int8],
        at: NDArray[np.int64],
        *,
        n: int,
        now: int,
    ) -> SocialLane:
        """From who knows whom and parallel event arrays; ``owner`` numbers ``shoppers``, times are UTC seconds."""
        number = {person: place for place, person in enumerate(ties.people)}
        place = np.array([number.get(shopper, -1) for shopper in shoppers], np.int64)
        person = place[owner] if len(shoppers) else owner
        kept = person >= 0
        weight = self.decayed(grades[kept], np.maximum(now - at[kept], 0))
        shape = (len(ties.people), n)
        taken = sp.csr_array((weight.astype(np.float32), (person[kept], rows[kept])), shape=shape)
        taken = strongest(taken, self.products)
        taken.data = np.log1p(taken.data)
        length = np.sqrt(np.asarray(taken.multiply(taken).sum(axis=1)).ravel())
        unit = sp.csr_array(sp.diags_array(1 / np.maximum(length, 1e-9)) @ taken).astype(np.float32)
        return SocialLane(strongest(ties.graph, self.most), unit, number, self)

    def decayed(self, grades: NDArray[np.int8], seconds: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much events of ``grades`` count that lie ``seconds`` back."""
        decayed: NDArray[np.float64] = np.maximum(grades, 0) / 3 * 0.5 ** (seconds / 86_400 / self.half_life_days)
        return decayed


@dataclass(frozen=True)
class SocialLane:
    """``friends`` (p × p): who asks whom, by tie; ``taken`` (p × n) float32, rows of unit length; ``number``: the place
    of a shopper id among the p people.

    It traces to no product and never to a person: there is no ``source``.
    """

    friends: sp.csr_array
    taken: sp.csr_array
    number: Mapping[str, int]
    recipe: Social
    _worked: Once[Scores] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_worked", Once(self._scores))

    def _scores(self, request: Request) -> Scores:
        asked, weights = self._asked(request)
        if len(asked) < self.recipe.circle:
            return np.zeros(self.taken.shape[1])
        return gather(self.taken, asked, weights / weights.sum())

    def _asked(self, request: Request) -> tuple[Rows, NDArray[np.float64]]:
        """The friends who took anything, and what each weighs."""
        place = self.number.get(request.shopper)
        if place is None:
            return np.empty(0, np.int32), np.empty(0)
        begin, end = self.friends.indptr[place], self.friends.indptr[place + 1]
        asked = np.asarray(self.friends.indices[begin:end], np.int32)
        some = self.taken.indptr[asked + 1] > self.taken.indptr[asked]
        asked, ties = asked[some], self.friends.data[begin:end][some].astype(np.float64)
        return asked, ties * (1 + self.recipe.likeness * self._likeness(request.history, asked))

    def _likeness(self, history: History, asked: Rows) -> NDArray[np.float64]:
        """The cosine of what the shopper and each of ``asked`` took; 0 for a shopper without a past."""
        age = np.maximum(history.at.max(initial=0) - history.at, 0)
        rows, index = np.unique(history.rows, return_inverse=True)
        weights = np.log1p(np.bincount(index, self.recipe.decayed(history.grades, age), len(rows)))
        own = np.zeros(self.taken.shape[1])
        own[rows] = weights
        places, owner = positions(self.taken, asked)
        shared = self.taken.data[places] * own[self.taken.indices[places]]
        return np.bincount(owner, shared, len(asked)) / max(float(np.linalg.norm(weights)), 1e-9)

    def retrieve(self, request: Request, allowed: Mask, k: int) -> Ranking:
        """The ``k`` allowed rows that the shopper's friends took most."""
        scores = self._worked(request)
        rows = np.flatnonzero(allowed & (scores > 0))
        return Ranking.best_first(rows, scores[rows], k)

    def score(self, request: Request, rows: Rows) -> Scores:
        """How much the average friend took each row, 0 to 1."""
        return self._worked(request)[rows]

    def save(self, folder: Path) -> None:
        """Write the people and both matrices into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, matrix in (("friends", self.friends), ("taken", self.taken)):
            for part, values in arrays(matrix):
                np.save(folder / f"{name}-{part}.npy", values, allow_pickle=False)
        people = sorted(self.number, key=self.number.__getitem__)
        (folder / "people.json").write_bytes(orjson.dumps({"people": people, "n": self.taken.shape[1]}))

    @staticmethod
    def load(folder: Path, recipe: Social) -> SocialLane:
        """Map what ``save`` wrote; ``recipe`` must be the one it was fitted with."""
        kept = orjson.loads((folder / "people.json").read_bytes())
        number = {person: place for place, person in enumerate(kept["people"])}
        friends = _mapped(folder, "friends", (len(number), len(number)))
        return SocialLane(friends, _mapped(folder, "taken", (len(number), kept["n"])), number, recipe)


def _mapped(folder: Path, name: str, shape: tuple[int, int]) -> sp.csr_array:
    parts = (np.load(folder / f"{name}-{part}.npy", mmap_mode="r") for part in ("data", "indices", "indptr"))
    return sp.csr_array(tuple(parts), shape=shape, copy=False)
