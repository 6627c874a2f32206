"""A shop's behaviour in, its own language models out: tuned, measured and put on its shelf."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mercato.codec import from_time
from mercato.errors import RequestError
from mercato.jobs.cross import Find
from mercato.jobs.cross_tuning import tune_cross
from mercato.jobs.crossval import cross_validated
from mercato.jobs.encoders import choose
from mercato.jobs.evidence import SOURCES
from mercato.jobs.hyper import best_recipe
from mercato.jobs.lessons import Teach
from mercato.jobs.material import Material
from mercato.jobs.tuning import Bench, tune
from mercato.models.cross import CrossEncoder
from mercato.models.encoders import LETTERS, is_address
from mercato.models.tuning import Tune
from mercato.schema import Ranking
from mercato.settings import Settings
from mercato.shop.live import Live
from mercato.stores.sqlite import ShopStore

ROLES = ("encoder", "cross")
_NEXT = {
    "encoder": "mercato train {home}: vectors of all products are made anew; until then the old encoder serves",
    "cross": "it reads searches once the shop is opened anew",
    "": "the shop keeps what it has; to use this one all the same: mercato models choose {home} {role} {version}",
}


@dataclass(frozen=True)
class Asked:
    """What is asked of one tuning; 0, "" and nothing leave a setting as ``[tune]`` of mercato.toml has it.

    ``base``: another model to begin with than ``[encoder] source``. ``sessions``: files or folders of a click log (see
    jobs.clicks); ``judgments``: a file that validation and the test go by (see jobs.judgments). ``folds``: tune so many
    times, each without a fold, and publish nothing; ``apart``: what is on no two sides ("product", "session", "query";
    nothing named: queries of a click log, else sessions). ``search``: minutes that settings are looked for first.
    """

    method: str = ""
    base: str = ""
    minutes: float = 0.0
    steps: int = 0
    seeds: int = 0
    seed: int | None = None
    sources: tuple[str, ...] = ()
    sessions: tuple[Path, ...] = ()
    judgments: Path | None = None
    folds: int = 0
    apart: tuple[str, ...] = ()
    search: float = 0.0

    def recipe(self, settings: Settings) -> Tune:
        """``[tune]`` with what is asked for. Raises SettingsError for what cannot be, RequestError where there is no
        base that could be tuned."""
        plain = settings.tune.base == Tune().base
        base = self.base or (settings.encoder.source if plain else settings.tune.base)
        if is_address(base) or base == LETTERS:
            hint = "--base: a package or a folder with safetensors"
            raise RequestError(f"{base} cannot be tuned", where="base", hint=hint)
        said = {"method": self.method, "minutes": self.minutes, "steps": self.steps, "seeds": self.seeds}
        changed: dict[str, Any] = {name: value for name, value in said.items() if value}
        if self.seed is not None:
            changed["seed"] = self.seed
        if self.steps:
            changed["judged"] = max(1, min(settings.tune.judged, self.steps))
        return replace(settings.tune, base=base, **changed)

    def teach(self, recipe: Tune) -> Teach:
        """What is taught. Raises RequestError for an unknown source."""
        return Teach(sources=self.sources or SOURCES, seed=recipe.seed)


class Tuning:
    """``shop.tuning``: models tuned on what the shop saw. The store is only read, so a server may go on with the shop
    meanwhile; ``live`` is what is served, None before the first training."""

    def __init__(
        self,
        home: Path,
        store: ShopStore,
        clock: Callable[[], datetime],
        settings: Callable[[], Settings],
        live: Callable[[], Live | None],
    ) -> None:
        self._home, self._store, self._clock, self._settings, self._live = home, store, clock, settings, live

    def tune(
        self, role: str = "encoder", asked: Asked | None = None, tick: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Tune the text encoder ("encoder") or the cross-encoder ("cross") and put it on the shelf; it is chosen where
        validation shows that it is better than what the shop has. Returns its manifest, whether it was ``chosen``, why,
        and what to do ``next``; with ``folds`` only the figures. A killed run goes on where it was.

        Raises DataError where there is no behaviour to learn from, RequestError for an unknown role, source or method,
        BackendError where the libraries for training are not installed.
        """
        if role not in ROLES:
            raise RequestError(f"{role!r} cannot be tuned", where="role", hint=f"roles: {', '.join(ROLES)}")
        given, settings = asked or Asked(), self._settings()
        recipe = given.recipe(settings)
        teach = given.teach(recipe)
        material = Material.read(
            self._store, tick, shares=teach.shares, sessions=given.sessions, judgments=given.judgments
        )
        version = f"tuned-{self._clock():%Y%m%dT%H%M%S%f}"
        if role == "cross":
            told = tune_cross(material, teach, _cross(given, recipe), self._find(material), self._home, version, tick)
        else:
            told = self._encoder(given, material, teach, recipe, settings, version, tick)
        if "version" in told:
            said = _NEXT[role if told["chosen"] else ""].format(home=self._home, role=role, version=told["version"])
            told |= {"next": said, "created_at": from_time(self._clock())}
        return told

    def _encoder(
        self,
        given: Asked,
        material: Material,
        teach: Teach,
        recipe: Tune,
        settings: Settings,
        version: str,
        tick: Callable[[str], None],
    ) -> dict[str, Any]:
        bench = Bench(settings.encoder, self._home / "cache")
        searched: dict[str, Any] = {}
        if given.search:
            recipe, searched = best_recipe(material, teach, recipe, bench, given.search, tick)
        if given.folds:
            apart = given.apart or (("query",) if given.sessions else ("session",))
            return cross_validated(material, teach, recipe, bench, given.folds, apart, tick) | {"search": searched}
        incumbent = choose(settings, self._home)
        told = tune(material, teach, recipe, bench, self._home, incumbent, version, tick)
        return told | ({"search": searched} if searched else {})

    def _find(self, material: Material) -> Find:
        """The search as it serves, over the rows of ``material``; nothing is logged."""
        live = self._live()
        if live is None:
            raise RequestError("the shop was not trained yet", where="role", hint=f"mercato train {self._home}")

        def find(query: str, k: int) -> Ranking:
            now = self._clock()
            request = replace(live.request("search", now, k=k), query=query)
            slate, _ = live.search(request, now, uuid.uuid4().hex)
            known = [(material.catalog.row(one), score) for one, score in zip(slate.ids, slate.scores, strict=True)]
            there = [(row, score) for row, score in known if row is not None]
            rows, scores = np.array([row for row, _ in there], np.int32), np.array([score for _, score in there], float)
            return Ranking(rows, scores)

        return find


def _cross(given: Asked, recipe: Tune) -> CrossEncoder:
    """The recipe of a cross-encoder of three layers (decision 0011), as far as it is asked for."""
    plain = CrossEncoder(
        base=recipe.base, layers=3, frozen=1, rate=1e-4, minutes=recipe.minutes, seed=recipe.seed,
        robust=recipe.robust, epsilon=recipe.epsilon,
    )  # fmt: skip
    return replace(plain, steps=given.steps, judged=max(1, min(plain.judged, given.steps))) if given.steps else plain
