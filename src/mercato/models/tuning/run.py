"""One training from its first step to its last: which pairs a step sees, how it learns, what it keeps."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mercato.models.bert_onnx import BertShape
from mercato.models.onnx_graph import publish
from mercato.models.taught import Exam, Lessons, Pair
from mercato.models.text import located
from mercato.models.tuning import adalora
from mercato.models.tuning.net import Tensors, TextNet, read
from mercato.models.tuning.objectives import Heads, Read, agreement, distilled, masked, unjudged, wanted_texts
from mercato.models.tuning.recipe import Tune
from mercato.models.tuning.robust import backward
from mercato.models.tuning.texts import Log, Reader, examined


@dataclass(frozen=True)
class Made:
    """What one training leaves: the best weights as ``tensors`` under the names of a model folder, how many steps it
    took and which was best, its ``ndcg``, seconds and curve, and how many parameters there are and were ``tuned``."""

    tensors: Tensors
    steps: int
    best_step: int
    ndcg: float
    seconds: float
    curve: list[dict[str, float]]
    parameters: int
    tuned: int


class Run:
    """One seed's training: its network, its optimiser, and where it stands."""

    def __init__(
        self,
        recipe: Tune,
        lessons: Lessons,
        exam: Exam | None,
        reader: Reader,
        folder: Path,
        untuned: float,
        checkpoint: Path,
        tick: Callable[[str], None],
        log: Log,
    ) -> None:
        self.recipe, self.lessons, self.exam, self.reader = recipe, lessons, exam, reader
        self.checkpoint, self._tick, self._log = checkpoint, tick, log
        torch.manual_seed(recipe.seed)
        self.net = read(folder, recipe).to(reader.device)
        categories = sorted({pair.category for pair in lessons.pairs if pair.category}) if recipe.category else []
        self.heads = Heads(recipe, self.net.dimension, categories).to(reader.device)
        self._tuned = {name: one for name, one in self.net.named_parameters() if one.requires_grad}
        self._optimiser = _adamw(recipe, self._tuned, [*self.heads.parameters()])
        self._wanted = wanted_texts(lessons.pairs)
        self._teacher = _teacher(recipe, folder, reader, checkpoint.parent) if recipe.distil else None
        self.step, self.spent, self._best_step, self._best_ndcg = 0, 0.0, 0, untuned
        self._curve: list[dict[str, float]] = [{"step": 0, "loss": 0.0, "ndcg": round(untuned, 5), "seconds": 0.0}]
        self._best = self._state()
        self._resume()

    def finish(self) -> Made:
        """Train to the end; the run is over after that."""
        while not self._done():
            begun, until = perf_counter(), min(self.step + self.recipe.judged, self.recipe.steps)
            losses = [self._learn(step) for step in range(self.step, until)]
            self.step = until
            gained = float(examined(self.net, self.reader, self.exam).mean()) if self.exam is not None else 0.0
            self.spent += perf_counter() - begun
            self._judge(float(np.mean(losses)), gained)
            self._keep()
        self.net.load_state_dict(self._best, strict=False)
        wanting, every = (sum(one.numel() for one in own) for own in (self._tuned.values(), self.net.parameters()))
        return Made(
            self.net.merged(), self.step, self._best_step, self._best_ndcg, self.spent, self._curve, every, wanting
        )

    def _done(self) -> bool:
        if self.step >= self.recipe.steps:
            return True
        if self.exam is None:
            return False
        late = self.step - self._best_step >= self.recipe.patience * self.recipe.judged
        return late or self.spent > self.recipe.minutes * 60

    def _learn(self, step: int) -> float:
        """One step; what it sees, and what chance does in it, follow from its number and the seed alone."""
        recipe = self.recipe
        for group in self._optimiser.param_groups:
            group["lr"] = group["initial"] * scheduled(recipe, step)
        self.net.train(recipe.dropout > 0)
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for part in range(recipe.accumulate):
            number = step * recipe.accumulate + part
            batch = self._batch(number)

            def loss(number: int = number, batch: list[Pair] = batch) -> Tensor:
                torch.manual_seed((recipe.seed * 1_000_003 + number) % 2**31)
                return self._loss(number, batch) / recipe.accumulate

            total += backward(loss, recipe.robust, recipe.moves, self.net.words, self._tuned)
        nn.utils.clip_grad_norm_(self._tuned.values(), recipe.clip)
        self._optimiser.step()
        if recipe.method == "adalora":
            adalora.allocate(self.net.bert, step)
        return total

    def _loss(self, number: int, batch: list[Pair]) -> Tensor:
        recipe = self.recipe
        total = torch.zeros((), device=self.reader.device)
        if batch:
            one = self._read(batch)
            total = total + self.heads.loss(one)
            if recipe.robust == "r-drop":
                other = self._read(batch)
                apart = agreement(self.heads.logits(one), self.heads.logits(other))
                total = (total + self.heads.loss(other)) / 2 + recipe.agree * apart
        if recipe.mlm or recipe.distil:
            total = total + self._beside(number)
        if recipe.method == "adalora":
            total = total + adalora.skew(self.net.bert)
        return total

    def _read(self, batch: list[Pair]) -> Read:
        negatives = [text for pair in batch for text in pair.negatives]
        texts = [*(pair.query for pair in batch), *(pair.text for pair in batch), *negatives]
        vectors, n = self.reader.vectors(self.net, texts), len(batch)
        unknown = unjudged(batch, self._wanted).to(vectors.device)
        return Read(batch, vectors[:n], vectors[n : 2 * n], vectors[2 * n :], unknown)

    def _beside(self, number: int) -> Tensor:
        """Masked words and distillation on texts of the catalogue."""
        recipe, reader, random = self.recipe, self.reader, np.random.default_rng([self.recipe.seed, 2, number])
        texts = [self.lessons.texts[at] for at in random.integers(0, len(self.lessons.texts), recipe.batch)]
        total = torch.zeros((), device=reader.device)
        if recipe.mlm:
            ids, mask = reader.table(texts)
            hidden, guess = masked(ids, mask, reader.special, reader.mask_id, torch.Generator().manual_seed(number))
            with reader.precision():
                states = self.net.hidden(hidden.to(reader.device), mask.to(reader.device))
            logits = states[guess.to(reader.device)].float() @ self.net.words.weight.float().T
            total = total + recipe.mlm * functional.cross_entropy(logits, ids[guess].to(reader.device))
        if self._teacher is not None:
            teacher, its_reader = self._teacher
            with torch.no_grad():
                taught = its_reader.vectors(teacher, texts)
            total = total + recipe.distil * distilled(reader.vectors(self.net, texts), taught)
        return total

    def _batch(self, number: int) -> list[Pair]:
        """The pairs of a step, every one once before any comes again; each with at most one of its negatives."""
        pairs, size = self.lessons.pairs, self.recipe.batch
        return [*self._drawn(number, min(size, len(pairs)))] if pairs else []

    def _drawn(self, number: int, size: int) -> Iterator[Pair]:
        pairs, random = self.lessons.pairs, np.random.default_rng([self.recipe.seed, 1, number])
        for place in range(number * size, (number + 1) * size):
            order = self._order(place // len(pairs))
            one = pairs[order[place % len(pairs)]]
            few = one.negatives
            negatives = (few[int(random.integers(len(few)))],) if few else ()
            yield replace(one, negatives=negatives)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if getattr(self, "_epoch", -1) != epoch:
            self._epoch = epoch
            self._permuted = np.random.default_rng([self.recipe.seed, 0, epoch]).permutation(len(self.lessons.pairs))
        return self._permuted

    def _judge(self, loss: float, gained: float) -> None:
        if self.exam is None or gained > self._best_ndcg:
            self._best, self._best_step, self._best_ndcg = self._state(), self.step, gained
        said = {"step": self.step, "loss": round(loss, 5), "ndcg": round(gained, 5), "seconds": round(self.spent, 1)}
        self._curve.append(said)
        self._log({"seed": self.recipe.seed, **said})
        shown = f", validation NDCG@10 {gained:.4f}" if self.exam is not None else ""
        self._tick(f"{self.recipe.method}, step {self.step} of {self.recipe.steps}: loss {loss:.3f}{shown}")

    def _state(self) -> dict[str, Tensor]:
        return {name: one.detach().cpu().clone() for name, one in self._tuned.items()}

    def _keep(self) -> None:
        content = io.BytesIO()
        account = orjson.dumps([self._curve, self.step, self.spent, self._best_step, self._best_ndcg]).decode()
        kept = {"net": self._state(), "heads": self.heads.state_dict(), "optimiser": self._optimiser.state_dict()}
        ranks = adalora.noted(self.net.bert) if self.recipe.method == "adalora" else {}
        torch.save({**kept, "best": self._best, "ranks": ranks, "account": account}, content)
        publish(self.checkpoint, content.getvalue())

    def _resume(self) -> None:
        """Go on from the checkpoint of this very run; one that cannot be read counts as none."""
        if not self.checkpoint.exists():
            return
        try:
            kept: dict[str, Any] = torch.load(self.checkpoint, map_location=self.reader.device, weights_only=True)
            self._optimiser.load_state_dict(kept["optimiser"])
            self.heads.load_state_dict(kept["heads"])
            self.net.load_state_dict(kept["net"], strict=False)
            if self.recipe.method == "adalora":
                adalora.resume(self.net.bert, kept["ranks"])
            self._best = kept["best"]
            self._curve, self.step, self.spent, self._best_step, self._best_ndcg = orjson.loads(kept["account"])
        except Exception:  # a damaged file may fail anywhere in torch's reader
            self.checkpoint.unlink(missing_ok=True)


def scheduled(recipe: Tune, step: int) -> float:
    """The share of the learning rate at ``step``: up over the warm-up, then along the schedule.

    >>> [round(scheduled(Tune(steps=10, warm=0.2), step), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.12]
    """
    warm = max(recipe.warm * recipe.steps, 1e-9)
    up = min((step + 1) / warm, 1.0)
    left = min((recipe.steps - step) / max(recipe.steps - warm, 1e-9), 1.0)
    down = {"constant": 1.0, "linear": left, "cosine": (1 - np.cos(np.pi * left)) / 2}[recipe.schedule]
    return float(up * down)


def _adamw(recipe: Tune, tuned: Mapping[str, nn.Parameter], heads: list[nn.Parameter]) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019); what is a vector (bias, LayerNorm) does not decay, as in BERT."""
    first = [one for name, one in tuned.items() if recipe.method == "head" or not name.startswith("projection.")]
    beside = [one for one in tuned.values() if all(one is not other for other in first)]
    groups = [
        {"params": [one for one in first if one.ndim > 1], "lr": recipe.speed, "weight_decay": recipe.decay},
        {"params": [one for one in first if one.ndim < 2], "lr": recipe.speed, "weight_decay": 0.0},
        {"params": [*beside, *heads], "lr": recipe.head_rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([group for group in groups if group["params"]])
    for group in optimiser.param_groups:
        group["initial"] = group["lr"]
    return optimiser


def _teacher(recipe: Tune, folder: Path, reader: Reader, cache: Path) -> tuple[TextNet, Reader]:
    """The frozen network whose vectors are to be matched, and what reads texts as it is used to."""
    source = located(recipe.teacher, cache)[0] if recipe.teacher else folder
    longest = min(recipe.max_length, BertShape.read(source).positions)
    own = Reader(source, longest, reader.device, reader.half)
    return read(source, Tune(method="full")).to(reader.device).eval(), own
