"""Law of ports.PairScorer: numbers from 0 to 1; equal pairs get equal scores whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from mercato.models.cross import CosinePairs, CrossEncoder, LoadedCross, TrainedCross
from mercato.models.cross_onnx import FEATURES, HEAD
from mercato.models.hashed import HashEncoder
from mercato.ports import PairScorer
from small_bert import WIDTH, small_bert

TEXTS = st.lists(st.one_of(st.text(max_size=12), st.sampled_from(["", "red sofa", "blue " * 300])), max_size=6)


def cross(folder: Path, *, int8: bool) -> LoadedCross:
    """A model with a random head, never tuned."""
    base, random = small_bert(folder / "base"), np.random.default_rng(1)
    head = (random.normal(size=(1, FEATURES * WIDTH)), np.zeros(1))
    tensors = load_file(base / "model.safetensors")
    tensors |= {name: tensor.astype(np.float32) for name, tensor in zip(HEAD, head, strict=True)}
    TrainedCross(tensors, CrossEncoder(base=str(base), max_length=16), "", {}).save(folder / "model", int8=int8)
    return LoadedCross.load(folder / "model")


@pytest.fixture(scope="module", params=["cross-int8", "cross-float32", "cosine"])
def scorer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PairScorer:
    if request.param == "cosine":
        return CosinePairs(HashEncoder())
    return cross(tmp_path_factory.mktemp("cross"), int8=request.param == "cross-int8")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=20), texts=TEXTS, text=st.text(max_size=20), place=st.integers(0, 6))
def test_equal_pairs_get_equal_scores(scorer: PairScorer, query: str, texts: list[str], text: str, place: int) -> None:
    batch = [*texts[:place], text, *texts[place:]]
    together = scorer.score(query, batch)
    alone = np.concatenate([scorer.score(query, [one]) for one in batch])
    assert together.shape == (len(batch),)
    assert together.dtype == np.float64
    assert ((together >= 0) & (together <= 1)).all()
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_nothing_to_score_and_what_is_no_unicode(scorer: PairScorer) -> None:
    assert scorer.score("sofa", []).shape == (0,)
    assert np.isfinite(scorer.score("\ud800 sofa", ["\udc00", "x" * 10_000])).all()
    assert np.isfinite(scorer.score("sofa " * 20_000, ["red sofa"])).all()
