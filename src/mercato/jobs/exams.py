"""Evidence that nobody learned from in, exams out: queries, a corpus and what is wanted of it; an encoder's marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mercato.evaluate.metrics import graded_ndcg
from mercato.jobs.evidence import NOBODY, Evidence, Integers, Texts
from mercato.models.taught import Exam
from mercato.models.vectors import NamedEncoder, VectorCache
from mercato.schema import Ranking

_MEMBERS = 20
"""Products of a category that are in the corpus for sure."""
_CHUNK = 256


@dataclass(frozen=True)
class Size:
    """An exam asks at most ``queries`` of each kind over a corpus of ``corpus`` texts: all that is wanted, and others
    drawn at random."""

    queries: int = 300
    corpus: int = 4000


def examined(
    parts: Mapping[str, Evidence], names: Mapping[str, NDArray[np.int32]], texts: Texts, size: Size, seed: int
) -> dict[str, Exam]:
    """One exam for every part that asks anything, and "types" for the ``names`` of categories (with the texts below),
    all over one corpus. What was asked with (the product itself) may not be found."""
    drawn = {name: _drawn(part, size.queries, seed) for name, part in parts.items() if len(part)}
    random = np.random.default_rng([seed, 4])
    asked = sorted(names)
    asked = [asked[place] for place in np.sort(random.permutation(len(asked))[: size.queries])]
    members = [random.permutation(names[name])[:_MEMBERS] for name in asked]
    needed = [part.wanted for part in drawn.values()] + [part.anchors for part in drawn.values()] + members
    corpus = _corpus(np.concatenate([np.empty(0, np.int64), *needed]), len(texts), size.corpus, random)
    found = {name: _exam(part, corpus, texts) for name, part in drawn.items()}
    if asked:
        found["types"] = _types({name: names[name] for name in asked}, corpus, texts)
    return found


def _drawn(part: Evidence, most: int, seed: int) -> Evidence:
    """The evidence of at most ``most`` of its queries."""
    known = np.unique(part.queries.astype(str))
    kept = np.random.default_rng([seed, 5]).permutation(known)[:most]
    return part.take(np.isin(part.queries.astype(str), kept))


def _corpus(needed: Integers, m: int, most: int, random: np.random.Generator) -> Integers:
    inside = np.unique(needed[needed != NOBODY])
    rest = np.setdiff1d(np.arange(m), inside)
    return np.sort(np.concatenate([inside, random.permutation(rest)[: max(most - len(inside), 0)]]))


def _exam(part: Evidence, corpus: Integers, texts: Texts) -> Exam:
    """Grades are weights added up, as shares of the query's best."""
    wanted: dict[str, dict[int, float]] = {}
    masked: dict[str, set[int]] = {}
    places = np.searchsorted(corpus, part.wanted).tolist()
    for query, place, anchor, weight in zip(part.queries, places, part.anchors, part.weights, strict=True):
        own = wanted.setdefault(str(query), {})
        own[place] = own.get(place, 0.0) + float(weight)
        masked.setdefault(str(query), set()).update([] if anchor == NOBODY else [int(np.searchsorted(corpus, anchor))])
    graded = tuple({place: worth / max(own.values()) for place, worth in own.items()} for own in wanted.values())
    hidden = tuple(tuple(sorted(masked[query])) for query in wanted)
    return Exam(tuple(wanted), tuple(texts.texts[text] for text in corpus), graded, hidden)


def _types(names: Mapping[str, NDArray[np.int32]], corpus: Integers, texts: Texts) -> Exam:
    """All texts of the corpus that are below a category of that name are wanted."""
    inside = (np.flatnonzero(np.isin(corpus, members)).tolist() for members in names.values())
    wanted = tuple(dict.fromkeys(places, 1.0) for places in inside)
    return Exam(tuple(names), tuple(texts.texts[text] for text in corpus), wanted, ((),) * len(wanted))


def joined(exams: Sequence[Exam]) -> Exam:
    """Exams over one corpus as one; there must be one."""
    first = exams[0]
    assert all(one.corpus == first.corpus for one in exams), "of one corpus"
    return Exam(
        tuple(query for one in exams for query in one.queries),
        first.corpus,
        tuple(wanted for one in exams for wanted in one.wanted),
        tuple(masked for one in exams for masked in one.masked or ((),) * len(one.queries)),
    )


def marks(exam: Exam, encoder: NamedEncoder, cache: Path | None = None) -> NDArray[np.float64]:
    """(q,) NDCG@10 of each query over the whole corpus, by cosine; vectors are kept in ``cache`` if there is one."""

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        return VectorCache(cache).encode(encoder, texts) if cache else encoder.encode(list(texts))

    corpus, queries = read(exam.corpus), read(exam.queries)
    found = np.empty(len(exam.queries))
    for start in range(0, len(queries), _CHUNK):
        cosines = queries[start : start + _CHUNK] @ corpus.T
        for line, own in enumerate(cosines):
            place = start + line
            own[list(exam.masked[place]) if exam.masked else []] = -np.inf
            first = Ranking.best_first(np.arange(len(own)), own.astype(np.float64), 10).rows
            found[place] = graded_ndcg(first, exam.wanted[place])
    return found
