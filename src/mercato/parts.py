"""What one snapshot holds in, a folder of arrays and JSON out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy.sparse as sp

from mercato.catalog import Catalog
from mercato.codec import dumps
from mercato.errors import ArtifactError
from mercato.feedback.histories import Events
from mercato.models.sequence import TrainedSequence
from mercato.rank.boosted import Boosted
from mercato.rank.linear import Linear, Signal
from mercato.retrieve.bundles import BundleIndex
from mercato.retrieve.content import ContentLane
from mercato.retrieve.dense import DenseIndex
from mercato.retrieve.lexical import LexicalIndex
from mercato.retrieve.needs import NeedIndex
from mercato.retrieve.numbers import NumberIndex
from mercato.retrieve.pairs import Transitions
from mercato.retrieve.pairs import load as load_pairs
from mercato.retrieve.pairs import save as save_pairs
from mercato.retrieve.pictures import PictureIndex
from mercato.retrieve.popular import PopularIndex
from mercato.retrieve.related import RelatedIndex
from mercato.retrieve.social import SocialLane
from mercato.retrieve.suggest import SuggestIndex
from mercato.retrieve.taste import TasteLane
from mercato.retrieve.without import WithoutIndex
from mercato.scores import NEW_EVERY, Score
from mercato.settings import Settings

LAYOUT = 7
"""The layout of a snapshot; one of another layout is refused and trained anew."""


@dataclass(frozen=True)
class Behaviour:
    """What was learned from events: pair matrices (n × n), taste factors, and what sells."""

    popular: PopularIndex
    transitions: sp.csr_array
    together: sp.csr_array
    neighbours: sp.csr_array
    taste: TasteLane
    graph: Transitions
    ease: sp.csr_array | None = None
    social: SocialLane | None = None
    sequence: TrainedSequence | None = None

    def save(self, folder: Path) -> None:
        """Write all of it into ``folder``."""
        save_pairs(self.transitions, folder / "transitions")
        save_pairs(self.together, folder / "together")
        save_pairs(self.neighbours, folder / "neighbours")
        self.taste.save(folder / "taste")
        np.save(folder / "popular.npy", self.popular.counts, allow_pickle=False)
        (folder / "graph.json").write_bytes(dumps(asdict(self.graph)))
        if self.ease is not None:
            save_pairs(self.ease, folder / "ease")
        if self.social is not None:
            self.social.save(folder / "social")
        if self.sequence is not None:
            self.sequence.save(folder / "sequence")

    @staticmethod
    def load(folder: Path, settings: Settings) -> Behaviour:
        """Map what ``save`` wrote."""
        return Behaviour(
            PopularIndex(np.load(folder / "popular.npy", allow_pickle=False)),
            load_pairs(folder / "transitions"),
            load_pairs(folder / "together"),
            load_pairs(folder / "neighbours"),
            TasteLane.load(folder / "taste", settings.taste),
            Transitions(**orjson.loads((folder / "graph.json").read_bytes())),
            load_pairs(folder / "ease") if (folder / "ease").is_dir() else None,
            SocialLane.load(folder / "social", settings.social) if (folder / "social").is_dir() else None,
            TrainedSequence.load(folder / "sequence") if (folder / "sequence").is_dir() else None,
        )


@dataclass(frozen=True)
class Parts:
    """Everything one snapshot holds; ``dense`` is None where no encoder could be loaded, ``pictures`` where there were
    none."""

    catalog: Catalog
    events: Events
    lexical: LexicalIndex
    suggest: SuggestIndex
    dense: DenseIndex | None
    content: ContentLane | None
    behaviour: Behaviour
    weights: Mapping[str, Score]
    related: RelatedIndex | None = None
    numbers: NumberIndex | None = None
    lacking: WithoutIndex | None = None
    needs: NeedIndex | None = None
    pictures: PictureIndex | None = None
    bundles: BundleIndex | None = None
    new_every: int = NEW_EVERY

    def save(self, folder: Path) -> None:
        """Write the parts as arrays and JSON into ``folder``; nothing is pickled."""
        self.catalog.save(folder / "catalog")
        self.events.save(folder / "events")
        self.lexical.save(folder / "lexical")
        self.suggest.save(folder / "suggest")
        parts = {
            "dense": self.dense, "content": self.content, "related": self.related, "numbers": self.numbers,
            "lacking": self.lacking, "needs": self.needs, "pictures": self.pictures, "bundles": self.bundles,
        }  # fmt: skip
        for name, part in parts.items():
            if part is not None:
                part.save(folder / name)
        (folder / "behaviour").mkdir(parents=True, exist_ok=True)
        self.behaviour.save(folder / "behaviour")
        scores = {name: _written(score) for name, score in self.weights.items()}
        (folder / "weights.json").write_bytes(dumps({"layout": LAYOUT, "scores": scores, "new_every": self.new_every}))

    @staticmethod
    def load(folder: Path, settings: Settings) -> Parts:
        """Map parts written by ``save``; raises ArtifactError when one is missing or of another shape."""
        try:
            kept = orjson.loads((folder / "weights.json").read_bytes())
            if kept.get("layout") != LAYOUT:
                raise ValueError("it was made by another version of Mercato")
            dense = DenseIndex.load(folder / "dense") if (folder / "dense").is_dir() else None
            return Parts(
                catalog=Catalog.load(folder / "catalog"),
                events=Events.load(folder / "events"),
                lexical=LexicalIndex.load(folder / "lexical"),
                suggest=SuggestIndex.load(folder / "suggest"),
                dense=dense,
                content=_content(folder / "content", dense, settings),
                behaviour=Behaviour.load(folder / "behaviour", settings),
                weights={name: _read(score) for name, score in kept["scores"].items()},
                related=RelatedIndex.load(folder / "related") if (folder / "related").is_dir() else None,
                numbers=NumberIndex.load(folder / "numbers") if (folder / "numbers").is_dir() else None,
                lacking=WithoutIndex.load(folder / "lacking") if (folder / "lacking").is_dir() else None,
                needs=NeedIndex.load(folder / "needs") if (folder / "needs").is_dir() else None,
                pictures=PictureIndex.load(folder / "pictures") if (folder / "pictures").is_dir() else None,
                bundles=BundleIndex.load(folder / "bundles") if (folder / "bundles").is_dir() else None,
                new_every=int(kept.get("new_every", NEW_EVERY)),
            )
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise ArtifactError(
                f"the snapshot cannot be read: {error}", where=str(folder), hint="train again: mercato train SHOP"
            ) from error


def _content(folder: Path, dense: DenseIndex | None, settings: Settings) -> ContentLane | None:
    return ContentLane.load(folder, dense.text_of, settings.content) if dense is not None and folder.is_dir() else None


def _written(score: Score) -> dict[str, Any]:
    if isinstance(score, Linear):
        return {"signals": score.signals}
    sums = {"extra": score.extra.signals, "first": score.first.signals}
    return {"signals": score.signals, "model": score.model, "deepest": score.deepest, **sums}


def _read(kept: dict[str, Any]) -> Score:
    signals = tuple(Signal(**signal) for signal in kept["signals"])
    if "model" not in kept:
        return Linear(signals)
    extra, first = (Linear(tuple(Signal(**signal) for signal in kept[name])) for name in ("extra", "first"))
    return Boosted(signals, kept["model"], extra, first, int(kept.get("deepest", Boosted.deepest)))
