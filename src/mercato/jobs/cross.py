"""Queries with wanted products in, a published cross-encoder out, and the weight at which it helps the search score."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mercato.artifacts import publish
from mercato.catalog import Catalog
from mercato.errors import BackendError
from mercato.evaluate.metrics import bootstrap, graded_ndcg, paired
from mercato.jobs.judgments import Judged
from mercato.models.cross import Choice, CrossEncoder, LoadedCross
from mercato.ports import PairScorer
from mercato.rank.cross import pair_text, signal
from mercato.rank.linear import Signal
from mercato.schema import Product, Ranking, Rows, Scores
from mercato.words import analyse

Tick = Callable[[str], None]
Find = Callable[[str, int], Ranking]
"""A query and k in, the first k rows with their readable scores out."""

WEIGHTS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SCALES = (0.001, 0.01, 0.1, 1.0)
_SURE, _FEWEST = 0.05, 20
"""The p below which a term is heard, and the fewest held queries that can say so."""
_LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


@dataclass(frozen=True)
class Pool:
    """One judged query, and the first rows that the readable score has for it, with the scores."""

    judged: Judged
    first: Ranking


def pools(judged: Sequence[Judged], find: Find, k: int = 16) -> list[Pool]:
    """What search finds for every query."""
    return [Pool(one, find(one.query, k)) for one in judged]


def choices(found: Sequence[Pool], catalog: Catalog, *, beyond: bool = True) -> list[Choice]:
    """What each pool teaches: the products search puts first are the negatives (hard ones: it believes in them), but
    not those that read like what was wanted; ``beyond``: what was wanted and not found is in the list too.

    Grades are shares of the query's best.
    """
    taught = []
    for pool in found:
        best = max(pool.judged.grades.values(), default=0.0)
        if best <= 0:
            continue
        grades = {row: pool.judged.grades.get(row, 0.0) / best for row in pool.first.rows.tolist()}
        if beyond:
            grades = {row: grade / best for row, grade in pool.judged.grades.items() if grade > 0} | grades
        texts = {row: pair_text(catalog.product(row)) for row in grades}
        wanted = {texts[row] for row, grade in grades.items() if grade > 0}
        kept = [row for row, grade in grades.items() if grade > 0 or texts[row] not in wanted]
        taught.append(Choice(pool.judged.query, tuple(texts[row] for row in kept), tuple(grades[row] for row in kept)))
    return taught


def made_queries(catalog: Catalog, count: int, seed: int, without: Collection[int] = ()) -> list[Judged]:
    """``count`` queries made of products' own words, so that a shop without clicks can teach its model: two to four
    words of the title and brand, sometimes one of the description, sometimes with one letter wrong.

    Wanted are the products of the very same title. No product of ``without`` (rows) is drawn.
    """
    rows = np.setdiff1d(np.flatnonzero(catalog.sellable), np.array(sorted(without), int))
    same: dict[str, dict[int, float]] = {}
    for row in np.flatnonzero(catalog.sellable).tolist():
        same.setdefault(catalog.product(row).title, {})[row] = 1.0
    random = np.random.default_rng(seed)
    found: dict[str, Judged] = {}
    for row in random.permutation(rows).tolist():
        if len(found) >= count:
            break
        own = catalog.product(row)
        query = _query(own, random)
        if query:
            found[query] = Judged(query, same[own.title], "made")
    return list(found.values())


def _query(own: Product, random: np.random.Generator) -> str:
    title = [word for word in _words(f"{own.brand} {own.title}") if len(word) > 1]
    many = int(random.integers(2, 5))
    if len(title) < many:
        return ""
    query = [title[place] for place in np.sort(random.choice(len(title), many, replace=False))]
    rest = [word for word in _words(own.description) if len(word) > 3 and word not in title]
    kind = random.random()
    if kind < 0.3 and rest:
        query[-1] = str(random.choice(rest))
    elif kind < 0.5:
        long = [place for place, word in enumerate(query) if len(word) > 4 and word.isalpha()]
        if long:
            place = int(random.choice(long))
            query[place] = _wrong(query[place], random)
    return " ".join(query)


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(token.text for token in analyse(text)))


def _wrong(word: str, random: np.random.Generator) -> str:
    """``word`` with one letter lost, doubled or another."""
    at, kind = int(random.integers(1, len(word))), int(random.integers(3))
    between = ("", word[at] * 2, str(random.choice(_LETTERS)))[kind]
    return word[:at] + between + word[at + 1 :]


def weighed(found: Sequence[Pool], scorer: PairScorer, catalog: Catalog) -> tuple[Signal, dict[str, float]]:
    """The weight and scale at which the term surely does most for the NDCG@10 of ``found`` (the largest lower end of
    the paired bootstrap interval: the largest mean is often luck), 0 where no weight has a better mean; and the figures
    without and with it, and the ``p`` that there is no difference, times the weights and scales tried (Bonferroni)."""
    read = [chances(pool, scorer, catalog) for pool in found]

    def gained(one: Signal) -> Scores:
        return np.array([gain(pool, own, one) for pool, own in zip(found, read, strict=True)] or [0.0])

    without = gained(signal(0.0, 1.0))
    best, p, low, mean = signal(0.0, 1.0), 1.0, -np.inf, float(without.mean())
    for weight, scale in product(WEIGHTS, SCALES):
        term = signal(weight, scale)
        ahead, chance = paired(gained(term), without)
        if ahead.mean > 0 and ahead.low > low:
            best, p, low, mean = term, chance, ahead.low, float(without.mean()) + ahead.mean
    return best, {"without": float(without.mean()), "with": mean, "p": min(p * len(WEIGHTS) * len(SCALES), 1.0)}


def chances(pool: Pool, scorer: PairScorer, catalog: Catalog) -> Scores:
    """What the scorer says of the rows of a pool."""
    texts = [pair_text(catalog.product(row)) for row in pool.first.rows.tolist()]
    return scorer.score(pool.judged.query, texts) if texts else np.empty(0)


def reordered(pool: Pool, read: Scores, term: Signal) -> Rows:
    """The rows of a pool in the order of their score with the term."""
    return Ranking.best_first(pool.first.rows, pool.first.scores + term.worth(read)).rows


def gain(pool: Pool, read: Scores, term: Signal) -> float:
    """NDCG@10 of that order."""
    return graded_ndcg(reordered(pool, read, term), pool.judged.grades)


def learn_cross(
    recipe: CrossEncoder,
    catalog: Catalog,
    examples: Sequence[Choice],
    held: Sequence[Pool],
    root: Path,
    version: str,
    tick: Tick,
    *,
    test: Sequence[Pool] = (),
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Tune on ``examples``, stop and weigh by the ``held`` pools, and publish the model as ``root``/``version``.

    The manifest says of what it was made: base and its checksum, data and its checksum, recipe with its seed, the
    curve, and the ``signal`` with which the search score hears it: of weight 0, so never, where that is not better on
    at least 20 ``held`` queries beyond chance.
    What that does for the ``test`` pools is only reported; ``more`` goes into the manifest beside the rest.
    A killed run goes on from its checkpoint under ``root``. Raises BackendError without torch, DataError where there
    is nothing to learn, ArtifactError for an unusable base.
    """
    try:
        from mercato.models.cross_fit import fit
    except ImportError as error:
        raise BackendError("tuning needs torch", where="[models]", hint="pip install 'mercato[models]'") from error
    trained = fit(recipe, examples, choices(held, catalog, beyond=False), root / "checkpoints", tick)

    def write(folder: Path) -> None:
        trained.save(folder)
        term, figures = weighed(held, LoadedCross.load(folder), catalog)
        sure = len(held) >= _FEWEST and figures["p"] < _SURE
        about["signal"] = {"weight": term.weight if sure else 0.0, "scale": term.scale}
        about["metrics"] = {**trained.account, "search": figures}
        if test:
            about["metrics"]["test"] = reported(test, LoadedCross.load(folder), catalog, term)

    about: dict[str, Any] = {
        **(more or {}),
        "kind": "cross-encoder",
        "base": {"source": recipe.base, "sha256": trained.base},
        "data": {"lists": len(examples), "held": len(held), "blake2b": _fingerprint(examples, held)},
        "recipe": asdict(recipe),
        "seed": recipe.seed,
    }
    publish(root, version, write, about)
    return about


def reported(found: Sequence[Pool], scorer: PairScorer, catalog: Catalog, term: Signal) -> dict[str, Any]:
    """NDCG@10 of ``found`` without and with the term, with intervals, and how far it is ahead (paired)."""
    without = np.array([gain(pool, np.zeros(len(pool.first)), signal(0.0, 1.0)) for pool in found])
    with_ = np.array([gain(pool, chances(pool, scorer, catalog), term) for pool in found])
    ahead, p = paired(with_, without)
    return {
        "queries": len(found),
        "untuned": bootstrap(without).to_dict(),
        "tuned": bootstrap(with_).to_dict(),
        "ahead": ahead.to_dict(),
        "p": round(p, 4),
    }


def _fingerprint(examples: Sequence[Choice], held: Sequence[Pool]) -> str:
    digest = blake2b(digest_size=16)
    for one in examples:
        digest.update(orjson.dumps(asdict(one)))
    for pool in held:
        digest.update(orjson.dumps([pool.judged.query, sorted(pool.judged.grades.items())]))
    return digest.hexdigest()
