"""Whatever is sent as a picture becomes an upright square on white, or a clear error; never anything else."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mercato.errors import DataError
from mercato.models.picture import FORMATS, square

RED, BLUE, WHITE = (200, 0, 0), (0, 0, 200), (255, 255, 255)
SIZE, MOST = 64, 1_000_000


def written(image: Image.Image, form: str = "PNG", **given: Any) -> bytes:
    file = BytesIO()
    image.save(file, form, **given)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    found = square(content, SIZE, MOST, "here")
    assert found.shape == (SIZE, SIZE, 3)
    assert found.dtype == np.uint8
    return found


def near(shown: np.ndarray, colour: tuple[int, ...], atol: int = 6) -> bool:
    return bool(np.allclose(shown.astype(int), colour, atol=atol))


def plain(mode: str = "RGB", size: tuple[int, int] = (100, 50), colour: Any = RED) -> Image.Image:
    return Image.new(mode, size, colour)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_whole_in_its_proportions(form: str) -> None:
    shown = pixels(written(plain(), form))
    assert near(shown[16:48], RED)
    assert (shown[:15] == 255).all()
    assert (shown[49:] == 255).all()


def test_a_tall_picture_has_white_beside_it() -> None:
    shown = pixels(written(plain(size=(50, 100))))
    assert near(shown[:, 17:47], RED)
    assert (shown[:, :15] == 255).all()


def test_a_square_of_the_right_size_is_left_as_it_is() -> None:
    given = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pixels(written(Image.fromarray(given))), given)


@pytest.mark.parametrize(("orientation", "top", "bottom"), [(1, RED, RED), (6, BLUE, RED), (8, RED, BLUE)])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_taken_sideways_stands_upright(
    form: str, orientation: int, top: tuple[int, ...], bottom: tuple[int, ...]
) -> None:
    image = plain()
    image.paste(BLUE, (0, 0, 50, 50))  # blue left, red right, as the camera saw it
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = pixels(written(image, form, exif=exif))
    middle = (slice(30, 34), slice(40, 44)) if orientation == 1 else (slice(10, 14), slice(30, 34))
    assert near(shown[middle], top, 12)
    if orientation != 1:
        assert near(shown[50:54, 30:34], bottom, 12)


def palette(transparent: bool) -> bytes:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, *RED])
    return written(image, transparency=1) if transparent else written(image)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (written(plain("CMYK", colour=(0, 255, 255, 55)), "JPEG"), RED),
        (written(plain("L", colour=99)), (99, 99, 99)),
        (written(plain("1", (9, 9), 1)), WHITE),
        (written(plain("LA", (9, 9), (100, 128))), (177, 177, 177)),
        (written(plain("RGBA", (9, 9), (*RED, 255))), RED),
        (written(plain("RGBA", (9, 9), (*RED, 0))), WHITE),
        (written(Image.fromarray(np.full((9, 9), 30_000, np.uint16))), (117, 117, 117)),
        (palette(False), RED),
        (palette(True), WHITE),
    ],
    ids=["cmyk", "grey", "bits", "grey-alpha", "opaque", "transparent", "16-bit", "palette", "transparent-palette"],
)
def test_every_mode_becomes_colours_on_white(content: bytes, colour: tuple[int, ...]) -> None:
    assert near(pixels(content)[30:34, 30:34], colour)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_a_moving_picture_the_first_counts(form: str) -> None:
    content = written(plain(), form, save_all=True, append_images=[plain(colour=BLUE)])
    assert near(pixels(content)[30:34], RED)


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_the_thinnest_picture_is_still_one(size: tuple[int, int]) -> None:
    pixels(written(plain(size=size)))


def noise(form: str) -> bytes:
    grains = np.random.default_rng(2).integers(0, 256, (80, 80, 3)).astype(np.uint8)
    return written(Image.fromarray(grains), form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_picture_cut_off_is_refused(form: str) -> None:
    content = noise(form)
    with pytest.raises(DataError, match=r"damaged|no picture.*\[here\]"):
        square(content[: len(content) // 2], SIZE, MOST, "here")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"<svg/>", b"%PDF-1.4", written(plain(), "TIFF"), b"%!PS-Adobe-3.0 EPSF-3.0"]
)
def test_what_is_no_picture_is_refused_with_the_formats_that_are(content: bytes) -> None:
    with pytest.raises(DataError, match=r"no picture that can be read \[here\].*JPEG, PNG, WEBP"):
        square(content, SIZE, MOST, "here")


@pytest.mark.parametrize("side", [7_100, 10_000, 14_000])
def test_a_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    # Pillow itself says nothing of 7,100², warns of 10,000² and does not open 14,000²
    content = written(Image.new("1", (side, side)))
    with pytest.raises(DataError, match=r"too large.*at most 25,000,000 pixels"):
        square(content, SIZE, 25_000_000, "here")


@settings(max_examples=150)
@given(form=st.sampled_from(FORMATS), data=st.data())
def test_damaged_bytes_are_refused_or_read(form: str, data: st.DataObject) -> None:
    content = bytearray(noise(form))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DataError):
        pixels(bytes(content))
