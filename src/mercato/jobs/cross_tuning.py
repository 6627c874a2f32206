"""A shop's searches and clicks in, its own cross-encoder on the shelf out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mercato.jobs.cross import Find, Tick, choices, learn_cross, made_queries, pools
from mercato.jobs.encoders import shelf
from mercato.jobs.evidence import Evidence
from mercato.jobs.judgments import Judged
from mercato.jobs.lessons import Teach, typed
from mercato.jobs.material import WINDOWS, Material
from mercato.jobs.sought import judged_by
from mercato.models.cross import CrossEncoder
from mercato.models.offered import BUILT_IN

ROLE = "cross"
_ENOUGH, _HELD = 100, 100
"""Clicked queries that teach, and made ones that are kept for validation: below that many clicked queries, ones made
of products' own words are beside them."""
_MADE = 2000


def tune_cross(
    material: Material, teach: Teach, recipe: CrossEncoder, find: Find, home: Path, version: str, tick: Tick
) -> dict[str, Any]:
    """Tune a cross-encoder on what was wanted for typed queries before the first cut, stop and weigh it by those
    between the cuts, report on those after; publish it under ``home``/models/cross. Returns what its manifest says.

    ``find`` is the search as it serves, over the rows of ``material``'s catalogue: its first rows are the negatives.
    Where fewer than 100 queries were clicked, made ones teach too. It is heard by search only where that is surely
    better on validation (see ``learn_cross``). Raises as that does.
    """
    asked = {window: _judged(typed(material, window, teach.seed), material) for window in WINDOWS}
    seen = {window: len(own) for window, own in asked.items()}
    if seen["train"] < _ENOUGH:
        _make(asked, material, teach.seed)
    tick("the first rows of every query")
    found = {window: pools(own, find) for window, own in asked.items()}
    offer = next((one for one in BUILT_IN if one.source == recipe.base), None)
    more = {
        "name": "tuned-cross",
        "role": ROLE,
        "parent": "",
        "licence": offer.licence if offer else "unknown",
        "language": offer.language if offer else "",
        "created_at": version,
        "queries": {"seen": seen, "with made ones": {window: len(own) for window, own in asked.items()}},
    }
    examples = choices(found["train"], material.catalog)
    root, test = shelf(home, ROLE), found["test"]
    told = learn_cross(
        recipe, material.catalog, examples, found["validation"], root, version, tick, test=test, more=more
    )
    heard = told["signal"]["weight"]
    why = f"search hears it with weight {heard:g}" if heard else "validation does not show that it helps: weight 0"
    return {**told, "version": version, "chosen": bool(heard), "choice": {"chosen": bool(heard), "why": why}}


def _judged(parts: Sequence[Evidence], material: Material) -> list[Judged]:
    return judged_by(Evidence.join(parts), material.texts) if parts else []


def _make(asked: dict[str, list[Judged]], material: Material, seed: int) -> None:
    """Put made queries beside those that teach and validate; no product of a held query is drawn to teach."""
    held = {row for window in ("validation", "test") for one in asked[window] for row in one.grades}
    made = made_queries(material.catalog, _MADE + _HELD, seed, held)
    asked["validation"] += made[:_HELD]
    kept = {row for one in made[:_HELD] for row in one.grades}
    asked["train"] += [one for one in made[_HELD:] if not kept & set(one.grades)]
    if not asked["test"]:
        half = len(asked["validation"]) // 2
        asked["test"], asked["validation"] = asked["validation"][:half], asked["validation"][half:]
