"""The reader says of a pair what its scorer says, keeps it, and gives up under load, not for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from mercato.rank.cross import Read, Reader, pair_text
from mercato.schema import Product


@dataclass
class Counting:
    """Scores by length, and remembers what it was asked; every pair takes ``ms`` on ``clock``."""

    ms: float = 1.0
    now: float = 0.0
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
        self.asked.append((query, list(texts)))
        self.now += self.ms * len(texts) / 1000
        return np.array([1 / (1 + len(text)) for text in texts])


def reader(scorer: Counting, recipe: Read) -> Reader:
    return recipe.over(scorer, lambda row: "x" * row, scorer.clock)


def rows(*numbers: int) -> NDArray[np.int32]:
    return np.array(numbers, np.int32)


def test_only_what_was_never_read_is_read_and_the_oldest_goes() -> None:
    scorer = Counting()
    first = reader(scorer, Read(kept=3))
    assert first.read("q", rows(1, 2)) is not None
    np.testing.assert_allclose(first.read("q", rows(2, 3, 1)), [1 / 3, 1 / 4, 1 / 2])
    assert scorer.asked[-1] == ("q", ["xxx"])
    first.read("q", rows(1, 2, 3))
    assert len(scorer.asked) == 2, "all three are known"
    first.read("other", rows(1))
    assert scorer.asked[-1] == ("other", ["x"])
    first.read("q", rows(2, 3))
    assert len(scorer.asked) == 3, "the one asked for longest ago went"
    first.read("q", rows(1, 1))
    assert scorer.asked[-1] == ("q", ["x"]), "read once though asked for twice"


def test_slow_readings_are_given_up_and_tried_again() -> None:
    scorer = Counting(ms=20)
    slow = reader(scorer, Read(pairs=16, budget_ms=200))
    assert slow.read("0", rows(1, 2, 3)) is not None, "nothing is known of its time yet"
    said = [slow.read(str(n), rows(n)) is not None for n in range(1, 60)]
    assert not any(said[:9]), "16 pairs would take 320 ms"
    assert any(said[9:]), "but it is tried again"
    assert slow.read("0", rows(3, 1)) is not None, "what is known costs nothing"
    scorer.ms = 1
    for n in range(60, 200):
        slow.read(str(n), rows(n))
    assert all(slow.read(str(n), rows(n)) is not None for n in range(200, 220)), "the load is over"


def test_no_more_than_so_many_read_at_a_time() -> None:
    began, end = threading.Event(), threading.Event()

    class Waiting(Counting):
        def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
            began.set()
            assert end.wait(10)
            return super().score(query, texts)

    busy = reader(Waiting(), Read(at_once=1))
    other = threading.Thread(target=busy.read, args=("a", rows(1)))
    other.start()
    assert began.wait(10)
    assert busy.read("b", rows(1)) is None
    end.set()
    other.join()
    assert busy.read("b", rows(1)) is not None
    assert busy.read("a", rows(1)) is not None


def test_a_reading_that_fails_gives_its_place_back() -> None:
    class Broken(Counting):
        def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float64]:
            raise RuntimeError

    broken = reader(Broken(), Read(at_once=1))
    for _ in range(3):
        with pytest.raises(RuntimeError):
            broken.read("q", rows(1))


def test_what_is_read_of_a_product() -> None:
    own = Product("p", "Velvet sofa · 2 L", "Deep seats. " * 30, ("Home > Living > Sofas",), brand="Acme")
    assert pair_text(own).startswith("Velvet sofa. Acme. Sofas. Deep seats.")
    assert len(pair_text(own)) < 200
    assert pair_text(Product("p", "Acme sofa", brand="ACME")) == "Acme sofa"
