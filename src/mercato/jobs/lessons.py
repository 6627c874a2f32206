"""What a shop has seen in, pairs to teach an encoder with and exams to judge it by out; nothing leaks from one to the
other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.errors import DataError, RequestError
from mercato.jobs.augment import Augment
from mercato.jobs.bought import Taken, basket_evidence, sequence_evidence, together_evidence
from mercato.jobs.evidence import SOURCES, Evidence, Texts, fewer, field_evidence
from mercato.jobs.exams import Size, examined, joined
from mercato.jobs.material import Material
from mercato.jobs.negatives import Mining, few, friends, mined
from mercato.jobs.splits import Folds, after, before, held, leaks, sealed, shared
from mercato.models.taught import Exam, Lessons, Pair
from mercato.models.vectors import NamedEncoder, VectorCache

_FEWEST = 10
"""Pairs: fewer teach nothing."""
_ALIKE = ("basket", "sequence", "field")
"""Sources whose weight says how much two texts have to do with each other: of several the largest counts. Those of
clicks add up."""
_MOST_WEIGHT = 10.0
"""Times the mean weight of its source: one pair of a place that is hardly looked at shall not drown the others."""


@dataclass(frozen=True)
class Teach:
    """What is taught: at most ``most`` pairs of each of ``sources``, each with the hard negatives of ``mining``, and a
    changed copy for the share of ``augment``. ``held`` of the category names are kept for validation and as many for
    the test; ``shares`` of what was seen, the latest, are the windows of those."""

    sources: tuple[str, ...] = SOURCES
    most: int = 8000
    mining: Mining = field(default_factory=Mining)
    augment: Augment = field(default_factory=Augment)
    size: Size = field(default_factory=Size)
    shares: tuple[float, float] = (0.1, 0.1)
    held: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises RequestError for an unknown source."""
        for source in self.sources:
            if source not in SOURCES:
                raise RequestError(f"no source {source!r}", where="sources", hint=f"known: {', '.join(SOURCES)}")


@dataclass(frozen=True)
class Course:
    """What teaches (``train``), the exams that stop and choose (``validation``) and those that are only reported
    (``test``), by name: "searches", "together", "types". ``leaks`` says what both
    sides share. A course of a fold has no validation, and texts that are ``barred``: not to be read while learning."""

    train: Evidence
    validation: Mapping[str, Exam]
    test: Mapping[str, Exam]
    account: Mapping[str, Any]
    leaks: Mapping[str, Any]
    barred: tuple[int, ...] = ()


def course(material: Material, teach: Teach) -> Course:
    """The time-respecting course: what came before the first cut teaches, what came between the cuts validates, what
    came after the second is the test; no session is in two of them, and no held category's name or product teaches what
    it is called. Raises DataError where there is no behaviour to learn from, or none to be judged by."""
    texts, seed = material.texts, teach.seed
    nodes = texts.names()
    validating, testing = held(sorted(nodes), teach.held, seed)
    seen = _seen(material, teach)
    fields = _taught_fields(texts, nodes, [*validating, *testing], seed) if "field" in teach.sources else None
    train = fewer(_whole([*seen, *([fields] if fields is not None else [])], material, teach), teach.most, seed)
    asked = {"validation": validating, "test": testing}
    exams: dict[str, dict[str, Exam]] = {}
    both: dict[str, Any] = {}
    for window, own in asked.items():
        parts = _asked(material, window, seed)
        both[window] = {name: sealed(leaks(train, part), ("session", "later")) for name, part in parts.items()}
        exams[window] = examined(parts, {name: nodes[name] for name in own}, texts, teach.size, seed)
    if not exams["validation"] or not exams["test"]:
        raise DataError("nothing came after what can be learned from", where="time", hint=_looked(material))
    return Course(train, exams["validation"], exams["test"], _account(material, teach, train, exams), both)


