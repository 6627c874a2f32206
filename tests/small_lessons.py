"""A few colours and things to tune the small BERT on: lessons, an exam, and a recipe of six steps."""

from __future__ import annotations

from mercato.models.taught import Exam, Lessons, Pair
from mercato.models.tuning import Tune
from small_bert import COLOURS, THINGS

TEXTS = tuple(f"{colour} {thing}" for colour in COLOURS for thing in THINGS)
SHORT = Tune(
    steps=6, judged=2, batch=8, max_length=16, width=4, rank=2, virtual=3, precision="float32", threads=1, patience=9,
    warm=0.0, schedule="constant",
)  # fmt: skip


def lessons() -> Lessons:
    """A colour goes with whatever has it; a category is a thing, what is red is praised."""
    pairs = [
        Pair(colour, f"{colour} {thing}", (TEXTS[(place + 9) % 48],), 1.0, "click", thing, float(colour == "red"))
        for place, (colour, thing) in enumerate(text.split() for text in TEXTS)
    ]  # fmt: skip
    return Lessons(tuple(pairs), TEXTS)


def exam() -> Exam:
    """Who asks for a colour wants whatever has it."""
    wanted = tuple({place: 1.0 for place, text in enumerate(TEXTS) if colour in text} for colour in COLOURS)
    return Exam(COLOURS, TEXTS, wanted)


def quiet(_: str) -> None:
    """Nobody listens."""
