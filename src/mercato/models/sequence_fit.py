"""Event arrays and text vectors in, a trained sequence transformer out; interrupted, it goes on where it stopped."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mercato.models.onnx_graph import publish
from mercato.models.sequence import SelfAttention, SequenceEncoder, TrainedSequence
from mercato.models.sequence_data import Ints, Journeys, batches
from mercato.models.sequence_loss import Loss
from mercato.models.sequence_net import Dropout, Net

Tick = Callable[[str], None]


KEPT = 4
"""Checkpoints left behind: of the last two trainings, each judged and refitted."""


@dataclass(frozen=True)
class Behaved:
    """What is learned from: event arrays sorted by shopper, then time, ``n`` products, their ``text`` (n, c) or None.

    ``held`` are (owner, row) arrays of what each shopper took next, for early stopping; without it training runs for
    exactly ``epochs``.
    """

    owner: Ints
    rows: NDArray[np.int32]
    grades: NDArray[np.int8]
    at: Ints
    n: int
    text: NDArray[np.float32] | None
    held: tuple[Ints, NDArray[np.int32]] | None = None


def fit(recipe: SelfAttention, given: Behaved, cache: Path, tick: Tick) -> TrainedSequence:
    """Train on ``given``; a checkpoint per epoch under ``cache`` makes a killed run end with the same model as an
    unbroken one. The account says epochs, seconds and validation NDCG@10."""
    return _Run(recipe, given, cache / f"{_fingerprint(recipe, given)}.pt", tick).finish()


def _fingerprint(recipe: SelfAttention, given: Behaved) -> str:
    digest = blake2b(orjson.dumps({**asdict(recipe), "threads": 0, "minutes": 0, "torch": torch.__version__}))
    held = given.held or (np.empty(0), np.empty(0))
    text = given.text if given.text is not None else np.empty(0)
    for array in (given.owner, given.rows, given.grades, given.at, np.array(given.n), text, *held):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]


class _Run:
    """One training: its data on dense product numbers, its network, and where it stands."""

    def __init__(self, recipe: SelfAttention, given: Behaved, checkpoint: Path, tick: Tick) -> None:
        self.recipe, self.given, self.checkpoint, self.tick = recipe, given, checkpoint, tick
        torch.set_num_threads(recipe.threads or os.cpu_count() or 1)
        torch.manual_seed(recipe.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        # Softmax over what was ever taken only: a product nobody took yet must not be taught to be wrong.
        self.warm = np.unique(given.rows)
        self.journeys = Journeys.build(given.owner, np.searchsorted(self.warm, given.rows), given.grades, given.at)
        targets = self.journeys.examples()
        self.targets = targets[-recipe.most :] if len(targets) <= recipe.most else self._newest(targets)
        warm_text = None if given.text is None else torch.from_numpy(given.text[self.warm])
        self.net = Net(recipe, len(self.warm), warm_text).to(self.device)
        self.loss = Loss.choose(recipe, np.bincount(self.journeys.items, minlength=len(self.warm)))
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=recipe.rate, weight_decay=0.0)
        self.best: dict[str, Tensor] = {}
        self.curve: list[dict[str, float]] = []
        self.spent = 0.0
        self._resume()

    def _newest(self, targets: Ints) -> Ints:
        order = np.argsort(self.given.at[targets], kind="stable")
        return np.sort(targets[order[-self.recipe.most :]])

    def finish(self) -> TrainedSequence:
        """Train to the end and export."""
        while not self._done():
            begun = perf_counter()
            loss = self._epoch(len(self.curve))
            ndcg = self._judge()
            self.spent += perf_counter() - begun
            if not self.curve or ndcg > max(step["ndcg"] for step in self.curve) or self.given.held is None:
                self.best = {name: value.detach().cpu().clone() for name, value in self.net.state_dict().items()}
            self.curve.append({"loss": round(loss, 5), "ndcg": round(ndcg, 5), "seconds": round(self.spent, 1)})
            self._keep()
            self.tick(f"sequence model, epoch {len(self.curve)}: loss {loss:.3f}, validation NDCG@10 {ndcg:.4f}")
        self.net.load_state_dict(self.best)
        kept = sorted(self.checkpoint.parent.glob("*.pt"), key=lambda path: path.stat().st_mtime_ns)
        for old in kept[:-KEPT]:
            old.unlink(missing_ok=True)
        return self._export()

    def _done(self) -> bool:
        recipe, judged = self.recipe, [step["ndcg"] for step in self.curve]
        if len(judged) >= recipe.epochs:
            return True
        if self.given.held is None:
            return False
        stale = len(judged) - 1 - int(np.argmax(judged)) if judged else 0
        return bool(judged) and (stale >= recipe.patience or self.spent > recipe.minutes * 60)

    def _epoch(self, number: int) -> float:
        random = np.random.default_rng([self.recipe.seed, number])
        Dropout.source = np.random.Generator(np.random.SFC64([self.recipe.seed, number]))
        self.net.train()
        starts = self.journeys.starts[self.targets]
        lengths = np.minimum(self.targets - starts, self.recipe.longest)
        total = 0.0
        for chosen in batches(lengths, self.recipe.batch, random):
            ends = self.targets[chosen]
            items = self.net.items()
            read = self._read(items, ends, starts[chosen])
            wanted = torch.from_numpy(self.journeys.items[ends]).to(self.device)
            loss = self.loss(read, items, wanted, random)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self.optimiser.step()
            total += loss.item() * len(chosen)
        return total / max(len(self.targets), 1)

    def _read(self, items: Tensor, ends: Ints, starts: Ints) -> Tensor:
        """(b, width): what the tower makes of the events in [starts, ends)."""
        rows, grades, gaps, pad = (
            torch.from_numpy(array).to(self.device) for array in self.journeys.batch(ends, starts, self.recipe.longest)
        )
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            read: Tensor = self.net.tower(nn.functional.embedding(rows, items), grades, gaps, pad)
        return read.float()

    @torch.no_grad()
    def _judge(self) -> float:
        """NDCG@10 of the held-out products over everything warm, what the shopper has masked; 0 without any."""
        if self.given.held is None:
            return 0.0
        self.net.eval()
        items = self.net.items()
        shoppers, places = self._judged()
        last = np.searchsorted(self.given.owner, shoppers, side="right")
        starts = np.searchsorted(self.given.owner, shoppers)
        gained = 0.0
        for begin in range(0, len(shoppers), 256):
            part = slice(begin, begin + 256)
            scores = (self._read(items, last[part], starts[part]) @ items.T).cpu().numpy()
            own = np.maximum(places[part], 0)
            aim = scores[np.arange(len(own)), own].copy()
            for line, (start, end) in enumerate(zip(starts[part], last[part], strict=True)):
                scores[line, self.journeys.items[start:end]] = -np.inf
            scores[np.arange(len(own)), own] = -np.inf
            rank = (scores > aim[:, None]).sum(axis=1)
            gained += float(np.where((rank < 10) & (places[part] >= 0), 1 / np.log2(rank + 2), 0).sum())
        return gained / max(len(shoppers), 1)

    def _judged(self) -> tuple[Ints, Ints]:
        """Up to ``judged`` held-out shoppers with a past, and the dense number of what they took (-1: never seen)."""
        assert self.given.held is not None
        owners, rows = self.given.held
        with_past = np.flatnonzero(np.isin(owners, self.given.owner))
        chosen = np.random.default_rng(self.recipe.seed).permutation(with_past)[: self.recipe.judged]
        chosen = np.sort(chosen)
        place = np.minimum(np.searchsorted(self.warm, rows[chosen]), len(self.warm) - 1)
        return owners[chosen], np.where(self.warm[place] == rows[chosen], place, -1)

    def _keep(self) -> None:
        content = io.BytesIO()
        state = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "best": self.best}
        torch.save({**state, "curve": orjson.dumps([self.curve, self.spent]).decode()}, content)
        publish(self.checkpoint, content.getvalue())

    def _resume(self) -> None:
        """Go on from the checkpoint of this very run; one that cannot be read counts as none."""
        if not self.checkpoint.exists():
            return
        try:
            kept: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
            self.net.load_state_dict(kept["net"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.best = kept["best"]
            self.curve, self.spent = orjson.loads(kept["curve"])
        except Exception:  # a damaged file may fail anywhere in torch's reader
            self.checkpoint.unlink(missing_ok=True)

    @torch.no_grad()
    def _export(self) -> TrainedSequence:
        self.net.eval().cpu()
        items = np.zeros((self.given.n, self.recipe.width), np.float32)
        if self.net.project is not None:
            assert self.given.text is not None
            items[:] = self.net.project(torch.from_numpy(self.given.text)).numpy()
        items[self.warm] = self.net.items().numpy()
        scored = [step["ndcg"] for step in self.curve]
        account = {
            "epochs": len(self.curve),
            "best_epoch": int(np.argmax(scored)) + 1 if self.given.held is not None else len(self.curve),
            "validation_ndcg": max(scored, default=0.0),
            "seconds": round(self.spent, 1),
            "examples": len(self.targets),
            "products": len(self.warm),
            "loss": self.loss.name,
            "curve": self.curve,
        }
        return TrainedSequence(items, SequenceEncoder(exported(self.net, self.recipe), self.recipe.longest), account)


def exported(net: Net, recipe: SelfAttention) -> bytes:
    """The tower as an ONNX graph over histories of any length up to ``longest``."""
    batch, time = torch.export.Dim("batch", max=4096), torch.export.Dim("time", max=recipe.longest)
    t = min(7, recipe.longest)
    classes = torch.zeros(3, t, dtype=torch.int64)
    given = (torch.zeros(3, t, recipe.width), classes, classes.clone())
    shape = {0: batch, 1: time}
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)  # no torchvision: right
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own names
        program = torch.onnx.export(
            net.tower.eval(), given, input_names=["vectors", "grades", "gaps"], output_names=["read"], dynamo=True,
            dynamic_shapes=(shape, shape, shape), verbose=False,
        )  # fmt: skip
    assert program is not None
    content = program.model_proto.SerializeToString()
    return bytes(content)