def folded(material: Material, teach: Teach, k: int, by: Sequence[str]) -> Iterator[Course]:
    """``k`` courses of everything that was seen at any time, without what ``by`` names ("product", "session", "query")
    on both sides. Held-out products are in no text that is read while learning, and examine alone."""
    texts, parts = material.texts, Folds(k, tuple(by), teach.seed)
    words = _of_sources([*_typed(material), *(part for own in material.sessions.values() for part in own)], teach)
    if "field" in teach.sources:
        words.append(field_evidence(texts, texts.names(), teach.seed))
    for fold in range(k):
        sides = [parts.evidence(Evidence.join(words), fold)] if words else []
        learned, tested = parts.taken(material.taken, fold)
        seen = [*(side[0] for side in sides), *_made(learned, texts, teach)]
        train = fewer(_whole(seen, material, teach), teach.most, teach.seed)
        exams = {name: side[1].take(np.isin(side[1].sources, own)) for name, own in _KINDS.items() for side in sides}
        together = together_evidence(tested, texts)
        found = {name: sealed(leaks(train, one), by) for name, one in exams.items() if len(one)}
        found |= {"together": sealed(shared(learned, tested), by)} if len(together) else {}
        barred = np.flatnonzero(parts.inside(len(texts), fold)) if "product" in by else np.empty(0, np.int64)
        marked = examined(exams | {"together": together}, {}, texts, teach.size, teach.seed)
        account = {"pairs": _counts(train), "exams": {name: len(one.queries) for name, one in marked.items()}}
        yield Course(train, {}, marked, account, {"test": found}, tuple(barred.tolist()))


_KINDS: Mapping[str, tuple[str, ...]] = {"searches": ("click", "purchase"), "reviews": ("review",)}
"""Exams of a fold that are made of typed words, with their sources."""


def _taught_fields(texts: Texts, nodes: Mapping[str, NDArray[np.int32]], kept: Sequence[str], seed: int) -> Evidence:
    """What the catalogue says, without the products of the categories ``kept`` for the exams."""
    examined_ = np.unique(np.concatenate([np.empty(0, np.int64), *(nodes[name] for name in kept)]))
    taught = field_evidence(texts, {name: own for name, own in nodes.items() if name not in set(kept)}, seed)
    return taught.take(~np.isin(taught.wanted, examined_))


def _seen(material: Material, teach: Teach) -> list[Evidence]:
    """What was seen before the first cut, of the sources that are taught."""
    read = [before(material.reviewed, material.cuts.validation)] if material.reviewed is not None else []
    taken = material.taken.within(*material.cuts.span("train"))
    return _of_sources([*typed(material, "train", teach.seed), *read], teach) + _made(taken, material.texts, teach)


def _typed(material: Material) -> list[Evidence]:
    return [*material.asked, *([material.reviewed] if material.reviewed is not None else [])]


def _of_sources(parts: Sequence[Evidence], teach: Teach) -> list[Evidence]:
    return [kept for part in parts if len(kept := part.take(np.isin(part.sources, teach.sources)))]


def _made(taken: Taken, texts: Texts, teach: Teach) -> list[Evidence]:
    makers = {"basket": basket_evidence, "sequence": sequence_evidence}
    made = [make(taken, texts, teach.most, teach.seed) for name, make in makers.items() if name in teach.sources]
    return [part for part in made if len(part)]


def typed(material: Material, window: str, seed: int) -> list[Evidence]:
    """What was wanted for typed queries in a window ("train", "validation", "test"). Where there are judgments,
    validation and the test go by them, half of their queries each; they teach nothing."""
    begin, end = material.cuts.span(window)
    if material.judged and window != "train":
        return material.halves(seed)[window == "test"]
    seen = [after(part, begin, end) if begin else before(part, end) for part in material.asked]
    return [part for part in (*seen, *material.sessions.get(window, ())) if len(part)]


def _asked(material: Material, window: str, seed: int) -> dict[str, Evidence]:
    """By exam what is asked in a window: typed queries, and what went together."""
    searches = typed(material, window, seed)
    together = together_evidence(material.taken.within(*material.cuts.span(window)), material.texts)
    found = {"searches": Evidence.join(searches)} if searches else {}
    return found | ({"together": together} if len(together) else {})


