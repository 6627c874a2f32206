"""Pixels in, the colours they show out: a network trained to name things looks past colour, a shopper does not.

A histogram over a coarse grid of CIELAB, the space in which equal distances look equally different; each of 4,096
shades of RGB is shared among the grid's points near it, so that a shade on a border does not fall to one side. The
root of the shares makes the dot product of two pictures their Bhattacharyya coefficient.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_LEVELS = 16
_LIGHTNESS, _HUES = (15, 50, 85), (-60, -25, 0, 25, 60)
_REACH, _NEAR = 20.0, 8.0
_EDGE = 0.2
"""What lies nearer to the edge of a picture is mostly ground: left out on every side, as a share of it."""


def colours(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(52,) float32 of unit length: what the middle of ``pixels`` (height, width, 3) shows.

    >>> shades = np.array([(200, 0, 0), (220, 30, 30), (0, 0, 200)], np.uint8)
    >>> red, rose, blue = (colours(np.tile(shade, (9, 9, 1))) for shade in shades)
    >>> bool(red @ rose > 0.8 > 0.1 > red @ blue)
    True
    """
    height, width, _ = pixels.shape
    top, left = int(height * _EDGE), int(width * _EDGE)
    middle = pixels[top : height - top, left : width - left].reshape(-1, 3).astype(np.int32) * _LEVELS // 256
    shades = np.bincount(middle @ np.array([_LEVELS**2, _LEVELS, 1]), minlength=_LEVELS**3)
    shown = np.sqrt(shades @ _shared())
    unit: NDArray[np.float32] = (shown / np.linalg.norm(shown)).astype(np.float32)
    return unit


@cache
def _shared() -> NDArray[np.float64]:
    """(4096, 52): how each shade is shared among the points of the grid that some shade comes near."""
    levels = (np.arange(_LEVELS) + 0.5) / _LEVELS
    shades = _lab(np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3))
    grid = np.array([(light, a, b) for light in _LIGHTNESS for a in _HUES for b in _HUES], float)
    away = ((shades[:, None] - grid) ** 2).sum(-1)
    away = away[:, away.min(axis=0) < _REACH**2]
    share = np.exp((away.min(axis=1, keepdims=True) - away) / (2 * _NEAR**2))
    whole: NDArray[np.float64] = share / share.sum(axis=1, keepdims=True)
    return whole


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB (D65) of sRGB in 0..1 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
