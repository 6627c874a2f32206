"""What is held out, what is tuned on it, and that a bench run and a shop learn the same way."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mercato.errors import SettingsError
from mercato.feedback.histories import Events
from mercato.jobs.encoders import Chosen
from mercato.jobs.examples import last_out, next_new, split
from mercato.jobs.learn import mixing
from mercato.jobs.tune import tuned_transitions
from mercato.models.encoders import LETTERS, Source
from mercato.models.hashed import HashEncoder
from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example
from mercato.retrieve.pairs import Transitions
from mercato.schema import Ranking
from mercato.settings import Settings, parse
from mercato.shop import create
from mercato.shop.bench import bench_recommend

DAY = 86_400


def events(*did: tuple[int, int, int]) -> Events:
    """(shopper, row, day) by shopper, then time."""
    owner, rows, days = (np.array(column) for column in zip(*did, strict=True))
    shoppers = tuple(str(number) for number in range(int(owner.max()) + 1))
    grades = np.full(len(rows), 3, np.int8)
    return Events(shoppers, owner.astype(np.int64), rows.astype(np.int32), grades, days * DAY, days.astype(np.int64))


def test_a_long_log_is_cut_in_time() -> None:
    found = split(events((0, 1, 0), (0, 2, 95), (1, 3, 10), (1, 4, 99)), 100 * DAY, 28)
    assert found.cut == 72 * DAY
    assert found.past.rows.tolist() == [1, 3]
    assert found.future.rows.tolist() == [2, 4]


def test_where_hardly_anybody_was_there_before_and_after_the_last_event_is_held_out() -> None:
    found = split(events((0, 1, 0), (0, 2, 1), (1, 3, 1), (2, 5, 0), (2, 6, 0), (2, 7, 2)), 3 * DAY, 28)
    assert found.past.rows.tolist() == [1, 3, 5, 6], "a shopper with one event keeps it"
    assert found.future.rows.tolist() == [2, 7]
    assert found.cut == 3 * DAY


def test_a_basket_is_held_out_whole_unless_there_is_little_else() -> None:
    found = last_out(events((0, 1, 0), (0, 2, 0), (0, 3, 4), (0, 4, 4), (1, 1, 0), (1, 2, 4), (1, 3, 4)), 9 * DAY)
    assert found.future.rows.tolist() == [3, 4, 3]
    assert found.past.rows.tolist() == [1, 2, 1, 2]


def test_what_is_taken_again_is_not_new() -> None:
    parts = last_out(events((0, 1, 0), (0, 2, 1), (0, 1, 2), (1, 4, 0), (1, 5, 3)), 9 * DAY)
    owners, rows = next_new(parts)
    assert owners.tolist() == [1]
    assert rows.tolist() == [5]


def test_the_tuned_graph_looks_two_steps_ahead_where_that_is_where_shoppers_go() -> None:
    """Some walk a → b, some b → c, and who was at a alone is then found at c: one hop never gets there."""
    random = np.random.default_rng(0)
    did, held = [], []
    for shopper in range(300):
        ring = int(random.integers(0, 20)) * 3
        if shopper % 3 == 2:
            did.append((shopper, ring, 0))
            held.append((shopper, ring + 2, 5))
        else:
            did += [(shopper, ring + shopper % 3, 0), (shopper, ring + shopper % 3 + 1, 1)]
    past, future = events(*did), events(*held)
    replay = replace(last_out(past, 9 * DAY), past=past, future=future)
    tuned = tuned_transitions(Transitions(hops=0.0), replay, 60, lambda _: None)
    assert tuned.hops > 0


@pytest.mark.parametrize(("again", "every"), [(0.0, 1), (1.0, 3)])
def test_home_has_more_of_what_is_new_where_nobody_buys_twice(again: float, every: int) -> None:
    """Lists of ten, five bought before; wanted is the best of those with chance ``again``, else the best new one."""
    random = np.random.default_rng(0)
    settings = Settings()
    weights = {name: Linear((Signal("lane:habit", "behaviour", 1.0),)) for name in ("again", "new", "cold")}
    notes = {"lane:habit": np.r_[np.arange(6.0, 1.0, -1.0), np.zeros(5)], "lane:popular": np.ones(10)}
    pool = Ranking(np.arange(10, dtype=np.int32), np.zeros(10), notes)
    lists = [Example(pool, np.eye(10)[0 if random.random() < again else 5]) for _ in range(50)]
    assert mixing(settings, weights, lists) == every
    assert mixing(replace(settings, lists=replace(settings.lists, new_every=4)), weights, lists) == 4


def sequences(folder: Path) -> Path:
    """400 shoppers on a ring of 60 products, three shortcuts each; the next step is likely, not certain."""
    random = np.random.default_rng(1)
    lines = []
    for shopper in range(400):
        at, taken = int(random.integers(0, 60)), []
        while len(taken) < 8:
            if at not in taken:
                taken.append(at)
            at = (at + (1 if random.random() < 0.8 else int(random.integers(2, 20)))) % 60
        lines.append(" ".join(map(str, [shopper + 1, *(item + 1 for item in taken)])))
    path = folder / "ring.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def seer(path: Path) -> Path:
    """A peer that knows what was wanted, as bench/recommend_peers.py writes peers."""
    lines = [line.split() for line in path.read_text().splitlines()]
    products = sorted({item for line in lines for item in line[1:]})
    wanted = [products.index(line[-1]) for line in lines]
    peer = {"lists": [[place] for place in wanted], "peak_mb": 1}
    told = {"products": products, "shoppers": [line[0] for line in lines], "wanted": wanted, "peers": {"seer": peer}}
    found = path.with_name("peers.json")
    found.write_text(json.dumps(told))
    return found


TOML = """
[sequence]
least = 100
epochs = 8
batch = 64
width = 16
rate = 5e-3
dropout = 0.1
threads = 1
[transitions]
tune_shoppers = 100
[taste]
factors = 8
iterations = 3
"""
SMALL = parse(tomllib.loads(TOML))


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters for meaning: the real encoder would take longer than everything else here."""
    monkeypatch.setattr("mercato.shop.bench.load_encoder", lambda *_: (HashEncoder(), ()))
    monkeypatch.setattr("mercato.shop.facade.choose", lambda *_: Chosen(HashEncoder(), Source(LETTERS)))


