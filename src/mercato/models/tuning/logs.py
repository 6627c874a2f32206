"""Judgements of a tuning in, curves in TensorBoard's and Weights & Biases' own files out; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mercato.errors import BackendError, SettingsError
from mercato.models.tuning.texts import Log

KINDS = ("tensorboard", "wandb")


def logs(kinds: tuple[str, ...], folder: Path, about: dict[str, Any]) -> Log:
    """What hears of every judgement and writes loss, NDCG@10 and seconds by step, a run a seed, under ``folder``.

    Raises SettingsError for an unknown kind, BackendError where its package is missing.
    """
    writers = [_writer(kind, folder, about) for kind in kinds]

    def log(said: dict[str, float]) -> None:
        for writer in writers:
            writer(said)

    return log


def _writer(kind: str, folder: Path, about: dict[str, Any]) -> Log:
    if kind not in KINDS:
        raise SettingsError(f"no log {kind!r}", where="log", hint=", ".join(KINDS))
    try:
        return _tensorboard(folder) if kind == "tensorboard" else _wandb(folder, about)
    except ImportError as error:
        raise BackendError(f"{kind} is not installed", where="log", hint="pip install 'mercato[tune]'") from error


def _tensorboard(folder: Path) -> Log:
    from torch.utils.tensorboard import SummaryWriter

    open_writers: dict[int, Any] = {}

    def log(said: dict[str, float]) -> None:
        seed = int(said["seed"])
        if seed not in open_writers:
            make: Any = SummaryWriter
            open_writers[seed] = make(str(folder / "tensorboard" / f"seed-{seed}"))
        for name in ("loss", "ndcg", "seconds"):
            open_writers[seed].add_scalar(name, said[name], int(said["step"]))
        open_writers[seed].flush()

    return log


def _wandb(folder: Path, about: dict[str, Any]) -> Log:
    import wandb

    open_runs: dict[int, Any] = {}
    folder.mkdir(parents=True, exist_ok=True)

    def log(said: dict[str, float]) -> None:
        seed = int(said["seed"])
        if seed not in open_runs:
            settings = wandb.Settings(silent=True, console="off", disable_git=True)
            open_runs[seed] = wandb.init(
                project="mercato", name=f"seed-{seed}", dir=str(folder), mode="offline", config=about,
                settings=settings, reinit="create_new",
            )  # fmt: skip
        open_runs[seed].log({name: said[name] for name in ("loss", "ndcg", "seconds")}, step=int(said["step"]))

    return log