def _whole(parts: Sequence[Evidence], material: Material, teach: Teach) -> Evidence:
    """All of ``parts``; raises DataError where that is no behaviour, with what was looked for and found."""
    behaviour = sum(len(part) for part in parts if (part.sources != "field").any())
    if not parts or (behaviour < _FEWEST and teach.sources != ("field",)):
        what = f"no behaviour to learn from: {behaviour} pairs, and {_FEWEST} are needed"
        raise DataError(what, where="lessons", hint=_looked(material))
    return Evidence.join(parts)


def _looked(material: Material) -> str:
    found = ", ".join(f"{count:,} {name}" for name, count in material.account.items())
    return (
        f"there are {found}; looked for clicks of searches, baskets, sequences, review titles, click logs (--sessions)"
    )


def _counts(evidence: Evidence) -> dict[str, int]:
    return {source: int((evidence.sources == source).sum()) for source in SOURCES}


def _account(
    material: Material, teach: Teach, train: Evidence, exams: Mapping[str, Mapping[str, Exam]]
) -> dict[str, Any]:
    cuts, corpus = material.cuts, len(next(iter(exams["test"].values())).corpus)
    sampled = "every text" if corpus == len(material.texts) else f"{corpus:,} of {len(material.texts):,} texts, drawn"
    return {
        **material.account,
        "pairs": _counts(train),
        "cuts": {"validation": cuts.validation, "test": cuts.test, "end": cuts.end},
        "exams": {window: {name: len(one.queries) for name, one in own.items()} for window, own in exams.items()},
        "corpus": f"{sampled}; all that is wanted is among them",
        "sources": list(teach.sources),
    }


def lessons(
    given: Course, material: Material, teach: Teach, encoder: NamedEncoder, cache: Path | None = None
) -> Lessons:
    """The pairs of a course with hard negatives of ``encoder`` (the one that is to be tuned) and changed copies, the
    same pair once; weights have a mean of 1 per source."""
    evidence, texts = given.train, material.texts

    def read(said: Sequence[str]) -> NDArray[np.float32]:
        return VectorCache(cache).encode(encoder, said) if cache else encoder.encode(list(said))

    distinct, place = np.unique(evidence.queries.astype(str), return_inverse=True)
    taken = material.taken.within(*material.cuts.span("train"))
    groups = [(taken.baskets, taken.texts), few(taken.owner, taken.texts)]
    known = friends(evidence, groups if given.validation else [], len(texts))
    negatives = mined(
        evidence, texts, read(distinct.tolist())[place], read(texts.texts), known, teach.mining, given.barred
    )
    return teach.augment.over(_pairs(evidence, texts, negatives, given.barred), teach.seed)


def _pairs(evidence: Evidence, texts: Texts, negatives: Sequence[tuple[int, ...]], barred: Collection[int]) -> Lessons:
    found: dict[tuple[str, str, str], Pair] = {}
    for place, own in enumerate(negatives):
        wanted, source = int(evidence.wanted[place]), str(evidence.sources[place])
        query, said, felt = str(evidence.queries[place]), str(evidence.said[place]), float(texts.sentiment[wanted])
        pair = Pair(
            query,
            said,
            tuple(texts.texts[text] for text in own),
            float(evidence.weights[place]),
            source,
            texts.leaf(wanted),
            None if np.isnan(felt) else felt,
        )
        if old := found.get((query, said, source)):
            merged = tuple(dict.fromkeys([*old.negatives, *pair.negatives]))[: max(len(old.negatives), len(own))]
            weight = max(old.weight, pair.weight) if source in _ALIKE else old.weight + pair.weight
            pair = replace(pair, weight=weight, negatives=merged)
        found[query, said, source] = pair
    means = {
        source: float(np.mean([pair.weight for pair in found.values() if pair.source == source]))
        for source in {pair.source for pair in found.values()}
    }
    even = (replace(pair, weight=min(pair.weight / means[pair.source], _MOST_WEIGHT)) for pair in found.values())
    hidden = set(barred)
    return Lessons(tuple(even), tuple(text for place, text in enumerate(texts.texts) if place not in hidden))


def whole(exams: Mapping[str, Exam]) -> Exam:
    """All exams of a course as one, in the order of their names."""
    return joined([exams[name] for name in sorted(exams)])
