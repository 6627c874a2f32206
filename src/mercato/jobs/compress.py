"""An encoder, a shop's texts and an exam in, the same encoder smaller or faster on the shelf out: every tier is made,
measured, and the smallest that loses no more than may be lost is chosen."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.artifacts import publish
from mercato.errors import ArtifactError, BackendError, RequestError
from mercato.evaluate.metrics import paired
from mercato.jobs.encoders import ROLE, shelf
from mercato.jobs.exams import marks
from mercato.models.small.tiers import TIERS, Making, make
from mercato.models.taught import Exam
from mercato.models.text import TextEncoder
from mercato.models.vectors import NamedEncoder

Tick = Callable[[str], None]
Marks = NDArray[np.float64]
BASE = "float32"
"""What all others are compared with."""
RANKINGS = ("smallest", "fastest")
_TEXTS = 128
"""Texts of a measurement: four full batches."""


@dataclass(frozen=True)
class Compress:
    """What is looked for: of the ``tiers`` (none named: all that can be made here) the ``smallest`` or the ``fastest``
    (``prefer``) whose NDCG@10 on validation is at most the share ``loss`` below that of the encoder in float32; or the
    one ``tier``, whatever it loses. Speeds are medians of ``rounds``, in which all take turns."""

    loss: float = 0.01
    prefer: str = "smallest"
    tier: str = ""
    tiers: tuple[str, ...] = ()
    rounds: int = 5

    def __post_init__(self) -> None:
        """Raises RequestError for what cannot be."""
        unknown = {self.tier, *self.tiers} - {"", *TIERS}
        if unknown:
            raise RequestError(f"no tier {sorted(unknown)[0]!r}", where="tier", hint=f"tiers: {', '.join(TIERS)}")
        if self.prefer not in RANKINGS:
            raise RequestError(f"{self.prefer!r} is no choice", where="prefer", hint=f"one of: {', '.join(RANKINGS)}")
        if not 0 <= self.loss < 1 or self.rounds < 1:
            raise RequestError("loss is a share of 1, rounds at least 1", where="loss")

    @property
    def names(self) -> tuple[str, ...]:
        """What is made, what all are compared with first."""
        asked = (self.tier,) if self.tier else self.tiers or tuple(TIERS)
        return (BASE, *(name for name in asked if name != BASE))


@dataclass(frozen=True)
class Made:
    """A tier that was made: where, how large it is (bytes), and loaded."""

    name: str
    folder: Path
    size: int
    encoder: NamedEncoder


def compress(
    wanted: Compress,
    making: Making,
    recipe: TextEncoder,
    exam: Exam,
    test: Exam | None,
    home: Path,
    version: str,
    about: Mapping[str, Any],
    tick: Tick,
) -> dict[str, Any]:
    """Make the tiers of ``making.source``, measure them, and publish the one that is chosen under ``home``; returns the
    table and the choice.

    It is chosen by ``exam`` (validation); ``test`` is only reported, of the chosen one. ``recipe`` says how encoders
    run, ``about`` what the manifest says of the encoder that it is made of. Nothing is published where nothing but
    float32 stays within the loss. A killed run begins anew but for a student's distillation, which goes on. Raises
    ArtifactError for an encoder that is no BERT, BackendError where the ``tier`` that was asked for needs what is not
    there.
    """
    made, missing = built(wanted, making, recipe, tick)
    tick("speed")
    speeds = speed(made, making.sample(_TEXTS), wanted.rounds)
    rows = table(made, {"validation": exam}, speeds, tick)
    name, why = chosen(wanted, rows)
    told: dict[str, Any] = {"tiers": rows, "missing": missing, "choice": name, "why": why, "version": ""}
    if name:
        best = next(one for one in made if one.name == name)
        row = next(one for one in rows if one["tier"] == name)
        if test is not None:
            row["test"] = compared(marks(test, made[0].encoder), marks(test, best.encoder))
        manifest = {
            **about,
            "kind": ROLE,
            "name": f"{about.get('name', 'encoder')}-{name}",
            "tier": name,
            "dimension": best.encoder.dimension,
            "recipe": {"loss": wanted.loss, "prefer": wanted.prefer, "texts": len(making.texts)},
            "seed": making.seed,
            "metrics": row,
        }
        publish(shelf(home), version, lambda draft: _copied(best.folder, draft), manifest)
        told["version"] = version
    shutil.rmtree(making.work, ignore_errors=True)
    return told


def _copied(source: Path, draft: Path) -> None:
    shutil.copytree(source, draft, dirs_exist_ok=True)


def built(wanted: Compress, making: Making, recipe: TextEncoder, tick: Tick) -> tuple[list[Made], dict[str, str]]:
    """Every tier that can be made here, and of the others why not; what was asked for by name must be possible."""
    made, missing = [], dict[str, str]()
    for name in wanted.names:
        folder = making.work / "tiers" / name
        shutil.rmtree(folder, ignore_errors=True)
        try:
            make(name, making, folder, tick)
            encoder = _load(recipe, folder, making.work)
        except (ArtifactError, BackendError) as error:
            if name in (BASE, wanted.tier):
                raise
            missing[name] = str(error)
            continue
        size = sum(path.stat().st_size for path in folder.iterdir())
        made.append(Made(name, folder, size, encoder))
    return made, missing


def _load(recipe: TextEncoder, folder: Path, cache: Path) -> NamedEncoder:
    own = TextEncoder(str(folder), max_length=recipe.max_length, threads=recipe.threads, prefix=recipe.prefix)
    return own.load(cache)


def speed(
    made: Sequence[Made], texts: Sequence[str], rounds: int, clock: Callable[[], float] = process_time
) -> dict[str, dict[str, float]]:
    """Of each tier: texts a CPU second, that as a multiple of the first one's, and one query's milliseconds (p50, p99).

    All take turns in every round, so that what else the machine does falls on all of them alike; the ratio is the
    median of the rounds' own.
    """
    queries = [" ".join(text.split()[:4]) for text in texts[: min(50, len(texts))]]
    rates: dict[str, list[float]] = {one.name: [] for one in made}
    waits: dict[str, list[float]] = {one.name: [] for one in made}
    for _ in range(rounds):
        for one in made:
            rates[one.name].append(_rate(one.encoder, texts, clock))
            for query in queries[:: max(1, len(queries) // 10)]:
                begun = perf_counter()
                one.encoder.encode([query])
                waits[one.name].append((perf_counter() - begun) * 1000)
    base = np.array(rates[made[0].name])
    return {
        name: {
            "texts_per_cpu_second": round(float(np.median(found)), 1),
            "times": round(float(np.median(np.array(found) / base)), 2),
            "query_ms_p50": round(float(np.percentile(waits[name], 50)), 2),
            "query_ms_p99": round(float(np.percentile(waits[name], 99)), 2),
        }
        for name, found in rates.items()
    }


def _rate(encoder: NamedEncoder, texts: Sequence[str], clock: Callable[[], float]) -> float:
    """Texts a second, over so many readings that the clock can tell."""
    begun, count = clock(), 0
    while (taken := clock() - begun) < 0.2 or not count:
        encoder.encode(texts)
        count += len(texts)
    return count / max(taken, 1e-9)


def table(
    made: Sequence[Made], exams: Mapping[str, Exam], speeds: Mapping[str, Mapping[str, float]], tick: Tick
) -> list[dict[str, Any]]:
    """One row a tier: bytes, numbers of a vector, speeds, and by exam NDCG@10 with what is lost against the first."""
    before: dict[str, Marks] = {}
    rows = []
    for one in made:
        tick(f"exam of {one.name}")
        row: dict[str, Any] = {"tier": one.name, "bytes": one.size, "dimension": one.encoder.dimension}
        row |= speeds[one.name]
        for name, exam in exams.items():
            after = marks(exam, one.encoder)
            row[name] = compared(before.setdefault(name, after), after)
        rows.append(row)
    return rows


def compared(before: Marks, after: Marks) -> dict[str, Any]:
    """NDCG@10 and its difference to float32's on the same queries, with its 95 % interval (paired bootstrap)."""
    change, _ = paired(after, before)
    base = float(before.mean())
    return {
        "queries": len(after),
        "ndcg": round(float(after.mean()), 4),
        "change": change.to_dict(),
        "relative": round(float(after.mean()) / base - 1, 4) if base else 0.0,
    }


def chosen(wanted: Compress, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The tier that is published, "" where none is, and why."""
    if wanted.tier:
        return wanted.tier, "asked for by name"
    within = [row for row in rows if row["validation"]["relative"] >= -wanted.loss]
    if wanted.prefer == "fastest":
        best = max(within, key=lambda row: row["times"])
    else:
        best = min(within, key=lambda row: (row["bytes"], -row["times"]))
    if best["tier"] == BASE:
        return "", f"nothing but float32 stays within a loss of {wanted.loss:.1%} on validation"
    change = best["validation"]["relative"]
    return best["tier"], f"the {wanted.prefer} within a loss of {wanted.loss:.1%} on validation ({change:+.1%})"
