"""Events in, every behaviour lane and the weights of every score out; what nothing was held out for is not learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato import build
from mercato.evaluate.metrics import graded_ndcg, paired
from mercato.feedback.histories import Events
from mercato.jobs.examples import Split, examples, next_new, split
from mercato.jobs.logged import Logged
from mercato.jobs.tune import tuned_transitions
from mercato.models.sequence import SelfAttention, TrainedSequence
from mercato.parts import Behaviour, Parts
from mercato.rank.boost import BoostedFit, better, pulled
from mercato.rank.boosted import Boosted
from mercato.rank.linear import Linear, Signal
from mercato.rank.train import Example, ListwiseFit
from mercato.retrieve.social import Ties
from mercato.schema import Ranking
from mercato.scores import MATCHED, NEW_EVERY, SEARCH, Score, complete, hints, ordering
from mercato.settings import Settings

Tick = Callable[[str], None]
NOTHING_LOGGED = Logged()
_MIXED_LISTS = 2_000


@dataclass(frozen=True)
class Learned:
    """The lanes, the scores, how many lists taught each score, one line per model on how it went, the ``readable``
    sums, also of those scores that trees were better at, and how often *home* shows what was never bought."""

    behaviour: Behaviour
    weights: dict[str, Score]
    lists: dict[str, int]
    account: dict[str, Any]
    readable: Mapping[str, Linear]
    new_every: int = NEW_EVERY

    def into(self, draft: Parts) -> Parts:
        """``draft`` with what was learned."""
        return replace(draft, behaviour=self.behaviour, weights=self.weights, new_every=self.new_every)


def learn(
    settings: Settings,
    draft: Parts,
    end: int,
    cache: Path,
    tick: Tick,
    ties: Ties | None = None,
    replay: Split | None = None,
    logged: Logged = NOTHING_LOGGED,
) -> Learned:
    """Everything from the events of ``draft`` before ``end`` (UTC seconds).

    The lanes are first fitted on what came before the held-out events, so that settings, the length of training and
    the weights are chosen on what no lane has seen; with ``[learn] refit`` they are then fitted again on everything.
    ``replay`` says what is held out where a protocol does; ``split`` decides otherwise. ``logged`` lists teach the
    scores beside the replayed ones where there are ``[learn] least_logged``.
    """
    n = len(draft.catalog)
    hinted = hints(settings, draft.catalog)
    replay = replay or split(draft.events, end, settings.learn.window_days)
    clicks = logged.enough(settings.learn.least_logged)
    if not len(replay.past) or not len(replay.future):
        behaviour = build.learn_behaviour(settings, draft.events, n, end, tick, ties)
        weights, readable, said = fitted(settings, hinted, clicks)
        said |= {"sequence": "skipped: nothing to judge it by"} | logged.account(settings.learn.least_logged)
        return Learned(behaviour, weights, {name: len(found) for name, found in clicks.items()}, said, readable)
    if settings.transitions.tune and len(replay.past) <= settings.transitions.tune_upto:
        graph = tuned_transitions(settings.transitions, replay, n, tick)
        settings = replace(settings, transitions=graph)
    behaviour = build.learn_behaviour(settings, replay.past, n, replay.cut, tick, ties)
    sequence, said = _sequence(settings.sequence, draft, replay, cache, tick)
    behaviour = replace(behaviour, sequence=sequence)
    unlearned = replace(draft, behaviour=behaviour, weights=complete(settings, {}, hinted))
    engine = build.engine(settings, unlearned, None, {})
    tick("replaying lists")
    replayed = examples(engine, replay, settings.learn.shoppers, settings.learn.seed)
    lists = {name: [*found, *clicks.get(name, ())] for name, found in replayed.items()}
    # what nobody took yet is judged by what is known of any product: its text, its kind, its relatives
    lists["cold"] = replayed["new"]
    lists |= {name: list(found) for name, found in clicks.items() if name == SEARCH}
    tick("fitting the scores")
    weights, readable, chosen = fitted(settings, hinted, lists)
    said |= chosen | logged.account(settings.learn.least_logged)
    every = mixing(settings, weights, replayed["again"])
    said["home"] = f"every {every}. place is for what the shopper never bought" if every > 1 else "only what is new"
    if settings.learn.refit:
        behaviour = _refitted(settings, draft, end, cache, tick, ties, sequence)
    return Learned(behaviour, weights, {name: len(found) for name, found in lists.items()}, said, readable, every)


def mixing(settings: Settings, weights: Mapping[str, Score], lists: Sequence[Example]) -> int:
    """How often *home* shows what its shopper never bought: 1 (always), 2 or 3, whichever has the best NDCG@10 on up
    to 2,000 of the replayed ``lists``, unless the settings say."""
    if settings.lists.new_every or not lists:
        return settings.lists.new_every or NEW_EVERY
    judged = lists[:: max(1, len(lists) // _MIXED_LISTS)]

    def gained(every: int) -> float:
        score, _ = ordering(settings, weights, "home", every)
        scored = (score.scored(one.ranking) for one in judged)
        return float(np.mean([_ndcg(one, found.scores) for one, found in zip(judged, scored, strict=True)]))

    return max((NEW_EVERY, 2, 1), key=gained)


def _ndcg(one: Example, scores: NDArray[np.float64]) -> float:
    order = Ranking.best_first(np.arange(len(scores), dtype=np.int32), scores, 10).rows
    return graded_ndcg(order, dict(enumerate(one.wanted.tolist())))


def _refitted(
    settings: Settings,
    draft: Parts,
    end: int,
    cache: Path,
    tick: Tick,
    ties: Ties | None,
    sequence: TrainedSequence | None,
) -> Behaviour:
    """Every lane on all events; the sequence model for as long as was best for ``sequence``."""
    behaviour = build.learn_behaviour(settings, draft.events, len(draft.catalog), end, tick, ties)
    if sequence is None:
        return behaviour
    best = int(sequence.account["best_epoch"])
    return replace(behaviour, sequence=_trained(settings.sequence, draft, draft.events, None, cache, best, tick))


def fitted(
    settings: Settings, hinted: Mapping[str, Sequence[Signal]], lists: Mapping[str, Sequence[Example]]
) -> tuple[dict[str, Score], dict[str, Linear], dict[str, Any]]:
    """The scores that ``lists`` teach: readable sums (also returned alone), and boosted trees in their
    place where cross-validation finds them better."""
    readable: dict[str, Linear] = {}
    trees: dict[str, Boosted] = {}
    said: dict[str, Any] = {}
    for name, found in lists.items():
        linear, told = ListwiseFit(tuple(hinted[name])), dict[str, Any]()
        if name == SEARCH:
            linear, ndcg = pulled(found, hinted[name], MATCHED, _ahead)
            told["cross-validated ndcg@10 of clicked lists"] = ndcg
        if not settings.learn.trees or name == "cold":
            readable[name] = linear.fit(found)
        else:
            readable[name], better_trees, ndcg = better(found, linear, BoostedFit(onto=name == SEARCH), _ahead)
            if better_trees is not None:
                trees[name] = better_trees
            if ndcg:
                told |= {"kept": "trees" if name in trees else "readable", "cross-validated ndcg@10": ndcg}
        if told:
            said[f"score {name}"] = told
    return complete(settings, readable, hinted, trees), readable, said


def _ahead(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    difference, p = paired(ours, theirs)
    return difference.mean > 0 and p < 0.05


def _sequence(
    recipe: SelfAttention, draft: Parts, replay: Split, cache: Path, tick: Tick
) -> tuple[TrainedSequence | None, dict[str, Any]]:
    """The sequence model judged on what came next, or why there is none."""
    if recipe.train == "never":
        return None, {"sequence": 'skipped: [sequence] train = "never"'}
    if find_spec("torch") is None:
        return None, {"sequence": "skipped: torch is not installed (pip install 'mercato[models]')"}
    if recipe.train == "auto" and len(replay.past) < recipe.least:
        return None, {"sequence": f"skipped: {len(replay.past)} events are fewer than {recipe.least}"}
    held = next_new(replay)
    if not len(held[0]):
        return None, {"sequence": "skipped: nothing new was taken after the cut"}
    model = _trained(recipe, draft, replay.past, held, cache, recipe.epochs, tick)
    account = {name: value for name, value in model.account.items() if name != "curve"}
    return model, {"sequence": account}


def _trained(
    recipe: SelfAttention, draft: Parts, events: Events, held: Any, cache: Path, epochs: int, tick: Tick
) -> TrainedSequence:
    from mercato.models.sequence_fit import Behaved, fit  # torch: only where a model is trained

    kept = events.where(events.grades > 0)
    text = None if draft.content is None else draft.content.rows()
    given = Behaved(kept.owner, kept.rows, kept.grades, kept.at, len(draft.catalog), text, held)
    return fit(replace(recipe, epochs=epochs), given, cache / "sequence", tick)
