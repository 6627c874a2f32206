"""A made-up shop of 110 plain patches of colour, each called by its colour and shape: data for search by picture."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import mercato

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHADES = {"red": (205, 25, 25), "green": (25, 150, 40), "blue": (30, 40, 200), "yellow": (225, 210, 40)}
SHAPES = ("round", "square")
UNPICTURED = {"id": "plain", "title": "A red thing without a picture", "price": 1.0, "currency": "EUR"}
SETTINGS = '[shop]\nname = "Patches"\n[image]\nsize = 64\n[align]\nwidth = 16\nsteps = 160\nbatch = 64\n'
"""Small pictures and a short training: seconds are enough to tell four colours apart."""


def patch(shade: str, shape: str = "square", seed: int = 0) -> Image.Image:
    """A patch of about that colour on white, no two alike."""
    random = np.random.default_rng(seed)
    side = int(random.integers(34, 54))
    image = Image.new("RGB", (64, 64), "white")
    left, top = (64 - side) // 2, (64 - side) // 2
    tint = tuple(int(level) for level in np.clip(np.array(SHADES[shade]) + random.integers(-15, 16, 3), 0, 255))
    drawn = ImageDraw.Draw(image)
    (drawn.ellipse if shape == "round" else drawn.rectangle)((left, top, left + side, top + side), fill=tint)
    return image


def png(image: Image.Image) -> bytes:
    """The file of ``image``."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def products(pictures: Path, n: int = 110) -> list[dict[str, Any]]:
    """``n`` products whose pictures are drawn into ``pictures``, and one without a picture."""
    pictures.mkdir(parents=True, exist_ok=True)
    found: list[dict[str, Any]] = []
    random = np.random.default_rng(3)
    for number in range(n):
        shade, shape = str(random.choice(list(SHADES))), str(random.choice(SHAPES))
        (pictures / f"{number}.png").write_bytes(png(patch(shade, shape, number)))
        found.append(
            {
                "id": f"p{number:03d}",
                "title": f"{shade.capitalize()} {shape} patch {number}",
                "categories": [f"Patches > {shade}"],
                "brand": "Acme" if number % 3 else "Apex",
                "price": 1.0 + number % 17,
                "currency": "EUR",
                "availability": "out-of-stock" if number % 29 == 0 else "in-stock",
                "sellable": number % 31 != 0,
                "images": [f"pictures/{number}.png"],
            }
        )
    return [*found, UNPICTURED]


def build(folder: Path, n: int = 110) -> mercato.Shop:
    """The shop, made and trained in ``folder``; its clock goes a minute on whenever it is looked at."""
    minutes = count()
    shop = mercato.create(
        folder,
        products=products(folder / "pictures", n),
        settings=SETTINGS,
        clock=lambda: NOW + timedelta(minutes=next(minutes)),
    )
    shop.train()
    return shop
