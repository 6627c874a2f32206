"""Queries with graded products in, a tuned cross-encoder out; interrupted, it goes on where it stopped."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mercato.errors import DataError
from mercato.models.bert_torch import CrossNet
from mercato.models.cross import Choice, CrossEncoder, TrainedCross, pair
from mercato.models.cross_onnx import HEAD
from mercato.models.onnx_graph import publish
from mercato.models.text import checked, located, tokenizer_of
from mercato.models.tuning.robust import backward

Tick = Callable[[str], None]
_NO_PAIR = -1e4
"""The logit of a place that no product takes: its chance within the list is 0."""
_TOGETHER = 32
"""Pairs in one table."""


def fit(
    recipe: CrossEncoder, examples: Sequence[Choice], held: Sequence[Choice], cache: Path, tick: Tick
) -> TrainedCross:
    """Tune ``recipe.base`` on ``examples``, stopping by the NDCG@10 of the ``held`` lists; the untuned network counts
    as a step too, so that what comes out is never worse on them. Without ``held`` it runs for exactly ``steps``.

    A checkpoint under ``cache`` at every judgement makes a killed run end with the model of an unbroken one; it is
    removed at the end. Raises DataError where no list has both what was wanted and what was not, ArtifactError for a
    base that is no BERT.
    """
    useful = [one for one in examples if max(one.grades, default=0) > 0 and min(one.grades) < max(one.grades)]
    if not useful:
        raise DataError("there is nothing to tune on", where="examples", hint="lists with something wanted and not")
    folder, pins = located(recipe.base)
    base = checked(folder, pins)
    digest = blake2b(orjson.dumps({**asdict(recipe), "threads": 0, "minutes": 0, "torch": torch.__version__}))
    for one in (*useful, *held):
        digest.update(orjson.dumps(astuple(one)))
    digest.update(base.encode())
    return _Run(recipe, useful, held, cache / f"cross-{digest.hexdigest()[:32]}.pt", tick).finish(base)


class _Run:
    """One tuning: its network, its optimiser, and where it stands."""

    def __init__(
        self, recipe: CrossEncoder, examples: Sequence[Choice], held: Sequence[Choice], checkpoint: Path, tick: Tick
    ) -> None:
        self.recipe, self.examples, self.held = recipe, examples, held
        self.checkpoint, self.tick = checkpoint, tick
        torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = chosen if recipe.device == "auto" else recipe.device
        folder, _ = located(recipe.base)
        self.tokenizer = tokenizer_of(folder, recipe.max_length)
        self.net = CrossNet.read(folder, recipe.layers).to(self.device)
        self.tuned = self._tuned()
        self.optimiser = self._optimiser()
        self.best: dict[str, Tensor] = {}
        self.curve: list[dict[str, float]] = []
        self.step, self.spent = 0, 0.0
        self._resume()

    def _tuned(self) -> dict[str, nn.Parameter]:
        """The parameters that are tuned, by name; the others want no gradient, and none is computed below them."""
        layers = [f"encoder.layer.{number}." for number in range(self.recipe.frozen)]
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad = not name.startswith(("embeddings.", *layers))
        return {name: one for name, one in self.net.named_parameters() if one.requires_grad}

    def _optimiser(self) -> torch.optim.AdamW:
        """AdamW (Loshchilov & Hutter 2019); what is a vector (bias, LayerNorm) does not decay, as in BERT."""
        recipe = self.recipe
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.tuned.items():
            rate = recipe.head_rate if name in HEAD else recipe.rate
            groups.setdefault((rate, recipe.decay if parameter.ndim > 1 else 0.0), []).append(parameter)
        wanted = [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
        optimiser = torch.optim.AdamW(wanted)
        for group in optimiser.param_groups:
            group["initial"] = group["lr"]
        return optimiser

    def finish(self, base: str) -> TrainedCross:
        """Tune to the end."""
        if not self.curve:
            self._judge(0.0)
        while not self._done():
            begun, until = perf_counter(), min(self.step + self.recipe.judged, self.recipe.steps)
            losses = [self._learn(step) for step in range(self.step, until)]
            self.step = until
            self.spent += perf_counter() - begun
            self._judge(float(np.mean(losses)))
            self._keep()
        self.checkpoint.unlink(missing_ok=True)
        self.net.load_state_dict(self.best, strict=False)
        tensors = {name: tensor.detach().float().cpu().numpy() for name, tensor in self.net.state_dict().items()}
        return TrainedCross(tensors, self.recipe, base, self._account())

    def _account(self) -> dict[str, Any]:
        judged = [step["ndcg"] for step in self.curve]
        return {
            "lists": len(self.examples),
            "held": len(self.held),
            "steps": self.step,
            "best_step": int(self.curve[int(np.argmax(judged)) if self.held else -1]["step"]),
            "validation_ndcg": max(judged),
            "untuned_ndcg": judged[0],
            "seconds": round(self.spent, 1),
            "parameters": sum(one.numel() for one in self.net.parameters()),
            "tuned": sum(one.numel() for one in self.tuned.values()),
            "device": self.device,
            "curve": self.curve,
        }

    def _done(self) -> bool:
        if self.step >= self.recipe.steps:
            return True
        if not self.held:
            return False
        judged = [step["ndcg"] for step in self.curve]
        return len(judged) - 1 - int(np.argmax(judged)) >= self.recipe.patience or self.spent > self.recipe.minutes * 60

    def _learn(self, step: int) -> float:
        """One step; which lists and products it sees follows from its number alone."""
        recipe = self.recipe
        warm = max(recipe.warm * recipe.steps, 1)
        share = min((step + 1) / warm, (recipe.steps - step) / max(recipe.steps - warm, 1))
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial"] * share
        lists = list(self._drawn(step))
        pairs = [(query, text) for query, texts, _, _ in lists for text in texts]
        self.optimiser.zero_grad(set_to_none=True)
        loss = backward(
            lambda: self._loss(self._read(pairs), lists), recipe.robust, recipe.moves,
            self.net.embeddings.word_embeddings, self.tuned,
        )  # fmt: skip
        nn.utils.clip_grad_norm_(self.tuned.values(), 1.0)
        self.optimiser.step()
        return loss

    def _drawn(self, step: int) -> Iterator[tuple[str, list[str], NDArray[np.float32], float]]:
        """The step's lists, every example once before any comes again: query, texts, grades and weight."""
        recipe, n = self.recipe, len(self.examples)
        random = np.random.default_rng([recipe.seed, 1, step])
        for place in range(step * recipe.lists, (step + 1) * recipe.lists):
            order = np.random.default_rng([recipe.seed, 0, place // n]).permutation(n)
            one = self.examples[order[place % n]]
            grades = np.array(one.grades, np.float32)
            chosen = _sampled(grades, recipe.each, random)
            yield one.query, [one.texts[at] for at in chosen], grades[chosen], one.weight

    def _loss(self, logits: Tensor, lists: Sequence[tuple[str, list[str], NDArray[np.float32], float]]) -> Tensor:
        """Cross-entropy within each list, and of each pair by itself."""
        shape = len(lists), max(len(texts) for _, texts, _, _ in lists)
        grades, there = np.zeros(shape, np.float32), np.zeros(shape, bool)
        for line, (_, texts, own, _) in enumerate(lists):
            grades[line, : len(texts)], there[line, : len(texts)] = own, True
        wanted, present = (torch.from_numpy(array).to(self.device) for array in (grades, there))
        table = torch.full(shape, _NO_PAIR, device=self.device).masked_scatter(present, logits)
        weights = torch.tensor([weight for *_, weight in lists], device=self.device)
        within = -(wanted / wanted.sum(1, keepdim=True) * functional.log_softmax(table, 1)).sum(1)
        alone = functional.binary_cross_entropy_with_logits(table, wanted, reduction="none")
        alone = (alone * present).sum(1) / present.sum(1)
        return ((within + self.recipe.pointwise * alone) * weights).sum() / weights.sum()

    def _read(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        """(n,) logits; pairs of like length are read together, for a third of a mixed table would be padding."""
        coded = [pair(self.tokenizer, *one) for one in pairs]
        order = np.argsort([len(ids) for ids, _ in coded], kind="stable")
        parts = [order[start : start + _TOGETHER] for start in range(0, len(order), _TOGETHER)]
        logits = torch.cat([self._table([coded[place] for place in part]) for part in parts])
        return logits[torch.from_numpy(np.argsort(order)).to(self.device)]

    def _table(self, coded: Sequence[tuple[list[int], list[int]]]) -> Tensor:
        table = np.zeros((3, len(coded), max(len(ids) for ids, _ in coded)), np.int64)
        for line, (ids, kinds) in enumerate(coded):
            table[:, line, : len(ids)] = ids, np.ones(len(ids)), kinds
        ids_, mask, kinds_ = torch.from_numpy(table).to(self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            logits: Tensor = self.net(ids_, mask, kinds_)
        return logits.float()

    @torch.no_grad()
    def _judge(self, loss: float) -> None:
        """Put the NDCG@10 of the held-out lists into the curve; keep the network where it is the best so far."""
        gained = [_ndcg(self._scores(one), np.array(one.grades)) for one in self.held]
        ndcg = float(np.mean(gained)) if gained else 0.0
        if not self.held or not self.curve or ndcg > max(step["ndcg"] for step in self.curve):
            self.best = {name: one.detach().cpu().clone() for name, one in self.tuned.items()}
        self.curve.append(
            {"step": self.step, "loss": round(loss, 5), "ndcg": round(ndcg, 5), "seconds": round(self.spent, 1)}
        )
        self.tick(f"cross-encoder, step {self.step}: loss {loss:.3f}, validation NDCG@10 {ndcg:.4f}")

    def _scores(self, one: Choice) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = self._read([(one.query, text) for text in one.texts]).cpu().numpy()
        return scores

    def _keep(self) -> None:
        content = io.BytesIO()
        state = {name: one.detach() for name, one in self.tuned.items()}
        account = orjson.dumps([self.curve, self.step, self.spent]).decode()
        kept = {"net": state, "optimiser": self.optimiser.state_dict(), "best": self.best, "account": account}
        torch.save(kept, content)
        publish(self.checkpoint, content.getvalue())

    def _resume(self) -> None:
        """Go on from the checkpoint of this very run; one that cannot be read counts as none."""
        if not self.checkpoint.exists():
            return
        try:
            kept: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.optimiser.load_state_dict(kept["optimiser"])
            self.net.load_state_dict(kept["net"], strict=False)
            self.best = kept["best"]
            self.curve, self.step, self.spent = orjson.loads(kept["account"])
        except Exception:  # a damaged file may fail anywhere in torch's reader
            self.checkpoint.unlink(missing_ok=True)


def _sampled(grades: NDArray[np.float32], each: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Places of at most ``each`` products: up to half of them wanted, the rest not, as far as there are."""
    order = random.permutation(len(grades))
    wanted, not_wanted = order[grades[order] > 0], order[grades[order] <= 0]
    few = max(each // 2, each - len(not_wanted))
    wanted = wanted[:few]
    return np.concatenate([wanted, not_wanted[: each - len(wanted)]])


def _ndcg(scores: NDArray[np.float32], grades: NDArray[np.float64], k: int = 10) -> float:
    """NDCG@k with linear gain of ``grades`` (n,) in the order of ``scores`` (n,)."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.sort(grades)[::-1][:k]
    best = float(ideal @ discounts[: len(ideal)])
    found = grades[np.argsort(-scores, kind="stable")][:k]
    return float(found @ discounts[: len(found)]) / best if best else 0.0
