"""The bytes of a picture in, a square of pixels out; what is no picture, damaged or too large is said and refused."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mercato.errors import DataError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF")
"""The only decoders that outside bytes may reach."""

_HINT = f"give a picture in one of {', '.join(FORMATS)}"
_MARGIN = 2
"""A JPEG is decoded at the smallest of its own sizes (1/2, 1/4, 1/8) that is still this many times the square."""


def square(content: bytes, size: int, most_pixels: int, where: str) -> NDArray[np.uint8]:
    """(size, size, 3) red, green, blue: the whole picture, upright and in its proportions, on white.

    The orientation that a camera noted is followed, what is transparent shows white, CMYK, greys (of 8 or 16 bits) and
    palettes become colours, and of moving pictures the first counts. Raises DataError, naming ``where`` the bytes came
    from, when they are no picture of a known format, are cut off or damaged, or hold more than ``most_pixels``, which
    is found out before anything is decoded.
    """
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise DataError(
                    f"a picture of {image.width} × {image.height} is too large", where=where,
                    hint=f"at most {most_pixels:,} pixels",
                )  # fmt: skip
            image.draft("RGB", (_MARGIN * size, _MARGIN * size))
            return _on_white(ImageOps.exif_transpose(_within(_plain(image), size)), size)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError("this is no picture that can be read", where=where, hint=_HINT) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError("the picture is too large", where=where, hint=f"at most {most_pixels:,} pixels") from error
    except Exception as error:  # on damaged bytes its decoders raise whatever went wrong first
        raise DataError(f"the picture is damaged: {error}", where=where, hint="send it again, or as PNG") from error


def _plain(image: Image.Image) -> Image.Image:
    """``image`` in a mode that can be made smaller: RGB, or RGBA where something is transparent."""
    if image.mode.startswith("I;16"):  # convert() would cut 16 bits off at 255 instead of scaling them
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _within(image: Image.Image, size: int) -> Image.Image:
    """``image`` with its longer side ``size`` long."""
    scale = size / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=_MARGIN)


def _on_white(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """``image`` in the middle of a white square."""
    ground = Image.new("RGBA", (size, size), "white")
    ground.alpha_composite(image.convert("RGBA"), ((size - image.width) // 2, (size - image.height) // 2))
    return np.asarray(ground.convert("RGB"))
