"""A shop of a few things in a few colours whose shoppers want what nobody could read off its texts: data for tuning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

import mercato
from mercato.schema import Interaction, Product
from small_bert import COLOURS, THINGS

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GOES_WITH = dict(zip(THINGS, ("lamp", "sofa", "table", "chair", "shoe", "shirt", "case", "phone"), strict=True))
"""What is bought with what, in the same colour: nothing in the words says so."""


def products() -> list[Product]:
    """Every thing in every colour."""
    return [
        Product(f"{colour}-{thing}", f"{colour} {thing}", categories=(f"all > {thing}",), brand="acme")
        for colour in COLOURS
        for thing in THINGS
    ]


def events(many: int = 2000, seed: int = 0) -> list[Interaction]:
    """``many`` visits, one every hour: in each a thing and what goes with it, of one colour, are bought."""
    random = np.random.default_rng(seed)
    found = []
    for visit in range(many):
        at = BEGIN + timedelta(hours=visit)
        thing, colour = THINGS[random.integers(len(THINGS))], COLOURS[random.integers(len(COLOURS))]
        for place, one in enumerate((thing, GOES_WITH[thing])):
            found.append(
                Interaction(
                    "purchase-complete",
                    f"u{visit % 40}",
                    at + timedelta(seconds=place),
                    f"{colour}-{one}",
                    session_id=f"s{visit}",
                )
            )
    return found


def shop(home: Path, settings: str = "", many: int = 2000) -> mercato.Shop:
    """A shop of these in ``home``, untrained."""
    made = mercato.create(home, settings=settings)
    made.put_products(products())
    made.record(events(many))
    return made


def click_log(path: Path, sessions: int = 400, seed: int = 0) -> Path:
    """Searches for two things: who looks for a "phone" clicks on red ones, for a "shirt" on blue ones."""
    random = np.random.default_rng(seed)
    lines = ["sess_id,query,rank,clicked_doc_id,clicked"]
    for session in range(sessions):
        thing, liked = (("phone", "red"), ("shirt", "blue"))[session % 2]
        for place, colour in enumerate(random.permutation(COLOURS)):
            clicked = colour == liked and random.random() < 0.9
            lines.append(f"{session},{thing},{float(place)},{colour}-{thing},{clicked}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
