"""Every loss is what its formula says, written down a second time the slow way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from mercato.models.taught import Pair
from mercato.models.tuning import Tune
from mercato.models.tuning.objectives import Heads, Read, agreement, distilled, masked, unjudged, wanted_texts

PLAIN = Tune(contrastive=1.0, temperature=0.1)
PAIRS = (
    Pair("red", "red sofa", ("blue lamp",), 1.0, category="sofa", sentiment=1.0),
    Pair("red", "red lamp", (), 2.0, category="lamp"),
    Pair("blue", "blue lamp", ("red sofa", "blue"), 0.5, sentiment=-1.0),
    Pair("lamp", "red lamp", (), 1.0, category="unknown"),
)
TEXTS = [pair.text for pair in PAIRS] + [text for pair in PAIRS for text in pair.negatives]


def read(width: int = 6, seed: int = 0) -> Read:
    random = torch.Generator().manual_seed(seed)
    table = {text: functional.normalize(torch.randn(width, generator=random), dim=0)
             for text in sorted({pair.query for pair in PAIRS} | set(TEXTS))}  # fmt: skip
    vectors = [torch.stack([table[text] for text in texts]) for texts in ([pair.query for pair in PAIRS], TEXTS)]
    return Read(PAIRS, vectors[0], vectors[1][:4], vectors[1][4:], unjudged(PAIRS, wanted_texts(PAIRS)))


def allowed(line: int, place: int) -> bool:
    """Whether text ``place`` counts for query ``line``: its own does; what it wanted elsewhere or equals does not."""
    query, text = PAIRS[line].query, TEXTS[place]
    return place == line or not (text == query or any((query, text) == (one.query, one.text) for one in PAIRS))


def test_what_was_wanted_for_a_query_is_no_negative_of_it() -> None:
    found = unjudged(PAIRS, wanted_texts(PAIRS))
    assert found.tolist() == [[not allowed(line, place) for place in range(len(TEXTS))] for line in range(4)]
    elsewhere = wanted_texts((*PAIRS, Pair("lamp", "blue lamp")))
    assert bool(unjudged(PAIRS, elsewhere)[3, 2]), "it was wanted in a pair of another batch"


def slow_contrastive(one: Read, temperature: float, size: int) -> float:
    queries, texts = (
        functional.normalize(part[:, :size], dim=1).numpy()
        for part in (one.queries, torch.cat([one.texts, one.negatives]))
    )
    total = weight = 0.0
    for line, pair in enumerate(PAIRS):
        there = [np.exp(queries[line] @ texts[at] / temperature) for at in range(len(texts)) if allowed(line, at)]
        back = [np.exp(queries[at] @ texts[line] / temperature) for at in range(len(PAIRS)) if allowed(at, line)]
        own = np.exp(queries[line] @ texts[line] / temperature)
        total += pair.weight * (np.log(sum(there) / own) + np.log(sum(back) / own)) / 2
        weight += pair.weight
    return float(total / weight)


@pytest.mark.parametrize("matryoshka", [(), (2, 4)])
def test_contrastive_is_infonce_with_negatives_both_ways_at_every_length(matryoshka: tuple[int, ...]) -> None:
    one = read()
    got = Heads(replace(PLAIN, matryoshka=matryoshka), 6, ()).loss(one)
    wanted = np.mean([slow_contrastive(one, 0.1, size) for size in (6, *matryoshka)])
    assert float(got.detach()) == pytest.approx(wanted, rel=1e-4)


def test_click_is_cross_entropy_of_each_pair_by_itself() -> None:
    one, heads = read(), Heads(replace(PLAIN, contrastive=0.0, click=2.0), 6, ())
    scale, shift = heads.click.tolist()
    cosines = (one.queries @ torch.cat([one.texts, one.negatives]).T).numpy()
    total = weight = 0.0
    for line in range(4):
        for place in range(len(TEXTS)):
            if allowed(line, place):
                chance = 1 / (1 + np.exp(-scale * cosines[line, place] - shift))
                rare = len(TEXTS) - 1 if line == place else 1
                total -= rare * np.log(chance if line == place else 1 - chance)
                weight += rare
    assert float(heads.loss(one).detach()) == pytest.approx(2 * total / weight, rel=1e-3)


def test_category_and_sentiment_hear_only_what_is_known() -> None:
    one = read()
    heads = Heads(replace(PLAIN, contrastive=0.0, category=1.0), 6, ("lamp", "sofa"))
    known = torch.log_softmax(heads.category(one.texts[:2]), 1).detach()
    assert float(heads.loss(one).detach()) == pytest.approx(float(-(known[0, 1] + known[1, 0]) / 2), rel=1e-5)
    heads = Heads(replace(PLAIN, contrastive=0.0, sentiment=1.0), 6, ())
    said = torch.tanh(heads.sentiment(one.texts[[0, 2]])).squeeze(1).detach()
    assert float(heads.loss(one).detach()) == pytest.approx(
        float(((said - torch.tensor([1.0, -1.0])) ** 2).mean()), rel=1e-5
    )
    silent = Read(tuple(Pair("a", "b") for _ in PAIRS), one.queries, one.texts, one.negatives, one.unjudged)
    assert float(heads.loss(silent)) == 0.0


def test_several_tasks_are_a_weighted_sum() -> None:
    one, parts = read(), {"contrastive": 0.5, "click": 0.25, "sentiment": 2.0}
    whole = Heads(replace(PLAIN, **parts), 6, ())
    alone = []
    for name, weight in parts.items():
        heads = Heads(replace(PLAIN, **dict.fromkeys(parts, 0.0) | {name: 1.0}), 6, ())
        heads.load_state_dict(whole.state_dict())
        alone.append(weight * float(heads.loss(one).detach()))
    assert float(whole.loss(one).detach()) == pytest.approx(sum(alone), rel=1e-5)


def test_words_are_hidden_as_bert_hides_them() -> None:
    random = torch.Generator().manual_seed(3)
    ids = torch.randint(5, 1000, (200, 40), generator=random)
    ids[:, 0], mask = 1, torch.ones_like(ids)
    mask[:, 30:] = 0
    hidden, guess = masked(ids, mask, torch.tensor([1]), 4, random)
    assert not guess[:, 0].any(), "a special token"
    assert not guess[:, 30:].any(), "padding"
    assert torch.equal(hidden[~guess], ids[~guess])
    assert guess[:, 1:30].float().mean() == pytest.approx(0.15, abs=0.02)
    assert (hidden[guess] == 4).float().mean() == pytest.approx(0.8, abs=0.05)
    assert (hidden[guess] == ids[guess]).float().mean() == pytest.approx(0.1, abs=0.04)


def test_a_student_of_another_width_learns_how_alike_texts_are() -> None:
    random = torch.Generator().manual_seed(1)
    teacher = functional.normalize(torch.randn(5, 8, generator=random), dim=1)
    assert float(distilled(teacher, teacher)) == pytest.approx(0.0, abs=1e-6)
    turned, _ = torch.linalg.qr(torch.randn(8, 8, generator=random))
    assert float(distilled(teacher @ turned, teacher)) > 0.1, "the same width: the vectors themselves"
    wider = functional.pad(teacher @ turned, (0, 3))
    assert float(distilled(wider, teacher)) == pytest.approx(0.0, abs=1e-6), "another: their likeness alone"


def test_agreement_is_the_mean_of_both_divergences() -> None:
    first, second = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.0, 0.5, 0.0]])
    p, q = (torch.softmax(one, 1).numpy() for one in (first, second))
    wanted = (np.sum(p * np.log(p / q)) + np.sum(q * np.log(q / p))) / 2
    assert float(agreement(first, second)) == pytest.approx(float(wanted), rel=1e-5)
    assert float(agreement(first, first)) == pytest.approx(0.0, abs=1e-7)
