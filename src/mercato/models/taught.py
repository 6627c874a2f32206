"""What an encoder is tuned on and judged by: pairs of texts that belong together, and questions with their answers.

Without torch: jobs make these from a shop's behaviour, ``models.tuning`` learns from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pair:
    """A query, or a product's text, and the text of a product that was wanted for it.

    ``negatives`` are texts that were not, hard ones (our own retrieval believed in them). ``weight`` is how much the
    pair counts, ``source`` says what it was seen in: "click", "purchase", "basket", "sequence", "review", "field".
    ``category`` (a leaf) and ``sentiment`` (of the product's reviews, -1 to 1) are of the wanted product, for
    learning several tasks at once; "" and None where not known.
    """

    query: str
    text: str
    negatives: tuple[str, ...] = ()
    weight: float = 1.0
    source: str = ""
    category: str = ""
    sentiment: float | None = None


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from: ``pairs``, and all ``texts`` of the catalogue (for masked words and for distillation)."""

    pairs: tuple[Pair, ...]
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exam:
    """What is judged by: for every query, which places of ``corpus`` (m texts) are wanted, and how much (grade > 0);
    ``masked`` are places that may not be found for it (the product itself)."""

    queries: tuple[str, ...]
    corpus: tuple[str, ...]
    wanted: tuple[Mapping[int, float], ...]
    masked: tuple[tuple[int, ...], ...] = field(default=())
