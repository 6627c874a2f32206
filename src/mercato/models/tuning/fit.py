"""Lessons, an exam and a recipe in, a tuned encoder out; interrupted, it goes on where it stopped."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import torch
from numpy.typing import NDArray

from mercato.errors import DataError
from mercato.models.taught import Exam, Lessons
from mercato.models.text import checked, located
from mercato.models.tuning.net import TextNet, fits, read
from mercato.models.tuning.recipe import Tune
from mercato.models.tuning.run import Made, Run
from mercato.models.tuning.saved import TunedEncoder
from mercato.models.tuning.texts import Log, Reader, examined

Tick = Callable[[str], None]
Tensors = Mapping[str, NDArray[np.float32]]


def fit(
    recipe: Tune, lessons: Lessons, exam: Exam | None, cache: Path, tick: Tick, log: Log = lambda _: None
) -> TunedEncoder:
    """Tune ``recipe.base`` on ``lessons``, stopping by the NDCG@10 of ``exam``; the untuned encoder counts as a step
    too, so what comes out is never worse on it. Without an exam it runs for exactly ``steps``.

    A checkpoint under ``cache`` at every judgement makes a killed run end with the very model of an unbroken one; it is
    removed at the end. ``log`` hears of every judgement. Raises DataError where there is nothing to learn from,
    ArtifactError for an unusable base, SettingsError for layers, tokens or numbers that it does not have.
    """
    _useful(recipe, lessons)
    folder, pins = located(recipe.base, cache)
    base = checked(folder, pins)
    fits(recipe, folder)
    torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if recipe.device == "auto" else recipe.device
    reader = Reader(folder, recipe.max_length, device, _half(recipe, device))
    plain = read(folder, replace(recipe, method="full", end_to_end=False)).to(device)
    untuned = float(examined(plain, reader, exam).mean()) if exam is not None else 0.0
    tick(f"untuned: NDCG@10 {untuned:.4f}" if exam is not None else "no exam: every step is taken")
    teacher = checked(*located(recipe.teacher, cache)) if recipe.teacher else ""
    name = _fingerprint(recipe, lessons, exam, base + teacher)
    checkpoints = {seed: cache / f"tune-{name}-{seed}.pt" for seed in range(recipe.seed, recipe.seed + recipe.seeds)}
    made = []
    for seed, checkpoint in checkpoints.items():
        mine = replace(recipe, seed=seed, seeds=1)
        made.append(Run(mine, lessons, exam, reader, folder, untuned, checkpoint, tick, log).finish())
    tensors, gained = _chosen(made, plain, reader, exam, untuned)
    account = _account(made, reader, untuned, gained) | {"pairs": len(lessons.pairs), "texts": len(lessons.texts)}
    for checkpoint in checkpoints.values():
        checkpoint.unlink(missing_ok=True)
    return TunedEncoder(tensors, folder, base, recipe, account | {"exam": 0 if exam is None else len(exam.queries)})


def _useful(recipe: Tune, lessons: Lessons) -> None:
    if not lessons.pairs and recipe.mlm + recipe.distil <= 0:
        raise DataError("there is nothing to tune on", where="pairs", hint="searches with clicks, baskets, categories")
    if not lessons.texts and recipe.mlm + recipe.distil > 0:
        raise DataError("masked words and distillation need the catalogue's texts", where="texts")


def _half(recipe: Tune, device: str) -> bool:
    """Whether layers are computed in bfloat16: asked for, or on a chip that has it."""
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _fingerprint(recipe: Tune, lessons: Lessons, exam: Exam | None, base: str) -> str:
    """Of everything the result depends on; how long it may take and on how many cores it does not."""
    digest = blake2b(digest_size=16)
    digest.update(orjson.dumps({**asdict(recipe), "minutes": 0, "threads": 0, "torch": torch.__version__}))
    for pair in lessons.pairs:
        digest.update(orjson.dumps(astuple(pair)))
    digest.update(orjson.dumps([lessons.texts, None if exam is None else [exam.queries, exam.corpus], base]))
    return digest.hexdigest()


def _chosen(
    made: list[Made], plain: TextNet, reader: Reader, exam: Exam | None, untuned: float
) -> tuple[Tensors, float]:
    """The mean of the trainings' weights, one's where that is better on the exam, the base where nothing is."""
    best = max(made, key=lambda one: one.ndcg)
    if exam is not None and best.ndcg <= untuned:
        return plain.merged(), untuned
    if len(made) == 1:
        return best.tensors, best.ndcg
    mean = {name: np.mean([one.tensors[name] for one in made], axis=0) for name in best.tensors}
    if exam is None:
        return mean, untuned
    judged = float(examined(_loaded(mean, reader, plain.recipe), reader, exam).mean())
    return (mean, judged) if judged >= best.ndcg else (best.tensors, best.ndcg)


def _loaded(tensors: Tensors, reader: Reader, recipe: Tune) -> TextNet:
    """A network with merged ``tensors``, for an exam."""
    net = read(reader.folder, replace(recipe, end_to_end="projection.weight" in tensors))
    named = {name if name.startswith("projection.") else f"bert.{name}": one for name, one in tensors.items()}
    net.load_state_dict({name: torch.from_numpy(one.copy()) for name, one in named.items()}, strict=False)
    return net.to(reader.device)


def _account(made: list[Made], reader: Reader, untuned: float, gained: float) -> dict[str, Any]:
    on_gpu = reader.device == "cuda"
    return {
        "untuned_ndcg": round(untuned, 5),
        "validation_ndcg": round(gained, 5),
        "steps": [one.steps for one in made],
        "best_step": [one.best_step for one in made],
        "seconds": round(sum(one.seconds for one in made), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "gpu_peak_mb": round(torch.cuda.max_memory_allocated() / 2**20) if on_gpu else 0,
        "parameters": made[0].parameters,
        "tuned": made[0].tuned,
        "device": reader.device,
        "precision": "bfloat16" if reader.half else "float32",
        "curve": [one.curve for one in made],
    }
