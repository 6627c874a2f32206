"""Colours by how they look, wherever they are in the middle of a picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.models.colours import colours

SHADE = st.tuples(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))


def plain(shade: tuple[int, ...], side: int = 20) -> np.ndarray:
    return np.full((side, side, 3), shade, np.uint8)


@given(SHADE)
def test_a_shade_is_a_unit_vector(shade: tuple[int, int, int]) -> None:
    found = colours(plain(shade))
    assert found.shape == (52,)
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert (found >= 0).all()


@given(shade=SHADE, ground=SHADE)
def test_the_edge_is_left_out(shade: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    framed = plain(ground)
    framed[4:16, 4:16] = shade
    np.testing.assert_array_equal(colours(framed), colours(plain(shade)))


def test_places_do_not_matter() -> None:
    random = np.random.default_rng(0)
    picture = plain((0, 0, 0))
    middle = random.integers(0, 256, (144, 3)).astype(np.uint8)
    picture[4:16, 4:16] = middle.reshape(12, 12, 3)
    before = colours(picture)
    picture[4:16, 4:16] = random.permutation(middle).reshape(12, 12, 3)
    np.testing.assert_allclose(colours(picture), before, atol=1e-6)


def test_nearer_shades_are_more_alike() -> None:
    navy, blue, red, white = (
        colours(plain(one)) for one in [(0, 0, 110), (20, 20, 150), (190, 10, 10), (250, 250, 250)]
    )
    assert navy @ blue > 0.5 > navy @ red
    assert navy @ white < 0.1
