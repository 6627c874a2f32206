"""Material and a recipe in, how well an encoder tuned so does on folds it never saw out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mercato.errors import DataError
from mercato.jobs.exams import marks
from mercato.jobs.lessons import Course, Teach, folded, lessons
from mercato.jobs.material import Material
from mercato.jobs.tuning import MODEL, Bench, Marks, Tick, figures, fingerprint, trained
from mercato.models.tuning import Tune
from mercato.models.vectors import NamedEncoder


def cross_validated(
    material: Material, teach: Teach, recipe: Tune, bench: Bench, k: int, by: Sequence[str], tick: Tick
) -> dict[str, Any]:
    """Tune ``k`` times, each time without one fold, and examine on that: by exam the untuned and the tuned NDCG@10 per
    fold with mean and standard deviation, and the gain over all queries (paired).

    Nothing is stopped early, for there is no validation: each fold takes exactly the steps of ``recipe``. What is kept
    apart ``by`` is on no two sides, and ``leaks`` say so. A killed run goes on: a fold that was done is not done again.
    Raises DataError where no fold examines anything, RequestError for fewer than two folds or an unknown ``by``.
    """
    base = bench.load(recipe.base)
    found: dict[str, list[tuple[Marks, Marks]]] = {}
    told: list[dict[str, Any]] = []
    for number, given in enumerate(folded(material, teach, k, by)):
        told.append({"leaks": given.leaks["test"], **given.account})
        if not given.test:
            continue
        tick(f"fold {number + 1} of {k}")
        after = _examined(given, material, teach, recipe, bench, base, tick)
        for name, exam in given.test.items():
            found.setdefault(name, []).append((marks(exam, base, bench.vectors), after[name]))
    if not found:
        raise DataError("no fold has anything to be examined by", where="folds", hint="keep fewer things apart")
    exams = {name: _summed(sides) for name, sides in found.items()}
    return {"k": k, "by": list(by), "folds": told, "exams": exams}


def _examined(
    given: Course, material: Material, teach: Teach, recipe: Tune, bench: Bench, base: NamedEncoder, tick: Tick
) -> dict[str, Marks]:
    """By exam the tuned encoder's marks, kept once they are known."""
    taught = lessons(given, material, teach, base, bench.vectors)
    kept: Path = bench.cache / "folds" / f"{fingerprint(recipe, taught, None)}.json"
    if kept.exists():
        return {name: np.array(one) for name, one in orjson.loads(kept.read_bytes()).items()}
    tuned = bench.load(str(trained(recipe, taught, None, bench.cache, tick) / MODEL))
    found = {name: marks(exam, tuned) for name, exam in given.test.items()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(".draft")
    draft.write_bytes(orjson.dumps({name: one.tolist() for name, one in found.items()}))
    draft.replace(kept)
    return found


def _summed(sides: Sequence[tuple[Marks, Marks]]) -> dict[str, Any]:
    before, after = (np.concatenate([pair[side] for pair in sides]) for side in (0, 1))
    return {
        **figures(before, after),
        "untuned_folds": spread([float(old.mean()) for old, _ in sides]),
        "tuned_folds": spread([float(new.mean()) for _, new in sides]),
        "ahead_folds": spread([float((new - old).mean()) for old, new in sides]),
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and standard deviation over folds (n - 1), and the values.

    >>> spread([0.5, 0.75])
    {'mean': 0.625, 'sd': 0.1768, 'values': [0.5, 0.75]}
    """
    given = np.asarray(values, float)
    sd = float(given.std(ddof=1)) if len(given) > 1 else 0.0
    return {"mean": round(float(given.mean()), 4), "sd": round(sd, 4), "values": [round(one, 4) for one in values]}