@pytest.mark.usefixtures("letters")
@pytest.mark.train
def test_a_bench_run_is_ahead_of_the_nulls_and_says_what_it_chose(tmp_path: Path) -> None:
    path = sequences(tmp_path)
    report = bench_recommend(path, peers=seer(path), seeds=1, home=tmp_path, settings=SMALL)
    rows = {row["model"]: row for row in report["tasks"][0]["rows"]}
    assert rows["seer (peer)"]["ndcg@10"]["mean"] == 1.0
    assert rows["seer (peer)"]["ours_ahead"]["high"] < 0
    assert report["peers"] == {"seer (peer)": {"peak_mb": 1}}
    assert {"popularity", "item-kNN", "transition graph, tuned", "sequence transformer", "mercato"} <= set(rows)
    assert report["data"] == {"products": 60, "shoppers": 400, "events": 3200, "cases": 400}
    ours = rows["mercato"]["ndcg@10"]["mean"]
    assert ours > rows["popularity"]["ndcg@10"]["mean"] + 0.1
    assert ours > rows["item-kNN"]["ndcg@10"]["mean"]
    assert report["mercato"]["ndcg@10"]["mean"] == pytest.approx(ours, abs=1e-4)
    assert "text of the history" not in rows, "numbers for titles say nothing"


@pytest.mark.usefixtures("letters")
@pytest.mark.train
def test_a_shop_trained_on_the_same_file_finds_as_much(tmp_path: Path) -> None:
    path = sequences(tmp_path)
    lines = [line.split() for line in path.read_text().splitlines()]
    report = bench_recommend(path, seeds=1, home=tmp_path, settings=SMALL)
    (tmp_path / "known.txt").write_text("\n".join(" ".join(line[:-1]) for line in lines) + "\n")
    products = [{"id": str(number), "title": str(number)} for number in range(1, 61)]
    with create(tmp_path / "shop", products=products, settings=TOML) as shop:
        shop.import_([tmp_path / "known.txt"])
        trained = shop.train()
        hits = sum(line[-1] in shop.recommend("discover", shopper=line[0]).ids for line in lines)
    served = f"""
import sys, mercato
with mercato.open({str(tmp_path / "shop")!r}, read_only=True) as shop:
    assert shop.recommend("discover", shopper="1", explain=True).reasons
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", served], check=True, timeout=120)
    assert "epochs" in trained["learned"]["sequence"]
    assert hits / 400 > report["mercato"]["hr@10"]["mean"] - 0.05


def test_a_dial_for_a_placement_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    products = [{"id": str(number), "title": f"thing {number}"} for number in range(5)]
    turned = "[lists.personal]\nhoem = 50\n"
    with (
        create(tmp_path / "shop", products=products, settings=turned) as shop,
        pytest.raises(SettingsError, match="hoem"),
    ):
        shop.train()


def test_a_new_shop_without_a_single_event_answers(tmp_path: Path) -> None:
    products = [{"id": str(number), "title": f"thing {number}"} for number in range(30)]
    with create(tmp_path / "shop", products=products) as shop:
        shop.train()
        assert len(shop.recommend("home", shopper="nobody").ids) == 10
        assert shop.recommend("similar", product="3").ids
    assert Settings().learn.refit
