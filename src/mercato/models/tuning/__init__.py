"""Pairs of texts that belong together in, a text encoder tuned on them out; whatever needs torch is in ``fit``."""

from mercato.models.tuning.recipe import METHODS, ROBUST, Tune

__all__ = ["METHODS", "ROBUST", "Tune"]
