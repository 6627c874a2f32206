"""Settings in, what reads the first rows of a search and the score that hears it out; nothing new where it is off."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from mercato.artifacts import Artifact, open_current
from mercato.catalog import Catalog
from mercato.errors import ArtifactError
from mercato.models.cross import LoadedCross
from mercato.rank.cross import Read, Reader, pair_text, signal
from mercato.rank.linear import Linear, Signal
from mercato.search import READER

log = logging.getLogger(__name__)

Heard = tuple[Reader | None, Any, tuple[str, ...]]
"""What reads, the score, and what is degraded."""


def reading(recipe: Read, catalog: Catalog, score: Any, threads: int = 1) -> Heard:
    """The current model of the folder ``recipe.source`` over the products of ``catalog``, and ``score`` with its term.

    Nothing reads where there is no source, where the model was published as one that does not help (weight 0), or
    where the score is no sum. A model that cannot be trusted is left out, and that is said.
    """
    if not recipe.source or not isinstance(score, Linear):
        return None, score, ()
    try:
        artifact = open_current(Path(recipe.source))
        heard = _heard(artifact)
        model = LoadedCross.load(artifact.folder, threads=threads) if heard.weight > 0 else None
    except ArtifactError as error:
        log.warning("search goes without its cross-encoder: %s", error)
        return None, score, (READER,)
    if model is None:
        return None, score, ()
    reader = recipe.over(model, lambda row: pair_text(catalog.product(row)))
    return reader, Linear((*score.signals, heard)), ()


def _heard(artifact: Artifact) -> Signal:
    """How the score hears the model, as its manifest says."""
    try:
        told = artifact.manifest["about"]["signal"]
        return signal(float(told["weight"]), float(told["scale"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError("this is no cross-encoder", where=str(artifact.folder)) from error
