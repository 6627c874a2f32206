"""The packaged encoder learns a shop's own words for things, and serves what it learned in int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mercato.models.taught import Exam, Lessons, Pair
from mercato.models.text import TextEncoder
from mercato.models.tuning import Tune
from mercato.models.tuning.fit import fit
from small_lessons import quiet

HOUSE_WORDS = {
    "brambo": "garden hose", "kelit": "coffee grinder", "moffen": "winter gloves", "tarsel": "desk lamp",
    "ovand": "yoga mat", "quirl": "hand mixer", "plinket": "bath towel", "drusk": "bicycle pump",
}  # fmt: skip
KNOWN = ("blue", "compact", "premium", "large", "for beginners", "2 pack")
FRESH = ("red", "lightweight", "professional", "small")


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_lora_teaches_the_real_encoder_what_a_shop_calls_things(tmp_path: Path) -> None:
    """Products of the exam were in no lesson: what is learned is the word, not the product."""
    pairs = [Pair(word, f"{how} {thing}") for word, thing in HOUSE_WORDS.items() for how in KNOWN]
    corpus = tuple(f"{how} {thing}" for thing in HOUSE_WORDS.values() for how in FRESH)
    wanted = tuple({place: 1.0 for place, text in enumerate(corpus) if thing in text} for thing in HOUSE_WORDS.values())
    exam = Exam(tuple(HOUSE_WORDS), corpus, wanted)
    recipe = Tune(method="lora", rank=8, batch=16, steps=60, judged=30, max_length=24, precision="float32", threads=1)
    tuned = fit(recipe, Lessons(tuple(pairs)), exam, tmp_path, quiet)
    account = tuned.account
    assert account["untuned_ndcg"] < 0.5
    assert account["validation_ndcg"] > 0.9
    assert account["tuned"] < 0.05 * account["parameters"]
    tuned.save(tmp_path / "tuned")
    plain = TextEncoder().load(tmp_path)
    served = TextEncoder(source=str(tmp_path / "tuned")).load(tmp_path)
    queries, texts = served.encode(exam.queries), served.encode(corpus)
    best = (queries @ texts.T).argmax(axis=1)
    assert np.mean([place in own for place, own in zip(best, wanted, strict=True)]) > 0.85
    others = ["washing machine", "a red dress for a wedding", "13 inch laptop", "dog food without grain"]
    assert (served.encode(others) * plain.encode(others)).sum(1).min() > 0.5, "the rest of the language is still there"
