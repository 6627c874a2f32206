"""The exam's NDCG is that of the slow way, and a text's vector does not depend on its neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mercato.models.taught import Exam
from mercato.models.tuning import Tune
from mercato.models.tuning.net import read
from mercato.models.tuning.texts import Reader, examined
from small_bert import COLOURS, THINGS, small_bert

TEXTS = tuple(f"{colour} {thing}" for colour in COLOURS for thing in THINGS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("base"))


def test_the_exam_ranks_the_whole_corpus_without_what_is_masked(base: Path) -> None:
    random = np.random.default_rng(0)
    corpus = (*TEXTS, *TEXTS[:20])  # doubles tie: the first comes first
    queries = [str(random.choice(TEXTS)) for _ in range(300)]  # more than are scored at once
    wanted = [{int(place): float(random.integers(1, 4)) for place in random.permutation(68)[:12]} for _ in queries]
    hidden = [tuple(random.permutation(68)[:3].tolist()) for _ in queries]
    net, reader = read(base, Tune(method="full", max_length=16)).eval(), Reader(base, 16, "cpu", half=False)
    got = examined(net, reader, Exam(tuple(queries), corpus, tuple(wanted), tuple(hidden)))
    with torch.no_grad():
        scores = (reader.vectors(net, queries) @ reader.vectors(net, TEXTS).T).numpy()[:, [*range(48), *range(20)]]
    for line, (grades, masked) in enumerate(zip(wanted, hidden, strict=True)):
        order = sorted(set(range(68)) - set(masked), key=lambda at: (-scores[line, at], at))[:10]
        ideal = sorted(grades.values(), reverse=True)[:10]
        gain, best = (
            sum(grade / np.log2(place + 2) for place, grade in enumerate(own))
            for own in ([grades.get(at, 0.0) for at in order], ideal)
        )
        assert got[line] == pytest.approx(gain / best)


def test_a_small_corpus_is_ranked_too(base: Path) -> None:
    net, reader = read(base, Tune(method="full", max_length=16)).eval(), Reader(base, 16, "cpu", half=False)
    assert examined(net, reader, Exam(("red sofa",), ("red sofa", "blue lamp"), ({0: 1.0},))).tolist() == [1.0]


def test_vectors_are_in_the_order_of_their_texts(base: Path) -> None:
    net, reader = read(base, Tune(method="full", max_length=16)).eval(), Reader(base, 16, "cpu", half=False)
    texts = ["red", *TEXTS, "red sofa and a blue lamp", "", "\ud800 red"] * 2
    with torch.no_grad():
        together = reader.vectors(net, texts)
        alone = torch.cat([reader.vectors(net, [text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together.norm(dim=1), torch.ones(len(texts)), atol=1e-5)
