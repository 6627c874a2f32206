"""A space of settings and what tries one in, the best found within some minutes out; Optuna does the choosing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mercato.errors import BackendError, SettingsError

Report = Callable[[int, float], None]
"""A step and the validation figure there; raises ``Pruned`` where the trial is worse than others were by then."""
Try = Callable[[Mapping[str, Any], Report], float]


class Pruned(Exception):
    """This trial is not worth going on with."""


@dataclass(frozen=True)
class Space:
    """What is tried: ``reals`` and ``logs`` between two numbers (``logs`` by their logarithm), ``choices`` among
    values."""

    reals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    logs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    choices: Mapping[str, Sequence[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The ``settings`` with the best ``value``, and every trial: settings, value (None where it was pruned or failed),
    state and seconds."""

    settings: Mapping[str, Any]
    value: float
    trials: tuple[Mapping[str, Any], ...]


def searched(space: Space, attempt: Try, minutes: float, journal: Path, name: str, seed: int = 0) -> Found:
    """Try settings of ``space`` for ``minutes`` and return the best: the tree-structured Parzen estimator chooses
    (Bergstra et al. 2011), and what is below the median of earlier trials at the same step is given up (Golovin et al.
    2017, section 3.1). A trial that has begun is finished.

    ``journal`` keeps every trial of the study ``name``, so that an interrupted search goes on, with the minutes that
    are left of it. Raises BackendError without Optuna, SettingsError where every trial failed or was given up.
    """
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise BackendError(
            "searching settings needs optuna", where="--search", hint="pip install 'mercato[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(journal))),
        study_name=name,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=5),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    for stale in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(stale.number, state=optuna.trial.TrialState.FAIL)  # it was killed

    def objective(trial: optuna.Trial) -> float:
        def report(step: int, value: float) -> None:
            trial.report(value, step)
            if trial.should_prune():
                raise Pruned

        try:
            return attempt(_suggested(space, trial), report)
        except Pruned as error:
            raise optuna.TrialPruned from error

    # what was killed is not counted: its duration runs on until it is found
    left = minutes * 60 - sum(_seconds(trial) for trial in study.trials if trial.state.name != "FAIL")
    if left > 0:
        study.optimize(objective, timeout=left)
    return _found(study)


def _suggested(space: Space, trial: Any) -> dict[str, Any]:
    reals = {name: trial.suggest_float(name, low, high) for name, (low, high) in space.reals.items()}
    logs = {name: trial.suggest_float(name, low, high, log=True) for name, (low, high) in space.logs.items()}
    return reals | logs | {name: trial.suggest_categorical(name, list(own)) for name, own in space.choices.items()}


def _seconds(trial: Any) -> float:
    return float(trial.duration.total_seconds()) if trial.duration is not None else 0.0


def _found(study: Any) -> Found:
    done = [trial for trial in study.trials if trial.value is not None and trial.state.name == "COMPLETE"]
    if not done:
        raise SettingsError("no trial was finished", where="--search", hint="give it more minutes")
    best = max(done, key=lambda trial: (trial.value, -trial.number))
    told = tuple(
        {
            "settings": dict(trial.params),
            "value": trial.value if trial.state.name == "COMPLETE" else None,
            "state": trial.state.name.lower(),
            "seconds": round(_seconds(trial), 1),
        }
        for trial in study.trials
    )
    return Found(dict(best.params), float(best.value), told)
