"""Texts in, unit vectors out without any weights: hashed character trigrams, for a shop that has no encoder package.

It knows spelling, not meaning: "sofas" is near "sofa", "couch" is not. It keeps the dense lane alive (typos, word
forms, model numbers) where ``text.TextEncoder`` cannot be loaded.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HashEncoder:
    """Signed feature hashing (Weinberger et al. 2009) of each word's trigrams, weighted by the root of their count."""

    dimension: int = 384

    @property
    def fingerprint(self) -> str:
        """Names everything a vector depends on."""
        return f"hashed-trigrams-1-{self.dimension}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) float32 of unit length; equal up to case and Unicode compatibility (NFKC) is equal.

        >>> a, b, c = HashEncoder().encode(["Sofas", "sofa", "lamp"])
        >>> bool(a @ b > 0.5 > a @ c)
        True
        """
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for trigram, count in Counter(_trigrams(text)).items():
                code = crc32(trigram.encode("utf-8", "replace"))
                vector[(code >> 1) % self.dimension] += np.sqrt(count) if code & 1 else -np.sqrt(count)
            if not vector.any():  # every pair of trigrams cancelled out
                vector[0] = 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def knows(self, word: str) -> bool:
        """It knows no words."""
        return False


def _trigrams(text: str) -> list[str]:
    """Trigrams of every word between its marked ends; the empty text has one of its own."""
    words = [f"<{word}>" for word in unicodedata.normalize("NFKC", text).casefold().split()] or ["<>"]
    return [word[start : start + 3] for word in words for start in range(max(1, len(word) - 2))]
