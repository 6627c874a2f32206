"""Evidence in, the parts that teach and those that examine out: by time, or in folds; and whether anything leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mercato.errors import DataError, RequestError
from mercato.jobs.bought import Taken
from mercato.jobs.evidence import ALWAYS, NOBODY, Evidence, Integers, number
from mercato.words import normalise

Key = Callable[[Evidence], Integers]


def _products(evidence: Evidence) -> Integers:
    return np.stack([evidence.anchors, evidence.wanted], 1)


def _sessions(evidence: Evidence) -> Integers:
    return evidence.sessions


def _queries(evidence: Evidence) -> Integers:
    numbers = {query: number(_skeleton(query)) for query in set(evidence.queries.tolist())}
    found = np.array([numbers[query] for query in evidence.queries.tolist()], np.int64)
    return found.reshape(-1, 1)


KEYS: Mapping[str, Key] = MappingProxyType({"product": _products, "session": _sessions, "query": _queries})
"""What may be kept apart: (e, 1 or 2) numbers, NOBODY for none. Products of one text are one product,
queries with the same consonants one query."""


def _skeleton(query: str) -> str:
    """What queries that are written alike share ("blue ray", "bluray"): their consonants, where there are three."""
    plain = "".join(normalise(query).split()) or query
    bare = "".join(letter for letter in plain if letter not in "aeiou")
    return bare if len(bare) > 2 else plain


def before(evidence: Evidence, at: int) -> Evidence:
    """What was seen before ``at``, the catalogue's own words among it."""
    return evidence.take(evidence.at < at)


def after(evidence: Evidence, at: int, end: int) -> Evidence:
    """What was seen from ``at`` up to before ``end``, without sessions that were begun before ``at``."""
    early = np.unique(evidence.sessions[evidence.at < at])
    begun = (np.isin(evidence.sessions, early) & (evidence.sessions != NOBODY)).any(1)
    return evidence.take((evidence.at >= at) & (evidence.at < end) & ~begun & (evidence.at != ALWAYS))


@dataclass(frozen=True)
class Folds:
    """``k`` folds, the products (texts), sessions or queries that ``by`` names kept apart: each of them belongs to one
    fold, by ``seed``. What lies wholly within a fold examines it, what has nothing in it teaches; what is partly in it
    does neither. What has none of what is kept apart always teaches.

    Raises RequestError for fewer than two folds or an unknown name.
    """

    k: int
    by: tuple[str, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if self.k < 2:
            raise RequestError(f"{self.k} folds are none", where="folds", hint="at least 2")
        for name in self.by:
            if name not in KEYS:
                raise RequestError(f"{name!r} cannot be kept apart", where="by", hint=f"known: {', '.join(KEYS)}")
        if not self.by:
            raise RequestError("nothing is kept apart", where="by", hint=f"known: {', '.join(KEYS)}")

    def evidence(self, whole: Evidence, fold: int) -> tuple[Evidence, Evidence]:
        """What of ``whole`` teaches when ``fold`` examines, and what examines."""
        numbers = np.concatenate([self._fold(name, KEYS[name](whole)) for name in self.by], 1)
        inside = ((numbers == fold) | (numbers < 0)).all(1) & (numbers >= 0).any(1)
        return whole.take((numbers != fold).all(1)), whole.take(inside)

    def taken(self, whole: Taken, fold: int) -> tuple[Taken, Taken]:
        """The same of baskets, line by line; where queries alone are kept apart, every basket teaches."""
        values = {"product": whole.texts, "session": whole.baskets}
        numbers = [self._fold(name, values[name].reshape(-1, 1)) for name in self.by if name in values]
        if not numbers:
            return whole, whole.where(np.zeros(len(whole.texts), bool))
        table = np.concatenate(numbers, 1)
        return whole.where((table != fold).all(1)), whole.where((table == fold).all(1))

    def inside(self, m: int, fold: int) -> NDArray[np.bool_]:
        """(m,) which of the texts are a fold's."""
        found: NDArray[np.bool_] = self._fold("product", np.arange(m)) == fold
        return found

    def _fold(self, name: str, values: Integers) -> Integers:
        """Each value's fold, NOBODY's is NOBODY. Of queries, which may be few, every fold gets as many as any other."""
        distinct, inverse = np.unique(values, return_inverse=True)
        if name == "query":
            drawn = np.random.default_rng(self.seed).permutation(len(distinct)) % self.k
        else:
            drawn = (_mixed(distinct, self.seed) % np.uint64(self.k)).astype(np.int64)
        drawn[distinct == NOBODY] = NOBODY
        return drawn[inverse.reshape(values.shape)]


def _mixed(values: Integers, seed: int) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea & Flood 2014): a number that looks drawn, the same for equal values."""
    mixed = values.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def leaks(train: Evidence, test: Evidence, by: Sequence[str] = tuple(KEYS)) -> dict[str, int]:
    """By what may be kept apart how many are on both sides; "pair": the pairs of a query and a text that are; "later":
    how much of what teaches was seen when or after the first of what examines was."""
    shared = {name: len(np.setdiff1d(np.intersect1d(KEYS[name](train), KEYS[name](test)), [NOBODY])) for name in by}
    begun = int(test.at.min()) if len(test) else 0
    later = int((train.at >= begun).sum()) if begun > ALWAYS else 0
    return {**shared, "pair": len(_pairs(train) & _pairs(test)), "later": later}


def sealed(found: Mapping[str, int], apart: Sequence[str]) -> dict[str, int]:
    """The ``found`` leaks; raises DataError where one is of ``apart``, for then no figure can be trusted."""
    if wrong := {name: found[name] for name in apart if found.get(name)}:
        told = ", ".join(f"{count} of {name!r}" for name, count in wrong.items())
        raise DataError(f"what teaches and what examines share {told}", where="split")
    return dict(found)


def shared(train: Taken, test: Taken) -> dict[str, int]:
    """``leaks`` of baskets."""
    return {
        "product": len(np.intersect1d(train.texts, test.texts)),
        "session": len(np.intersect1d(train.baskets, test.baskets)),
    }


def _pairs(evidence: Evidence) -> set[tuple[str, int]]:
    return set(zip(evidence.queries.tolist(), evidence.wanted.tolist(), strict=True))


def held(names: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Two disjoint draws of ``names``, each ``share`` of them (at least one where there are five): for validation and
    for the test."""
    order: NDArray[np.int64] = np.random.default_rng([seed, 3]).permutation(len(names))
    many = max(round(share * len(names)), 1 if len(names) >= 5 else 0)
    return [names[place] for place in order[:many]], [names[place] for place in order[many : 2 * many]]
