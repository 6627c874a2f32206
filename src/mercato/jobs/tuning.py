"""A shop's behaviour in, its own sentence encoder on the shelf out: stopped and chosen on validation, reported on what
came last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from mercato.artifacts import publish
from mercato.errors import ArtifactError, BackendError
from mercato.evaluate.metrics import bootstrap, paired
from mercato.jobs.encoders import ROLE, Chosen, shelf
from mercato.jobs.exams import marks
from mercato.jobs.lessons import Course, Teach, course, lessons, whole
from mercato.jobs.material import Material
from mercato.models.offered import BUILT_IN
from mercato.models.taught import Exam, Lessons
from mercato.models.text import TextEncoder, checked, located
from mercato.models.tuning import Tune
from mercato.models.vectors import NamedEncoder

Tick = Callable[[str], None]
Marks = NDArray[np.float64]
_SURE = 0.05
_ACCOUNT = "account.json"
MODEL = "model"
"""The folder of a tuned model within the one that is kept until it is published."""
_KEPT = 10
"""Tuned models that wait in the cache at most: of folds and trials nothing but the figures is wanted later."""


@dataclass(frozen=True)
class Bench:
    """Where tuning works: the served encoder's recipe (what is judged is what would serve: int8 and cut alike), and the
    folder for checkpoints, vectors and graphs."""

    served: TextEncoder
    cache: Path

    def load(self, source: str) -> NamedEncoder:
        """The encoder of a package or folder, run as the shop would."""
        return replace(self.served, source=source).load(self.cache / "models")

    @property
    def vectors(self) -> Path:
        """Where vectors are kept."""
        return self.cache / "vectors"


def tune(
    material: Material,
    teach: Teach,
    recipe: Tune,
    bench: Bench,
    home: Path,
    incumbent: Chosen,
    version: str,
    tick: Tick,
) -> dict[str, Any]:
    """Tune ``recipe.base`` on what ``material`` teaches and publish it under ``home``/models/encoder; returns what its
    manifest says, its ``version`` and whether it was ``chosen``.

    It becomes the current one where validation says so (``verdict``, against the ``incumbent``: what the shop uses
    now); the test's figures decide nothing. A killed run goes on where it was, from the checkpoint or from the finished
    model. Raises DataError where there is nothing to learn from or to be judged by, BackendError without torch,
    ArtifactError for a base that cannot be tuned.
    """
    given = course(material, teach)
    base = bench.load(recipe.base)
    tick("lessons")
    taught = lessons(given, material, teach, base, bench.vectors)
    exam = whole(given.validation)
    folder = trained(recipe, taught, exam, bench.cache, tick)
    tuned = bench.load(str(folder / MODEL))
    account = orjson.loads((folder / _ACCOUNT).read_bytes())
    tick("exams")
    metrics = {
        "validation": compared(given.validation, base, tuned, bench.vectors),
        "test": compared(given.test, base, tuned, bench.vectors),
        "account": account,
    }
    said = verdict(given.validation, incumbent.encoder, tuned, bench.vectors)
    about = _about(recipe, given, fingerprint(recipe, taught, exam), metrics, base, version, incumbent) | {
        "dimension": tuned.dimension,
        "choice": said,
    }

    def write(draft: Path) -> None:
        shutil.copytree(folder / MODEL, draft, dirs_exist_ok=True)

    publish(shelf(home), version, write, about, chosen=said["chosen"])
    shutil.rmtree(folder, ignore_errors=True)
    return {**about, "version": version, "chosen": said["chosen"]}


def trained(
    recipe: Tune,
    taught: Lessons,
    exam: Exam | None,
    cache: Path,
    tick: Tick,
    log: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> Path:
    """The folder of the model tuned so: the finished one of an earlier run with the very same lessons, else a new one.

    ``MODEL`` is the model, beside it the account; ``log`` hears of every judgement. Raises BackendError without torch,
    and what ``fit`` raises."""
    place = cache / "tuned"
    folder = place / fingerprint(recipe, taught, exam)
    if (folder / _ACCOUNT).exists():
        return folder
    try:
        from mercato.models.tuning.fit import fit
    except ImportError as error:
        raise BackendError("tuning needs torch", where="mercato tune", hint="pip install 'mercato[tune]'") from error
    made = fit(recipe, taught, exam, cache / "checkpoints", tick, log)
    shutil.rmtree(folder, ignore_errors=True)
    made.save(folder / MODEL)
    told = orjson.dumps(dict(made.account), option=orjson.OPT_SERIALIZE_NUMPY)
    draft = folder / f".{_ACCOUNT}"
    draft.write_bytes(told)
    draft.replace(folder / _ACCOUNT)  # last: with it, the folder is whole
    others = sorted((one for one in place.iterdir() if one != folder), key=lambda one: one.stat().st_mtime)
    for old in others[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def fingerprint(recipe: Tune, taught: Lessons, exam: Exam | None) -> str:
    """Of everything that the tuned model depends on, but for the machine."""
    digest = blake2b(orjson.dumps({**asdict(recipe), "threads": 0}), digest_size=16)
    for pair in taught.pairs:
        digest.update(orjson.dumps(asdict(pair)))
    digest.update(orjson.dumps([taught.texts, exam.queries, exam.corpus] if exam else taught.texts))
    for wanted in exam.wanted if exam else ():
        digest.update(orjson.dumps(sorted(wanted.items())))
    return digest.hexdigest()


def compared(
    exams: Mapping[str, Exam], base: NamedEncoder, tuned: NamedEncoder, vectors: Path
) -> dict[str, dict[str, Any]]:
    """NDCG@10 by exam, untuned and tuned, with 95 % bootstrap intervals over queries, and how far the tuned one is
    ahead (paired)."""
    return {
        name: figures(marks(exam, base, vectors), marks(exam, tuned, vectors)) for name, exam in sorted(exams.items())
    }


def figures(before: Marks, after: Marks) -> dict[str, Any]:
    """Of the same queries, untuned and tuned."""
    ahead, p = paired(after, before)
    return {
        "queries": len(before),
        "untuned": bootstrap(before).to_dict(),
        "tuned": bootstrap(after).to_dict(),
        "ahead": ahead.to_dict(),
        "p": round(p, 4),
    }


def verdict(exams: Mapping[str, Exam], incumbent: NamedEncoder, tuned: NamedEncoder, vectors: Path) -> dict[str, Any]:
    """Whether the tuned encoder shall be chosen, and why: over all validation queries it is ahead of the ``incumbent``
    beyond chance (p < .05), and it is surely behind on no single exam: what is learned from baskets must not cost the
    search its meaning."""
    found = {name: (marks(exam, incumbent, vectors), marks(exam, tuned, vectors)) for name, exam in exams.items()}
    every = [np.concatenate([pair[side] for pair in found.values()]) for side in (0, 1)]
    ahead, p = paired(every[1], every[0])
    worse = [name for name, (old, new) in found.items() if paired(new, old)[0].high < 0]
    if ahead.mean <= 0 or p >= _SURE:
        why = f"validation does not show that it is better: {ahead.mean:+.4f}, p {p:.3f}"
    elif worse:
        why = f"it is surely worse at {', '.join(worse)}"
    else:
        why = f"on validation it is {ahead.mean:+.4f} ahead of what the shop uses, p {p:.3f}"
    return {
        "chosen": ahead.mean > 0 and p < _SURE and not worse,
        "why": why,
        "ahead": ahead.to_dict(),
        "p": round(p, 4),
    }


def _about(
    recipe: Tune,
    given: Course,
    data: str,
    metrics: Mapping[str, Any],
    base: NamedEncoder,
    version: str,
    incumbent: Chosen,
) -> dict[str, Any]:
    offer = next((one for one in BUILT_IN if one.source == recipe.base), None)
    return {
        "kind": ROLE,
        "name": f"tuned-{recipe.method}",
        "base": {"source": recipe.base, "sha256": base_sum(recipe.base), "fingerprint": base.fingerprint},
        "data": {**given.account, "leaks": dict(given.leaks), "blake2b": data},
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "metrics": dict(metrics),
        "parent": incumbent.version,
        "licence": offer.licence if offer else "unknown",
        "language": offer.language if offer else "",
        "created_at": version,
    }


def base_sum(source: str) -> str:
    """The sha256 of a base's files; "" for one in a form of its own (its fingerprint tells it)."""
    try:
        return checked(*located(source))
    except ArtifactError:
        return ""
